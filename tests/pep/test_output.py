"""What may come out of a call, and what is recorded of it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.log.canonical import encode
from aegisd.core.proposal import PAYLOAD_BYTES_MAX
from aegisd.pep import output
from aegisd.pep.output import KeptBack, admit, result_payload


@given(text=st.text(max_size=600))
def test_text_is_cut_to_whole_characters_within_max_output_bytes(text: str) -> None:
    found = output._cut(text, 100)
    assert text.startswith(found)
    assert len(found.encode()) <= 100
    assert found == text or len(text[: len(found) + 1].encode()) > 100


@given(text=st.text(alphabet='a"\n\x00é𝄞\u2028', max_size=300))
def test_a_fitted_text_is_the_longest_start_that_fits(text: str) -> None:
    def payload(content: str) -> int:
        return len(encode({"call_id": "c1", "content": content}))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output, "PAYLOAD_BYTES_MAX", 150)
        found = output._fit(text, "c1")
    assert text.startswith(found)
    assert payload(found) <= 150
    assert found == text or payload(text[: len(found) + 1]) > 150


def test_text_is_recorded_as_content_and_all_else_as_a_result() -> None:
    assert result_payload("c1", "text") == {"call_id": "c1", "content": "text"}
    assert result_payload("c1", ["text"]) == {"call_id": "c1", "result": ["text"]}


def test_what_comes_out_is_what_is_recorded() -> None:
    assert admit("search", "text", "c1", 3) == ("tex", "tex")
    found = {"hits": (1, 2)}
    out, recorded = admit("search", found, "c1", None)
    assert out is found
    assert recorded == found
    assert recorded is not found


def test_what_is_told_of_a_value_is_recorded_and_the_value_comes_out() -> None:
    day = datetime(2026, 1, 2, tzinfo=UTC)
    assert admit("today", day, "c1", 10, lambda value: f"{value:%Y-%m-%d}") == (day, "2026-01-02")
    with pytest.raises(KeptBack, match="today gave back 10 bytes, max_output_bytes is 9"):
        admit("today", day, "c1", 9, lambda value: f"{value:%Y-%m-%d}")


def test_what_cannot_be_cut_is_kept_back_at_one_byte_past_its_bound() -> None:
    assert admit("list", ["x"], "c1", len('["x"]'))[1] == ["x"]
    with pytest.raises(KeptBack, match="list gave back 6 bytes, max_output_bytes is 5"):
        admit("list", ["xx"], "c1", len('["x"]'))
    room = PAYLOAD_BYTES_MAX - len(encode(result_payload("c1", [""])))
    assert admit("list", ["x" * room], "c1", None)
    with pytest.raises(KeptBack, match="PAYLOAD_BYTES_MAX"):
        admit("list", ["x" * (room + 1)], "c1", None)


@pytest.mark.parametrize("value", [object(), {1: "a"}, float("nan"), 2**60, "\ud800", ["\ud800"]])
def test_what_is_not_json_is_kept_back_by_its_type(value: object) -> None:
    with pytest.raises(KeptBack, match=f"cannot be recorded .{type(value).__name__}"):
        admit("odd", value, "c1", None)

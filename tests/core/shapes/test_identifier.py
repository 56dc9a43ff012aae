"""Ids: what they may be, and how a call is named that nobody named."""

import pytest

from aegisd.core.errors import InvalidField, ReservedId
from aegisd.core.shapes.identifier import ID_CHARACTERS_MAX, call_id_of, check_id


@pytest.mark.parametrize("value", ["a", "A.b_c:d@e-f", "-", "9", "_", "x" * ID_CHARACTERS_MAX])
def test_an_id_comes_back_unchanged(value: str) -> None:
    assert check_id(value, "session_id") == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        ".a",
        "a b",
        "a/b",
        "é",
        "a\n",
        "a\x00",
        "x" * (ID_CHARACTERS_MAX + 1),
        "Å",
        "a$",
        "١",
        1,
        None,
        True,
        ["a"],
        b"a",
    ],
)
def test_what_is_no_id_is_refused_by_its_fields_name(value: object) -> None:
    with pytest.raises(InvalidField, match=r"^session_id: expected 1 to 128 of") as refused:
        check_id(value, "session_id")
    assert refused.value.details == {"field": "session_id"}


@pytest.mark.parametrize("value", ["$", "$control", "$" + "x" * 200])
def test_ids_that_start_with_a_dollar_belong_to_the_daemon(value: str) -> None:
    with pytest.raises(ReservedId, match=r"^tenant_id: "):
        check_id(value, "tenant_id")


def test_a_call_without_an_id_is_named_by_its_seq() -> None:
    assert call_id_of({"call_id": "mine"}, 7) == "mine"
    unnamed: list[object] = [{}, {"call_id": None}, {"call_id": 5}, None, []]
    for payload in unnamed:
        assert call_id_of(payload, 7) == "c7"

"""What reaches a terminal: nothing that moves the cursor, turns text round or hides."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisctl.display import SHOWN_CHARACTERS_MAX, shown, table, time


@given(st.text())
def test_nothing_unseen_is_shown(text: str) -> None:
    told = shown(text, None)
    assert not {unicodedata.category(c) for c in told} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs", "M"]), max_size=40))
def test_what_is_seen_is_shown_as_it_is(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    "hostile", ["\x1b[31m", "\r", "\n", "\u202e", "\u2066", "\u200f", "\u061c"]
)
def test_control_and_bidirectional_characters_are_escaped(hostile: str) -> None:
    assert shown(f"a{hostile}b").startswith("a\\u")


def test_a_value_is_cut_past_its_bound_and_not_at_it() -> None:
    assert shown("x" * SHOWN_CHARACTERS_MAX) == "x" * SHOWN_CHARACTERS_MAX
    cut = shown("x" * (SHOWN_CHARACTERS_MAX + 1))
    assert cut == "x" * (SHOWN_CHARACTERS_MAX - 1) + "…"


def test_columns_are_aligned_by_what_a_terminal_draws() -> None:
    lines = list(table(("a", "b"), [("日本", "x"), ("abcd", "y"), ("e\u0301", "z")]))
    assert lines == ["a     b", "日本  x", "abcd  y", "e\u0301     z"]


@given(st.integers())
def test_any_integer_can_be_a_time(ms: int) -> None:
    assert time(ms)


def test_times_are_utc_to_the_millisecond() -> None:
    assert time(1_700_000_000_001) == "2023-11-14T22:13:20.001Z"
    assert time(-1) == "1969-12-31T23:59:59.999Z"

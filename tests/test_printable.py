"""What reaches a terminal: nothing that moves the cursor, turns text round or hides."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.printable import SHOWN_CHARACTERS_MAX, shown


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

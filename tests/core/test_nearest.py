"""The nearest word, against edit distance as its definition has it."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.nearest import WORD_CHARACTERS_MAX, WORDS_MAX, alike, nearest

words = st.text("abc", max_size=6)


@cache
def distance(left: str, right: str) -> int:
    """Levenshtein's distance, straight from its recursive definition."""
    if not left or not right:
        return len(left) + len(right)
    return min(
        distance(left[1:], right) + 1,
        distance(left, right[1:]) + 1,
        distance(left[1:], right[1:]) + (left[0] != right[0]),
    )


@given(words, st.lists(words, min_size=1, max_size=5))
def test_the_nearest_word_has_the_least_edit_distance_and_is_the_first_such(
    word: str, known: list[str]
) -> None:
    found = nearest(word, known)
    best = min(distance(word, other) for other in known)
    assert found == min(other for other in known if distance(word, other) == best)


@given(st.text(max_size=8), st.lists(words, min_size=1, max_size=5))
def test_the_order_of_the_known_words_does_not_matter(word: str, known: list[str]) -> None:
    assert nearest(word, known) == nearest(word, reversed(known))


@pytest.mark.parametrize(
    ("typed", "meant"), [("tool_nmae", "tool_name"), ("arg", "args"), ("", "args"), ("é", "args")]
)
def test_a_slip_of_the_finger_finds_the_word(typed: str, meant: str) -> None:
    assert nearest(typed, ["tool_name", "args", "call_id"]) == meant


def test_characters_past_the_bound_are_not_looked_at() -> None:
    start = "x" * (WORD_CHARACTERS_MAX - 1)
    assert nearest(start + "a", [start + "a", start + "b"]) == start + "a"
    assert nearest(start + "b", [start + "a", start + "b"]) == start + "b"
    assert nearest(start + "xb", [start + "xa", start + "xb"]) == start + "xa"
    assert nearest("a" * 10_000_000, ["a" * 10_000_000, "b"]) == "a" * 10_000_000


def test_words_past_the_bound_are_no_candidates() -> None:
    known = [f"{number:04}" for number in range(WORDS_MAX + 1)]
    assert nearest(known[WORDS_MAX - 1], known) == known[WORDS_MAX - 1]
    assert nearest(known[WORDS_MAX], known) != known[WORDS_MAX]


@pytest.mark.parametrize(
    ("word", "found"),
    [("readfile", "read_file"), ("file_read", "read_file"), ("Fetch", "fetch"), ("pay", None)],
)
def test_a_word_that_is_like_none_of_the_known_ones_has_no_guess(word: str, found: str) -> None:
    assert alike(word, ["write_x", "read_file", "fetch"]) == found
    assert alike(word, []) is None

"""Argument patterns against a matcher that tries everything."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.target.pattern import COMPARISONS_MAX, unmatched


def tries_everything(arg: str, pattern: str) -> bool:
    """Match by cutting one character at a time: exponential, and too dumb to be wrong."""
    if not pattern:
        return not arg
    if pattern[0] != "*":
        return arg[:1] == pattern[0] and tries_everything(arg[1:], pattern[1:])
    return any(tries_everything(arg[cut:], pattern[1:]) for cut in range(len(arg) + 1))


short = st.text("ab*.", max_size=7)


@given(args=st.lists(short, max_size=4), patterns=st.lists(short, max_size=3))
def test_an_argument_is_left_over_exactly_when_no_pattern_covers_all_of_it(
    args: list[str], patterns: list[str]
) -> None:
    left = tuple(arg for arg in args if not any(tries_everything(arg, p) for p in patterns))
    assert unmatched(args, patterns) == left


@pytest.mark.parametrize(
    ("pattern", "arg", "matches"),
    [
        ("log", "log", True),
        ("log", "LOG", False),
        ("log", "logs", False),
        ("", "", True),
        ("*", "", True),
        ("*", "a\nb", True),
        ("--format=*", "--format=%H %s", True),
        ("--format=*", "x--format=", False),
        ("a*a", "a", False),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "acb", False),
        ("*ab*ba*", "aba", False),
        ("[a-z]?", "b1", False),
        ("[a-z]?", "[a-z]?", True),
        (".*", "anything", False),
    ],
)
def test_only_the_star_is_special(pattern: str, arg: str, matches: bool) -> None:
    assert (unmatched([arg], [pattern]) == ()) is matches


def test_without_patterns_every_argument_is_left_over() -> None:
    assert unmatched(["a", ""], []) == ("a", "")


def test_a_star_does_not_reach_into_the_next_argument() -> None:
    assert unmatched(["--a", "b"], ["--a*b", "--a *"]) == ("--a", "b")


def test_a_pattern_of_many_stars_stays_linear() -> None:
    start = process_time()
    assert unmatched(["a" * 100_000], ["a*" * 2_000 + "b"]) == ("a" * 100_000,)
    assert process_time() - start < 2


def test_arguments_are_compared_up_to_a_bound_and_match_nothing_past_it() -> None:
    patterns = ["never"] * 4_095 + ["*"]
    args = [f"a{number}" for number in range(COMPARISONS_MAX // len(patterns) + 1)]
    assert unmatched(args[:-1] * 9, patterns) == ()
    assert unmatched(args, patterns) == (args[-1],)


def test_more_patterns_than_may_be_compared_match_nothing() -> None:
    assert unmatched(["a"], ["*"] * 9, 9) == ()
    assert unmatched(["a"], ["*"] * 10, 9) == ("a",)

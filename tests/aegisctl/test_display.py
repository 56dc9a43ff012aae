"""Tables and times as a person reads them."""

from hypothesis import given
from hypothesis import strategies as st

from aegisctl.display import table, time


def test_columns_are_aligned_by_what_a_terminal_draws() -> None:
    lines = list(table(("a", "b"), [("日本", "x"), ("abcd", "y"), ("e\u0301", "z")]))
    assert lines == ["a     b", "日本  x", "abcd  y", "e\u0301     z"]


@given(st.integers())
def test_any_integer_can_be_a_time(ms: int) -> None:
    assert time(ms)


def test_times_are_utc_to_the_millisecond() -> None:
    assert time(1_700_000_000_001) == "2023-11-14T22:13:20.001Z"
    assert time(-1) == "1969-12-31T23:59:59.999Z"

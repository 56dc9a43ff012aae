"""A table walked by one test tries every row, and tells which one failed."""

import inspect

import pytest

from tests.table import each


def test_every_row_is_tried_with_every_other_and_the_one_that_fails_is_told() -> None:
    tried: list[tuple[int, str]] = []

    @each(("left", "right"), [(1, "a"), (2, "b")])
    @each("times", range(2))
    def walk(left: int, right: str, times: int, fixture: int) -> None:
        tried.append((left, right))
        assert times < fixture

    assert list(inspect.signature(walk).parameters) == ["fixture"]
    walk(fixture=2)
    assert tried == [(1, "a"), (1, "a"), (2, "b"), (2, "b")]
    with pytest.raises(AssertionError) as caught:
        walk(fixture=1)
    assert caught.value.__notes__ == ["the row is times = 1", "the row is left, right = (1, 'a')"]


def test_a_table_without_rows_is_skipped_by_name() -> None:
    with pytest.raises(pytest.skip.Exception, match="no rows of path"):
        each("path", [])(print)()

"""A place in a log is a position or a time."""

import click
import pytest

from aegisctl.window import Place, PlaceOption


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("0", Place(0, is_time=False)),
        ("2000", Place(2000, is_time=False)),
        ("1970-01-01T00:00:01Z", Place(1000, is_time=True)),
        ("1970-01-01T01:00:01+01:00", Place(1000, is_time=True)),
        ("1970-01-02", Place(86_400_000, is_time=True)),
    ],
)
def test_digits_are_a_position_and_all_else_a_time(text: str, place: Place) -> None:
    assert PlaceOption().convert(text, None, None) == place


@pytest.mark.parametrize("text", ["", "-1", "now", "1.5", "2026-13-01"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        PlaceOption().convert(text, None, None)

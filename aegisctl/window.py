"""`--since` and `--until`: a stretch of a log, by positions or by the times of decisions."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click
from msgspec import Struct

from aegisd.core.replay.counterfactual import Wanted, every
from aegisd.core.replay.judgement import Judgement

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Place(Struct, frozen=True):
    """A position, or milliseconds since the Unix epoch."""

    number: int
    is_time: bool

    def of(self, judgement: Judgement) -> int:
        """The same kind of number of a decision."""
        return judgement.decision.now_ms if self.is_time else judgement.row.position


class PlaceOption(click.ParamType[Place]):
    """Digits are a position, anything else a time of RFC 3339, in UTC where it names no zone."""

    name = "place"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Place:
        """See `click.ParamType`."""
        text = str(value)
        if text.isdecimal():
            return Place(int(text), is_time=False)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail("expected a position or a time such as 2026-07-22T09:00:00Z", param, ctx)
        zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return Place(int(zoned.timestamp() * 1000), is_time=True)


since: Decorator = click.option(
    "--since",
    type=PlaceOption(),
    metavar="POSITION|TIME",
    help="With --policy: only decisions from there on.",
)
until: Decorator = click.option(
    "--until",
    type=PlaceOption(),
    metavar="POSITION|TIME",
    help="With --policy: only decisions before that.",
)


def between(first: Place | None, end: Place | None) -> Wanted:
    """Decisions from `first` on, and before `end`; None for no bound."""
    if first is None and end is None:
        return every

    def wanted(judgement: Judgement) -> bool:
        return (first is None or first.number <= first.of(judgement)) and (
            end is None or end.of(judgement) < end.number
        )

    return wanted

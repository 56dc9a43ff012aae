"""Figures out of samples: turns, medians over rounds, percentiles and ratios."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

Key = TypeVar("Key")
Found = TypeVar("Found")


class Timing(Struct, frozen=True):
    """What a step costs, in microseconds, over all measurements of it."""

    p50_us: float
    p99_us: float


def in_turns(ways: Mapping[Key, Callable[[], Found]], rounds: int) -> Mapping[Key, list[Found]]:
    """What every way found in each round, in which all have a turn; the order changes.

    A slow minute of a shared machine slows all of them.
    """
    found: dict[Key, list[Found]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways)[:: -1 if number % 2 else 1]:
            found[name].append(ways[name]())
    return found


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that `share` (0 to 1) of all samples do not exceed."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def timing(rounds: Sequence[Sequence[float]]) -> Timing:
    """Of rounds of samples in microseconds: the median round's p50, and the p99 of all of them.

    A slow second on a shared machine moves one round's median, not the median of the medians.
    """
    pooled = [sample for samples in rounds for sample in samples]
    medians = [percentile(samples, 0.5) for samples in rounds]
    return Timing(
        p50_us=round(percentile(medians, 0.5), 2), p99_us=round(percentile(pooled, 0.99), 2)
    )


def span(figures: Sequence[float]) -> str:
    """How far the figures of all rounds lie apart, for a cell of a table."""
    digits = 0 if max(figures) >= 100 else 3  # noqa: PLR2004 - three digits
    return f"{min(figures):,.{digits}f} to {max(figures):,.{digits}f}"


class Paired(Struct, frozen=True):
    """Ratios of one contender to another, a pair in each round.

    `half` is where the middle half of the rounds lies: from the lower to the upper quartile.
    """

    median: float
    half: tuple[float, float]


def paired(figures: Sequence[float], bases: Sequence[float]) -> Paired:
    """The median of each round's own ratio: a slow minute of a machine slows both of a pair."""
    ratios = [figure / base for figure, base in zip(figures, bases, strict=True)]
    return Paired(
        median=statistics.median(ratios),
        half=(percentile(ratios, 0.25), percentile(ratios, 0.75)),
    )

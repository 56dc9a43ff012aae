"""Figures out of samples: medians over rounds, percentiles, and how they are written."""

import statistics
from collections.abc import Mapping, Sequence

from msgspec import Struct


class Timing(Struct, frozen=True):
    """What a step costs, in microseconds, over `samples` measurements of it."""

    p50_us: float
    p99_us: float
    samples: int


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
        p50_us=round(percentile(medians, 0.5), 2),
        p99_us=round(percentile(pooled, 0.99), 2),
        samples=len(pooled),
    )


def middle(rounds: Sequence[Mapping[str, float]], name: str) -> Mapping[str, float]:
    """The round whose figure called `name` is the median of all rounds'."""
    return sorted(rounds, key=lambda figures: figures[name])[len(rounds) // 2]


class Paired(Struct, frozen=True):
    """Ratios of one contender to another, a pair in each round.

    `half` is where the middle half of the rounds lies: from the lower to the upper quartile.
    """

    median: float
    half: tuple[float, float]
    rounds: int


def paired(figures: Sequence[float], bases: Sequence[float]) -> Paired:
    """The median of each round's own ratio: a slow minute of a machine slows both of a pair."""
    ratios = [figure / base for figure, base in zip(figures, bases, strict=True)]
    return Paired(
        median=statistics.median(ratios),
        half=(percentile(ratios, 0.25), percentile(ratios, 0.75)),
        rounds=len(ratios),
    )


def ratio(figure: float, base: float | None) -> str:
    """`figure` as so many times `base`; empty without a base."""
    if not base:
        return ""
    times = figure / base
    return f"{times:,.0f}x" if times >= 9.5 else f"{times:.2g}x"  # noqa: PLR2004 - two digits


def micros(us: float) -> str:
    """Microseconds with as many digits as the measurement is worth."""
    return f"{us:,.0f}" if us >= 100 else f"{us:,.1f}"  # noqa: PLR2004 - three digits

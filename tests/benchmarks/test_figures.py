"""Figures: what is printed is what was measured."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import middle, paired, percentile, ratio, timing

Samples = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=60)


@given(Samples, st.floats(0, 1))
def test_a_percentile_is_a_sample_that_its_share_does_not_exceed(
    samples: list[float], share: float
) -> None:
    found = percentile(samples, share)

    assert found in samples
    assert sum(sample <= found for sample in samples) >= share * len(samples)


@given(Samples)
def test_the_hundredth_percentile_is_the_largest_sample(samples: list[float]) -> None:
    assert percentile(samples, 1) == max(samples)


def test_one_slow_round_moves_the_p99_and_not_the_p50() -> None:
    calm = timing([[1.0] * 100] * 3)
    disturbed = timing([[1.0] * 100, [50.0] * 100, [1.0] * 100])

    assert (calm.p50_us, calm.p99_us, calm.samples) == (1.0, 1.0, 300)
    assert (disturbed.p50_us, disturbed.p99_us, disturbed.samples) == (1.0, 50.0, 300)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=9).filter(lambda r: len(r) % 2 == 1))
def test_the_middle_round_is_the_one_at_the_median(rates: list[int]) -> None:
    rounds = [{"per_second": float(rate), "round": float(at)} for at, rate in enumerate(rates)]

    found = middle(rounds, "per_second")

    assert found in rounds
    assert found["per_second"] == statistics.median(rates)


@given(
    st.lists(st.tuples(st.floats(0.5, 2), st.floats(1, 1e6)), min_size=1, max_size=40),
    st.floats(0.5, 2),
)
def test_a_slow_minute_that_slows_both_of_a_pair_does_not_move_their_ratio(
    rounds: list[tuple[float, float]], slower: float
) -> None:
    ratios, bases = zip(*rounds, strict=True)
    figures = [kept * base for kept, base in rounds]

    calm = paired(figures, bases)
    disturbed = paired(
        [figures[0] / slower, *figures[1:]],
        [bases[0] / slower, *bases[1:]],
    )

    assert calm.median == pytest.approx(statistics.median(ratios))
    assert disturbed.median == pytest.approx(calm.median)
    assert disturbed.half == pytest.approx(calm.half)


def test_half_of_all_rounds_lie_where_the_middle_half_is_told() -> None:
    found = paired([float(figure) for figure in range(1, 101)], [1.0] * 100)

    assert (found.half, found.rounds) == ((26.0, 76.0), 100)


def test_pairs_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        paired([1.0, 2.0], [1.0])


def test_a_ratio_has_two_digits_and_none_without_a_base() -> None:
    assert [ratio(30, base) for base in (20, 2.5, 0.03)] == ["1.5x", "12x", "1,000x"]
    assert (ratio(0.005, 1), ratio(9.9, 1)) == ("0.005x", "10x")
    assert (ratio(30, None), ratio(30, 0)) == ("", "")

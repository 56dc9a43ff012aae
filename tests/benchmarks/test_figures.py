"""Figures: what is printed is what was measured."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import in_turns, paired, percentile, span, timing

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

    assert (calm.p50_us, calm.p99_us) == (1.0, 1.0)
    assert (disturbed.p50_us, disturbed.p99_us) == (1.0, 50.0)


def test_all_have_a_turn_in_each_round_and_the_order_changes() -> None:
    begun: list[str] = []

    found = in_turns({"a": lambda: begun.append("a"), "b": lambda: begun.append("b")}, 3)

    assert begun == [*"abbaab"]
    assert found == {"a": [None] * 3, "b": [None] * 3}


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

    assert found.half == (26.0, 76.0)


def test_pairs_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        paired([1.0, 2.0], [1.0])


def test_rounds_lie_between_their_smallest_and_their_largest() -> None:
    assert (span([0.3, 0.25, 2]), span([1_000, 90])) == ("0.250 to 2.000", "90 to 1,000")

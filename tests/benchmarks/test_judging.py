"""The family of schemas and arguments is the same for everybody, and is judged within its bound."""

from benchmarks.judging import Family, run
from tests.effort import times

# Milliseconds of processor time and megabytes: ten times what is promised, since others run beside.
_GENEROUS_MS, _GENEROUS_MB = 500, 320


def test_any_call_of_the_family_is_judged_within_its_bound() -> None:
    found = run(times(80, 10_000), seed=7)
    assert found.milliseconds < _GENEROUS_MS
    assert found.megabytes < _GENEROUS_MB
    assert 0 < found.invalid < found.pairs
    assert 0 < found.too_costly < found.invalid
    assert found.refused < found.schemas


def test_a_seed_gives_the_same_pairs() -> None:
    schemas = [Family(3).schema() for _ in range(2)]
    assert schemas[0] == schemas[1] != Family(4).schema()

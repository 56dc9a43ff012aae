"""A log that grows: filled to the size that was asked for, signed, and copied as it was."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from aegisd.core.log import checkpoint
from aegisd.core.log.note import read_key
from aegisd.signing import ed25519
from aegisd.store.sqlite.reader import SqliteReader
from benchmarks.figures import Timing
from benchmarks.filling import TENANT
from benchmarks.growth import FLAT_RATIO, Costs, Log, section, sizes


@pytest.fixture
def log(tmp_path: Path) -> Log:
    log = Log(tmp_path)
    asyncio.run(log.fill(1_000, lambda _: None))
    return log


def test_a_filled_log_has_the_events_that_were_asked_for_and_is_signed_to_its_end(log: Log) -> None:
    with closing(SqliteReader(str(log.database))) as reader:
        kept = reader.newest_checkpoint(TENANT)
        lengths = [len(event.body) for event in reader.events(TENANT)]
    keys = [read_key(line) for line in log.public_key.read_text().splitlines()]

    assert 1_000 <= log.size() <= 1_002
    assert kept is not None
    assert kept.size == log.size()
    assert checkpoint.verify(kept.note, keys, ed25519.check).root == kept.root
    assert sum(lengths) / len(lengths) == pytest.approx(600, rel=0.1)


def test_filling_to_the_size_it_has_adds_nothing_and_further_only_what_is_missing(log: Log) -> None:
    before = log.size()

    asyncio.run(log.fill(1_000, lambda _: None))
    same = log.size()
    asyncio.run(log.fill(1_500, lambda _: None))

    assert same == before
    assert 1_500 <= log.size() <= 1_502


def test_a_copy_goes_on_by_itself_and_the_log_does_not(log: Log, tmp_path: Path) -> None:
    copy = log.copied(tmp_path / "copy")
    before = log.size()

    asyncio.run(copy.fill(before + 100, lambda _: None))

    assert (log.size(), copy.size()) == (before, before + 100)


def test_it_is_told_how_much_of_the_filling_is_done(tmp_path: Path) -> None:
    told: list[float] = []

    asyncio.run(Log(tmp_path).fill(2_000, told.append))

    assert told == sorted(told)
    assert told[-1] == 1


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (1_000, [1_000]),
        (10_000, [10_000]),
        (10_001, [10_000, 10_001]),
        (1_000_000, [10_000, 100_000, 1_000_000]),
    ],
)
def test_a_log_is_looked_at_in_steps_of_ten_and_at_its_end(
    events: int, expected: list[int]
) -> None:
    assert sizes(events) == expected


def _costs(append_us: float, checkpoint_us: float) -> Costs:
    append, checkpoint, proof = (Timing(us, us) for us in (append_us, checkpoint_us, 100.0))
    return Costs(append, checkpoint, proof, proof)


def test_an_event_costs_its_append_and_its_share_of_a_checkpoint() -> None:
    assert _costs(40.0, 2_560.0).event_us == 50.0


@pytest.mark.parametrize(("append_us", "holds"), [(52.5, True), (52.6, False)])
def test_the_cost_of_an_event_is_held_to_that_in_the_smallest_log(
    append_us: float, holds: bool
) -> None:
    found = section(
        {
            10_000: _costs(40.0, 2_560.0),
            100_000: _costs(500.0, 2_560.0),
            1_000_000: _costs(append_us, 2_560.0),
        }
    )

    (aim,) = found.aims
    assert aim["found"] == pytest.approx((append_us + 10) / 50)
    assert (aim["at most"], aim["holds"] == "yes") == (FLAT_RATIO, holds)
    assert [len(rows) for rows in found.tables.values()] == [3, 3]


def test_a_log_of_one_size_is_compared_with_itself() -> None:
    (aim,) = section({1_000: _costs(40.0, 2_560.0)}).aims

    assert aim["found"] == 1

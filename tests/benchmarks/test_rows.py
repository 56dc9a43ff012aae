"""Rows for a store alone: a log that holds, of the size that is told."""

import pytest

from aegisd.core.log.chain import Chain
from aegisd.store.memory import MemoryStore
from benchmarks.rows import EVENTS_PER_SESSION, batches, sealed


def test_the_rows_are_a_log_that_holds() -> None:
    rows = sealed("bench", 3 * EVENTS_PER_SESSION + 1)
    chain = Chain(whole=True)

    assert [found for row in rows for found in chain.check(row)] == []
    assert (chain.events, len(chain.heads)) == (3 * EVENTS_PER_SESSION + 1, 4)


def test_a_row_has_about_600_bytes() -> None:
    sizes = [len(row.body) for row in sealed("bench", 2 * EVENTS_PER_SESSION)]

    assert sum(sizes) / len(sizes) == pytest.approx(600, rel=0.1)


@pytest.mark.parametrize("size", [1, 99, 100, 101, 200])
def test_batches_of_any_size_hold_every_row_once_in_order(size: int) -> None:
    rows = sealed("bench", 100)
    store = MemoryStore()

    for batch in batches(rows, size):
        assert len(batch.events) <= size
        store.append(batch)

    assert [row.body for row in store.events("bench")] == [row.body for row in rows]

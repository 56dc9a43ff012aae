"""The queue of a writer has a bound, and so has what it gives for one commit."""

import asyncio

import pytest

from aegisd.engine import batch, waiting
from tests.engine.world import StubbornStore, codes, run, running, said, together


def test_a_queue_at_its_bound_is_taken_and_one_event_more_is_told_to_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "QUEUE_EVENTS_MAX", 4)

    async def story() -> None:
        store = StubbornStore()
        async with running(store) as engine:
            assert codes(await together(engine, *[said(str(n)) for n in range(5)])) == [
                *["ok"] * 4,
                "queue_full",
            ]
            many = asyncio.gather(
                engine.append((said("a"), said("b"), said("c"))),
                engine.append((said("d"), said("e"))),
                engine.append((said("f"),)),
                engine.append((said("g"),)),
                return_exceptions=True,
            )
            assert codes(await many) == ["ok", "queue_full", "ok", "queue_full"]
            assert codes(await together(engine, said("again"))) == ["ok"]

    run(story())


@pytest.mark.parametrize(("bound", "commits"), [(10, 1), (9, 2)])
def test_a_commit_takes_events_up_to_its_bound(
    monkeypatch: pytest.MonkeyPatch, bound: int, commits: int
) -> None:
    monkeypatch.setattr(waiting, "BATCH_EVENTS_MAX", bound)
    # A busy machine must not end a batch before it is full.
    monkeypatch.setattr(batch, "BATCH_MS_MAX", 60_000)

    async def story() -> int:
        store = StubbornStore()
        async with running(store) as engine:
            await together(engine, *[said(str(n)) for n in range(10)])
            return len(store.batches)

    assert run(story()) == commits

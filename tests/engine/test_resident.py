"""Sessions leave memory when there are too many, never in flight, and come back the same."""

import asyncio
from collections.abc import Callable

import pytest

from aegisd.engine import resident
from aegisd.ports import EventStore
from tests.core.gate import Gate, tool
from tests.engine.world import OPEN, StubbornStore, close, live, log_of, run, running, said, settled


def test_sessions_leave_memory_and_come_back_as_they_were(
    monkeypatch: pytest.MonkeyPatch, alone: Callable[[], EventStore]
) -> None:
    monkeypatch.setattr(resident, "SESSIONS_RESIDENT_MAX", 3)
    monkeypatch.setattr("aegisd.engine.snapshots.SESSION_SNAPSHOT_EVENTS", 4)
    asked = [tool("read_file", f"s{n * n % 11}") for n in range(60)]
    gate = Gate(held=OPEN)
    for each in asked:
        gate.propose(each)

    async def story() -> None:
        store = alone()
        async with running(store) as engine:
            for each in asked:
                await engine.append((each,))
                assert len(live(engine)[1]) <= 3
            assert [event.body for event in log_of(store)] == [event.body for event in gate.events]
        close(store)

    run(story())


def test_a_session_in_flight_never_leaves_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resident, "SESSIONS_RESIDENT_MAX", 4)

    async def story() -> None:
        store = StubbornStore()
        async with running(store) as engine:
            for number in range(4):
                await engine.append((said("x", f"s{number}"),))
                await store.reached()
            store.door.clear()
            old_and_new = asyncio.create_task(engine.append((said("y", "s0"), said("y", "s4"))))
            await store.reached()
            behind = asyncio.create_task(engine.append((said("z", "s0"),)))
            await settled()
            store.door.set()
            await asyncio.gather(old_and_new, behind)
            assert len(log_of(store)) == 2 + 4 + 3

    run(story())

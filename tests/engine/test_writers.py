"""A writer that left and came back decides the same, and no command is lost in between."""

import asyncio
import random

import pytest

from aegisd.engine import resident, snapshots, survey, writers
from aegisd.store.memory import MemoryStore
from tests.core.gate import manifest, proposal
from tests.engine.test_turns import SharedStore
from tests.engine.world import StubbornStore, configured, log_of, run, running, settled

TENANTS = tuple(f"t{number}" for number in range(6))
BUDGET = configured(manifest(budgets={"tool_calls": 5}))


def bounded(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    for module in (writers, survey):
        monkeypatch.setattr(module, "WRITERS_RESIDENT_MAX", most)
    monkeypatch.setattr(writers, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(resident, "TAIL_EVENTS_MAX", 3)


async def _history(seed: int, store: MemoryStore) -> MemoryStore:
    """Calls of several tenants at once, in an order of chance, over two processes."""
    chance = random.Random(seed)
    for _ in range(2):
        async with running(store, told=BUDGET) as engine:
            for _ in range(12):
                asked = chance.sample(TENANTS, chance.randint(1, 3))
                calls = (engine.append((proposal(tenant_id=name),)) for name in asked)
                assert len(await asyncio.gather(*calls)) == len(asked)
    return store


@pytest.mark.parametrize("most", [1, 2, 5])
@pytest.mark.parametrize("store", [MemoryStore, StubbornStore, SharedStore])
def test_the_log_is_the_same_to_the_byte_however_few_writers_stay(
    monkeypatch: pytest.MonkeyPatch, most: int, store: type[MemoryStore]
) -> None:
    everybody = run(_history(most, store()))
    bounded(monkeypatch, most)
    few = run(_history(most, store()))
    for tenant_id in TENANTS:
        assert log_of(few, tenant_id) == log_of(everybody, tenant_id)


def test_whoever_makes_up_tenants_makes_no_more_writers_than_the_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bounded(monkeypatch, 3)

    async def story() -> None:
        store = MemoryStore()
        for named in (1, 2):
            async with running(store) as engine:
                assert len(engine._writers.resident) == (0 if named == 1 else 3)
                for number in range(20):
                    tenant_id = f"made-up-{number}"
                    await engine.append((proposal(tenant_id=tenant_id),))
                    while not all(  # noqa: ASYNC110 - nobody tells
                        each.is_idle for each in engine._writers.resident.values()
                    ):
                        await asyncio.sleep(0)
                    assert list(engine._writers.resident)[-1] == tenant_id
                    assert len(engine._writers.resident) <= 3
            assert store.snapshot("made-up-0", "") is not None

    run(story())


def test_a_writer_at_work_stays_and_leaves_when_it_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bounded(monkeypatch, 1)

    async def story() -> None:
        store = StubbornStore()
        async with running(store) as engine:
            store.door.clear()
            asked = [
                asyncio.ensure_future(engine.append((proposal(tenant_id=name),)))
                for name in TENANTS
            ]
            await settled()
            assert list(engine._writers.resident) == list(TENANTS)
            store.door.set()
            await asyncio.gather(*asked)
            await settled()
            await engine.append((proposal(tenant_id="last"),))
            assert list(engine._writers.resident) == ["last"]

    run(story())


def test_the_end_gives_cached_folds_few_commits_and_a_bounded_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resident, "TAIL_EVENTS_MAX", 1)
    monkeypatch.setattr(snapshots, "SESSION_SNAPSHOT_EVENTS", 1000)

    async def story(seconds: float) -> tuple[int, int]:
        monkeypatch.setattr(writers, "CACHE_SECONDS_MAX", seconds)
        store = StubbornStore()
        async with running(store) as engine:
            for name in TENANTS:
                await engine.append((proposal(tenant_id=name),))
            before = store.attempts
        kept = sum(store.snapshot(name, "") is not None for name in TENANTS)
        return store.attempts - before, kept

    assert run(story(60)) == (1, len(TENANTS))
    assert run(story(-1)) == (0, 0)

"""A batch is decided on the state that it makes, takes its time at most, and is kept whole."""

import asyncio
import time

import pytest

from aegisd.core.errors import Stopping
from aegisd.engine import batch, writer
from aegisd.store.memory import MemoryStore
from tests.core.gate import ScriptedJudge, manifest, proposal, tool
from tests.engine.world import (
    StubbornStore,
    codes,
    configured,
    log_of,
    outcome,
    run,
    running,
    said,
    settled,
)


def test_a_batch_that_took_its_time_is_committed_and_the_rest_follows_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batch, "BATCH_MS_MAX", 0)

    async def story() -> tuple[list[int], list[int]]:
        store = StubbornStore()
        async with running(store) as engine:
            await engine.append((said("opens"),))
            store.batches.clear()
            store.door.clear()
            works = [asyncio.create_task(engine.append((said(str(n)),))) for n in range(20)]
            await store.reached()
            store.door.set()
            answers = await asyncio.gather(*works)
            sizes = [len(batch.events) for batch in store.batches if batch.events]
            return sizes, [answer[0].event.seq for answer in answers]

    sizes, seqs = run(story())
    assert sizes == [1] * 20
    assert seqs == list(range(1, 21))


def test_many_events_in_one_request_are_all_or_nothing() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store) as engine:
            right, wrong = tool("read_file"), said("x")
            reused = proposal(payload={"tool_name": "read_file", "call_id": "c0"})
            with pytest.raises(Exception, match="call_id") as raised:
                await engine.append((right, wrong, reused))
            assert codes([raised.value]) == ["call_id_reused"]
            assert log_of(store) == []
            answers = await engine.append((right, wrong))
            assert [outcome(answer) for answer in answers] == ["allow", "recorded"]
            assert len(log_of(store)) == 5

    run(story())


def test_a_batch_is_judged_on_the_state_that_its_own_events_make() -> None:
    held = manifest(budgets={"tool_calls": 2})

    async def story() -> list[str]:
        async with running(MemoryStore(), told=configured(held)) as engine:
            answers = await engine.append((tool("read_file"),) * 3)
            return [outcome(answer) for answer in answers]

    assert run(story()) == ["allow", "allow", "BUDGET_EXCEEDED"]


def test_decisions_are_made_on_what_the_batch_in_flight_will_leave() -> None:
    held = manifest(budgets={"tool_calls": 1})

    async def story() -> list[str]:
        store = StubbornStore()
        async with running(store, told=configured(held)) as engine:
            await engine.append((said("open"),))
            store.door.clear()
            await store.reached()
            first = asyncio.create_task(engine.append((tool("read_file"),)))
            await store.reached()
            second = asyncio.create_task(engine.append((tool("read_file"),)))
            await settled()
            store.door.set()
            return [outcome((await first)[0]), outcome((await second)[0])]

    assert run(story()) == ["allow", "BUDGET_EXCEEDED"]


def test_a_request_of_many_slow_calls_lets_other_tenants_go_between_and_stays_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batch, "BATCH_MS_MAX", 0)
    others: list[asyncio.Task[object]] = []

    async def story() -> tuple[list[str], list[int]]:
        store, judge = MemoryStore(), ScriptedJudge()
        async with running(store, judge=judge) as engine:
            loop = asyncio.get_running_loop()
            answered: list[int] = []

            async def other() -> None:
                await engine.append((said("hello", tenant_id="other"),))
                answered.append(judge.judged)

            def counted(*asked: object) -> object:
                # The third of forty asks for another tenant, which waits for no more than its turn.
                if judge.judged == 3:
                    loop.call_soon_threadsafe(lambda: others.append(asyncio.ensure_future(other())))
                time.sleep(0.001)
                return real(*asked)  # type: ignore[arg-type]

            await engine.append((said("opens"),))
            await engine.append((said("opens", tenant_id="other"),))
            real = judge.judge
            monkeypatch.setattr(judge, "judge", counted)
            answers = await engine.append((tool("read_file"),) * 40)
            await asyncio.gather(*others)
            assert len(log_of(store)) == 2 + 1 + 80
            return [outcome(answer) for answer in answers], answered

    outcomes, answered = run(story())
    assert outcomes == ["allow"] * 40
    assert len(answered) == 1
    assert answered[0] < 40


def test_an_end_waits_only_so_long_for_what_is_not_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "BATCH_MS_MAX", 0)
    monkeypatch.setattr(writer, "DECIDING_SECONDS_MAX", 0)
    ends: list[asyncio.Task[None]] = []

    async def story() -> None:
        store, judge = MemoryStore(), ScriptedJudge()
        async with running(store, judge=judge) as engine:
            loop = asyncio.get_running_loop()

            def slow(*asked: object) -> object:
                if judge.judged == 3:
                    loop.call_soon_threadsafe(lambda: ends.append(loop.create_task(engine.stop())))
                time.sleep(0.001)
                return real(*asked)  # type: ignore[arg-type]

            await engine.append((said("opens"),))
            real = judge.judge
            monkeypatch.setattr(judge, "judge", slow)
            asked = (engine.append((tool("read_file"),) * 1_000), engine.append((said("behind"),)))
            told = await asyncio.gather(*asked, return_exceptions=True)
            assert [type(each) for each in told] == [Stopping, Stopping]
            await asyncio.gather(*ends)
            assert judge.judged < 1_000
            assert len(log_of(store)) == 2 + 1

    run(story())

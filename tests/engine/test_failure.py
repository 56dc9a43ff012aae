"""Every failure denies everybody it concerns, and nobody else."""

import asyncio
from collections.abc import Mapping

import pytest

from aegisd import compose
from aegisd.core.errors import (
    PositionConflict,
    StoreBroken,
    StoreFailed,
)
from aegisd.rows import Batch, SessionHead
from aegisd.store.memory import MemoryStore
from tests.core.gate import BUNDLE, Json, ScriptedJudge, base, manifest, tool
from tests.engine.world import (
    ManualClock,
    StubbornStore,
    codes,
    configured,
    log_of,
    outcome,
    run,
    running,
    said,
    settled,
    together,
)
from tests.patience import PATIENCE_S


@pytest.mark.parametrize("fault", [StoreFailed("disk full"), PositionConflict("elsewhere")])
def test_a_commit_that_fails_denies_its_batch_and_the_next_and_then_all_is_well(
    fault: Exception,
) -> None:
    held = manifest(budgets={"tool_calls": 1})

    async def story() -> None:
        store = StubbornStore()
        async with running(store, told=configured(held)) as engine:
            await engine.append((said("before"),))
            await store.reached()
            store.door.clear()
            store.faults.append(fault)
            first = asyncio.gather(
                *(engine.append((tool("read_file", s),)) for s in ("s1", "s2")),
                return_exceptions=True,
            )
            await store.reached()
            second = asyncio.create_task(engine.append((tool("read_file"),)))
            third = asyncio.create_task(engine.append((said("k", idempotency_key="k"),)))
            await settled()
            store.door.set()
            told = [*await first, *await asyncio.gather(second, third, return_exceptions=True)]
            assert codes(told) == ["log_unavailable"] * 4
            assert len(log_of(store)) == 3
            after = await together(
                engine, tool("read_file"), said("k", idempotency_key="k"), tool("read_file")
            )
            assert codes(after) == ["ok"] * 3
            answers = [answer for told in after if isinstance(told, tuple) for answer in told]
            assert [outcome(a) for a in answers] == ["allow", "recorded", "BUDGET_EXCEEDED"]
            assert not any(answer.replayed for answer in answers)
            log_of(store)

    run(story())


def test_a_commit_that_fails_before_the_next_batch_is_decided_denies_only_its_own() -> None:
    async def story() -> None:
        store = StubbornStore()
        async with running(store) as engine:
            store.faults.append(StoreFailed("disk full"))
            assert codes(await together(engine, said("a"))) == ["log_unavailable"]
            assert codes(await together(engine, said("b"))) == ["ok"]
            assert len(log_of(store)) == 3

    run(story())


@pytest.mark.parametrize(
    "fault", [StoreBroken("fsync"), ZeroDivisionError("odd"), OSError(5, "Input/output error")]
)
def test_a_broken_store_denies_everybody_and_is_never_tried_again(fault: Exception) -> None:
    reasons: list[str] = []

    async def story() -> None:
        store = StubbornStore()
        async with running(store, on_fatal=reasons.append) as engine:
            await engine.append((said("before"),))
            await store.reached()
            store.door.clear()
            store.faults.append(fault)
            first = asyncio.create_task(engine.append((said("a"),)))
            await store.reached()
            second = asyncio.create_task(engine.append((said("b"),)))
            await settled()
            third = asyncio.create_task(engine.append((said("c"),)))
            await asyncio.sleep(0)
            store.door.set()
            told = await asyncio.gather(first, second, third, return_exceptions=True)
            assert codes(told) == ["log_unavailable"] * 3
            assert codes(await together(engine, said("d"))) == ["stopping"]
            assert store.attempts == 2
            assert len(log_of(store)) == 3

    run(story())
    assert len(reasons) == 1


def test_a_judge_that_throws_fails_its_own_caller_and_no_other() -> None:
    def sick(given: Json, held: Json) -> Json:
        if given.get("call", {}).get("tool") == "pay":
            raise LookupError("odd")
        return base(given, held)

    async def story() -> None:
        store = StubbornStore()
        async with running(store, judge=ScriptedJudge({BUNDLE: sick})) as engine:
            told = await together(engine, said("a"), tool("pay"), tool("read_file"), said("b"))
            assert codes(told) == ["ok", "LookupError", "ok", "ok"]
            assert [event.event_type for event in log_of(store)][2:] == [
                "USER_MESSAGE",
                "TOOL_CALL_PROPOSED",
                "POLICY_DECISION",
                "USER_MESSAGE",
            ]

    run(story())


class Listener:
    """A follower that counts what it is told, and may fail at it."""

    def __init__(self, *, fails: bool = False) -> None:
        self.told, self.fails, self.stopped = 0, fails, False

    async def resume(self, ends: Mapping[str, int]) -> None:
        """Nothing to begin with."""

    def committed(self, batch: Batch) -> None:
        self.heard(batch.tenant_id, batch.first_position)

    def heard(self, tenant_id: str, next_position: int) -> None:
        self.told += 1
        if self.fails:
            raise ZeroDivisionError

    async def stop(self) -> None:
        self.stopped = True


def test_a_follower_that_fails_is_lost_and_costs_no_call_anything() -> None:
    reasons: list[str] = []

    async def story() -> None:
        deaf, well = Listener(fails=True), Listener()
        engine = compose.engine(
            MemoryStore(),
            ScriptedJudge(),
            configured(),
            clock=ManualClock(),
            on_fatal=reasons.append,
            followers=(deaf, well),
        )
        await engine.start()
        for content in ("a", "b"):
            await asyncio.wait_for(engine.append((said(content),)), PATIENCE_S)
        assert (deaf.told, well.told) == (1, 2)
        await engine.stop()
        assert deaf.stopped
        assert well.stopped

    run(story())
    assert reasons == []


def test_a_writer_that_fails_outside_a_batch_denies_everybody_and_ends_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reasons: list[str] = []

    def fail(**_held: bool) -> None:
        raise ZeroDivisionError

    async def story() -> None:
        async with running(MemoryStore(), on_fatal=reasons.append) as engine:
            await engine.append((said("before"),))
            monkeypatch.setattr(engine._writers.resident["acme"], "_settle", fail)
            told = await asyncio.wait_for(together(engine, said("a"), said("b")), PATIENCE_S)
            assert codes(told) == ["log_unavailable"] * 2
            assert codes(await together(engine, said("c"))) == ["stopping"]

    run(story())
    assert len(reasons) == 1


def test_an_evaluator_that_fails_is_a_denial_on_record() -> None:
    def sick(_given: Json, _held: Json) -> Json:
        raise ZeroDivisionError

    async def story() -> None:
        store = MemoryStore()
        async with running(store, judge=ScriptedJudge({BUNDLE: sick})) as engine:
            (answer,) = await engine.append((tool("read_file"),))
            assert outcome(answer) == "POLICY_ERROR"
            assert b'"fault":"error"' in log_of(store)[-1].body

    run(story())


def test_a_log_that_cannot_be_read_denies_until_it_can() -> None:
    class Blind(MemoryStore):
        blind = False

        def session_head(self, tenant_id: str, session_id: str) -> SessionHead | None:
            if self.blind:
                raise StoreFailed("cannot read")
            return super().session_head(tenant_id, session_id)

    async def story() -> None:
        store = Blind()
        async with running(store) as engine:
            await engine.append((said("a"),))
            store.blind = True
            assert codes(await together(engine, said("b", "s2"))) == ["store_failed"]
            assert codes(await together(engine, said("c"))) == ["ok"]
            store.blind = False
            assert codes(await together(engine, said("d", "s2"))) == ["ok"]
            assert len(log_of(store)) == 5

    run(story())


@pytest.mark.parametrize(("fault", "fatal"), [(StoreFailed("full"), 0), (StoreBroken("fsync"), 1)])
def test_a_cache_that_cannot_be_written_takes_back_no_answer(
    fault: Exception, fatal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aegisd.engine.snapshots.SESSION_SNAPSHOT_EVENTS", 2)
    reasons: list[str] = []

    async def story() -> None:
        store = StubbornStore()
        async with running(store, on_fatal=reasons.append) as engine:
            store.faults.extend([None, fault])
            answers = await engine.append((said("a"), said("b")))
            assert len(answers) == 2
            await store.reached()
            await store.reached()
            while fatal and not reasons:  # noqa: ASYNC110 - another thread meets it
                await asyncio.sleep(0.002)
            told = codes(await together(engine, said("c")))
            assert told == (["stopping"] if fatal else ["ok"])
            assert len(log_of(store)) == 5 - fatal

    run(story())
    assert len(reasons) == fatal

"""One writer per tenant: group commit, answers only for what is durable, denial on failure."""

import asyncio
from collections.abc import Callable

import pytest

from aegisd.core.capabilities import Capabilities
from aegisd.core.errors import HeadMismatch
from aegisd.core.state.snapshot import digest
from aegisd.engine import recovery
from aegisd.engine.engine import Engine
from aegisd.engine.recorded import Recorded
from aegisd.engine.snapshots import Snapshots
from aegisd.engine.waiting import BATCH_EVENTS_MAX
from aegisd.ports import EventStore
from aegisd.store.memory import MemoryStore
from tests.core.gate import Gate, ScriptedJudge, proposal, tool
from tests.engine.world import (
    OPEN,
    SNAPSHOT_KEY,
    SNAPSHOTS,
    ManualClock,
    StubbornStore,
    close,
    codes,
    configured,
    live,
    log_of,
    run,
    running,
    said,
    settled,
    together,
)

# ── what is written ──────────────────────────────────────────────────────────────────────────────


def test_the_engine_writes_the_bytes_that_the_pure_steps_give() -> None:
    asked = [
        said("hi"),
        tool("read_file", path="/workspace/a"),
        tool("undeclared", "s2"),
        tool("pay", "s2"),
        proposal("TOOL_RESULT", {"call_id": "c1", "result": 1}, agent_id="a1"),
        proposal(payload={"tool_name": "typed", "args": {"n": 1}}, agent_id="a1", user_id="u1"),
        proposal("TERMINATION", None),
        tool("read_file"),
    ]
    gate = Gate(held=OPEN)
    for each in asked:
        gate.propose(each)

    async def story() -> list[bytes]:
        store = MemoryStore()
        async with running(store) as engine:
            for each in asked:
                await engine.append((each,))
        return [event.body for event in log_of(store)]

    assert run(story()) == [event.body for event in gate.events]


def test_what_waits_is_committed_together() -> None:
    async def story() -> int:
        store = StubbornStore()
        async with running(store) as engine:
            store.door.clear()
            works = [engine.append((said(str(n)),)) for n in range(500)]
            waiting = asyncio.gather(*works)
            await store.reached()
            store.door.set()
            await waiting
            assert len(log_of(store)) == 502
            return len(store.batches)

    assert run(story()) <= 4


def test_a_batch_waits_for_as_many_as_the_one_before_it_or_for_its_commit() -> None:
    async def story() -> tuple[list[int], list[int]]:
        store, decided = StubbornStore(), list[int]()
        async with running(store) as engine:
            await engine.append((said("opens"),))
            store.batches.clear()
            await store.reached()
            store.door.clear()
            works: list[asyncio.Task[object]] = []
            for number in (2, 1, 1, 1):
                works += [asyncio.create_task(together(engine, said("x"))) for _ in range(number)]
                await settled()
                tenant, _sessions = live(engine)
                decided.append(0 if tenant is None else tenant.next_position - len(log_of(store)))
            store.door.set()
            await asyncio.gather(*works)
            return decided, [len(each.events) for each in store.batches]

    assert run(story()) == ([2, 2, 4, 4], [2, 2, 1])


def test_nobody_is_answered_before_the_append_returned() -> None:
    async def story() -> None:
        store = StubbornStore()
        async with running(store) as engine:
            await engine.append((said("first"),))
            store.door.clear()
            await store.reached()
            first = [asyncio.create_task(engine.append((said(str(n)),))) for n in range(3)]
            await store.reached()
            behind = asyncio.create_task(engine.append((said("behind"),)))
            await settled()
            assert not any(task.done() for task in [*first, behind])
            assert store.attempts == 2
            store.door.set()
            await asyncio.gather(*first, behind)

    run(story())


def test_events_are_decided_and_stored_in_the_order_they_came() -> None:
    async def story() -> None:
        store = StubbornStore()
        async with running(store) as engine:
            asked = [said(str(n), f"s{n % 7}") for n in range(300)]
            answers = await together(engine, *asked)
            positions = [told[0].event.position for told in answers if isinstance(told, tuple)]
            assert positions == list(range(2, 302))
            for batch in store.batches:
                assert len(batch.events) <= BATCH_EVENTS_MAX + 2

    run(story())


@pytest.mark.parametrize("one_session", [True, False])
def test_of_many_clients_at_once_no_event_is_lost_doubled_or_forked(
    one_session: bool, reopen: Callable[[], EventStore]
) -> None:
    clients, each = 64, 2

    async def client(engine: Engine, number: int) -> list[Recorded]:
        session_id = "s" if one_session else f"s{number}"
        answers: list[Recorded] = []
        for count in range(each):
            answers += await engine.append((said(f"{number}/{count}", session_id),))
            answers += await engine.append((tool("read_file", session_id),))
        return answers

    async def story() -> None:
        store = reopen()
        async with running(store) as engine:
            told = await asyncio.gather(*(client(engine, number) for number in range(clients)))
            answers = [answer for own in told for answer in own]
            events = log_of(store)
            assert len(events) == 2 + clients * each * 3
            stored = {event.hash for event in events}
            rows = {
                row.hash for answer in answers for row in (answer.event, answer.decision) if row
            }
            assert len(rows) == clients * each * 3
            assert rows <= stored
            for own in told:
                positions = [answer.event.position for answer in own]
                assert positions == sorted(positions)
        close(store)

    run(story())


def test_conflicts_come_only_where_a_head_was_named() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store) as engine:
            named = [proposal("USER_MESSAGE", {"content": n}, seq=0) for n in range(20)]
            free = [said(str(n)) for n in range(20)]
            told = await together(engine, *named, *free)
            assert codes(told[20:]) == ["ok"] * 20
            assert codes(told[:20]) == ["ok"] + ["head_mismatch"] * 19
            assert len(log_of(store)) == 2 + 21
            with pytest.raises(HeadMismatch) as raised:
                await engine.append((named[0],))
            assert raised.value.details["head_seq"] == 20

    run(story())


# ── time, restart, end ───────────────────────────────────────────────────────────────────────────


def test_the_writers_time_never_runs_backwards_for_a_tenant(
    alone: Callable[[], EventStore],
) -> None:
    async def story() -> None:
        judge, clock = ScriptedJudge(), ManualClock()
        store = alone()
        async with running(store, judge=judge, clock=clock) as engine:
            for moment in (5, -1000, 7, 6):
                clock.now += moment
                await engine.append((tool("read_file"),))
        close(store)
        clock.now = 1
        again = alone()
        async with running(again, judge=judge, clock=clock) as engine:
            await engine.append((tool("read_file", "s2"),))
            bodies = [e.body.decode() for e in log_of(again) if e.event_type == "POLICY_DECISION"]
            times = [int(body.partition('"now_ms":')[2].partition(",")[0]) for body in bodies]
            assert times == sorted(times)
            assert len(times) == 5
            assert times[-1] == times[-2]
        close(again)

    run(story())


@pytest.mark.parametrize("every", [3, 128])
def test_a_restart_finds_the_state_that_was_left(
    reopen: Callable[[], EventStore], every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aegisd.engine.snapshots.SESSION_SNAPSHOT_EVENTS", every)
    monkeypatch.setattr("aegisd.engine.snapshots.TENANT_SNAPSHOT_EVENTS", every)

    async def story() -> None:
        store = reopen()
        async with running(store) as engine:
            for number in range(20):
                await engine.append((tool("read_file", f"s{number % 3}"), said("x")))
            tenant, sessions = live(engine)
            assert tenant is not None
        close(store)
        again = reopen()
        mine, others = SNAPSHOTS, Snapshots("other rules", SNAPSHOT_KEY, signed=False)
        found = recovery.tenant_state(again, "acme", mine)
        recovery.check_head(again, found)
        assert (found, digest(found)) == (tenant, digest(tenant))
        for session_id, state in sessions.items():
            assert recovery.session_state(again, "acme", session_id, mine) == state
            assert recovery.session_state(again, "acme", session_id, others) == state
        assert recovery.tenant_state(again, "acme", others) == tenant
        close(again)

    run(story())


def test_an_orderly_end_answers_what_is_queued_and_takes_no_more() -> None:
    async def story() -> None:
        store = StubbornStore()
        async with running(store) as engine:
            store.door.clear()
            asked = asyncio.gather(*(engine.append((said(str(n)),)) for n in range(300)))
            await store.reached()
            ending = asyncio.create_task(engine.stop())
            await asyncio.sleep(0)
            assert codes(await together(engine, said("late"))) == ["stopping"]
            store.door.set()
            assert len(await asked) == 300
            await ending
            assert len(log_of(store)) == 302
            row = store.snapshot("acme", "")
            assert row is not None
            assert row.head == 301

    run(story())


def test_a_caller_who_goes_away_stops_nobody() -> None:
    async def story() -> None:
        store = StubbornStore()
        async with running(store) as engine:
            store.door.clear()
            gone = asyncio.create_task(engine.append((said("gone"),)))
            stays = asyncio.create_task(engine.append((said("stays"),)))
            await store.reached()
            gone.cancel()
            store.door.set()
            assert len(await stays) == 1
            assert len(log_of(store)) == 4

    run(story())


def test_tenants_share_nothing(reopen: Callable[[], EventStore]) -> None:
    async def story() -> None:
        store = reopen()
        async with running(store) as engine:
            asked = [tool("read_file"), proposal(tenant_id="umbrella"), said("x")]
            assert codes(await together(engine, *asked)) == ["ok"] * 3
            for tenant_id, length in (("acme", 5), ("umbrella", 4)):
                events = log_of(store, tenant_id)
                assert [event.position for event in events] == list(range(length))
        close(store)

    run(story())


def test_every_tenants_log_begins_with_the_rules_in_force() -> None:
    def kinds(capabilities: Capabilities | None) -> list[str]:
        async def story() -> list[str]:
            store = MemoryStore()
            async with running(store, told=configured(capabilities)) as engine:
                await engine.append((said("x"),))
            return [event.event_type for event in log_of(store)]

        return run(story())

    assert kinds(None) == ["POLICY_ACTIVATED", "USER_MESSAGE"]
    assert kinds(OPEN) == ["POLICY_ACTIVATED", "MANIFEST_REGISTERED", "USER_MESSAGE"]

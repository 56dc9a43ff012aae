"""One writer per tenant: group commit, answers only for what is durable, denial on failure."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import UNSET

from aegisd.core.errors import (
    HeadMismatch,
    IdempotencyConflict,
    PositionConflict,
    StoreBroken,
    StoreFailed,
)
from aegisd.core.manifest.capabilities import Capabilities
from aegisd.core.proposal import Proposal
from aegisd.core.state.snapshot import digest
from aegisd.engine import evaluation, recovery
from aegisd.engine import writer as module
from aegisd.engine.engine import Engine
from aegisd.engine.work import Answer, OpenSession
from aegisd.ports import EventStore
from aegisd.store.memory import MemoryStore
from tests.core.gate import BUNDLE, Gate, Json, ScriptedJudge, base, manifest, proposal, tool
from tests.engine.world import (
    OPEN,
    PATIENCE_S,
    ManualClock,
    StubbornStore,
    codes,
    configured,
    live,
    log_of,
    open_sqlite,
    outcome,
    run,
    running,
)


@pytest.fixture(params=["memory", "sqlite"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], EventStore]:
    """Give the same log, as a process that starts again would find it."""
    if request.param == "sqlite":
        return lambda: open_sqlite(tmp_path)
    kept = MemoryStore()
    return lambda: kept


def close(store: EventStore) -> None:
    """Close a file; a log in memory stays what the next start finds."""
    if not isinstance(store, MemoryStore):
        store.close()


def said(text: str, session_id: str = "s1", **fields: str) -> Proposal:
    return proposal("USER_MESSAGE", {"content": text}, session_id=session_id, **fields)


async def together(engine: Engine, *asked: Proposal) -> list[object]:
    """Submit in one go; give each answer or error."""
    works = (engine.append((each,)) for each in asked)
    return list(await asyncio.gather(*works, return_exceptions=True))


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
            await asyncio.sleep(0.05)
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
                assert len(batch.events) <= module.BATCH_EVENTS_MAX + 2

    run(story())


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
            await asyncio.sleep(0.05)
            store.door.set()
            return [outcome((await first)[0]), outcome((await second)[0])]

    assert run(story()) == ["allow", "BUDGET_EXCEEDED"]


@pytest.mark.parametrize("one_session", [True, False])
def test_of_many_clients_at_once_no_event_is_lost_doubled_or_forked(
    one_session: bool, reopen: Callable[[], EventStore]
) -> None:
    clients, each = 64, 6

    async def client(engine: Engine, number: int) -> list[Answer]:
        session_id = "s" if one_session else f"s{number}"
        answers: list[Answer] = []
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


# ── bounds ───────────────────────────────────────────────────────────────────────────────────────


def test_a_queue_at_its_bound_is_taken_and_one_event_more_is_told_to_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "QUEUE_EVENTS_MAX", 4)

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
    monkeypatch.setattr(module, "BATCH_EVENTS_MAX", bound)

    async def story() -> int:
        store = StubbornStore()
        async with running(store) as engine:
            await together(engine, *[said(str(n)) for n in range(10)])
            return len(store.batches)

    assert run(story()) == commits


def test_sessions_leave_memory_and_come_back_as_they_were(
    monkeypatch: pytest.MonkeyPatch, reopen: Callable[[], EventStore]
) -> None:
    monkeypatch.setattr(module, "SESSIONS_RESIDENT_MAX", 3)
    monkeypatch.setattr(module, "SESSION_SNAPSHOT_EVENTS", 4)
    asked = [tool("read_file", f"s{n * n % 11}") for n in range(60)]
    gate = Gate(held=OPEN)
    for each in asked:
        gate.propose(each)

    async def story() -> None:
        store = reopen()
        async with running(store) as engine:
            for each in asked:
                await engine.append((each,))
                assert len(live(engine)[1]) <= 3
            assert [event.body for event in log_of(store)] == [event.body for event in gate.events]
        close(store)

    run(story())


def test_a_session_in_flight_never_leaves_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SESSIONS_RESIDENT_MAX", 4)

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
            await asyncio.sleep(0.05)
            store.door.set()
            await asyncio.gather(old_and_new, behind)
            assert len(log_of(store)) == 2 + 4 + 3

    run(story())


# ── failures: each denies everybody it concerns ──────────────────────────────────────────────────


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
            await asyncio.sleep(0.05)
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
            await asyncio.sleep(0.05)
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


def test_an_evaluator_that_hangs_ends_the_process_and_nobody_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluation, "EVALUATOR_STUCK_MS_MAX", 100)
    reasons: list[str] = []
    end = threading.Event()

    def hang(given: Json, held: Json) -> Json:
        end.wait(PATIENCE_S)
        return base(given, held)

    async def story() -> None:
        store = StubbornStore()
        judge = ScriptedJudge({BUNDLE: hang})
        async with running(store, judge=judge, on_fatal=reasons.append) as engine:
            store.door.clear()
            recorded = asyncio.create_task(engine.append((said("in flight"),)))
            await store.reached()
            told = await together(engine, tool("read_file"), said("with it"))
            assert codes(told) == ["evaluator_stuck"] * 2
            assert codes(await together(engine, said("behind"))) == ["stopping"]
            store.door.set()
            await recorded
            assert [event.event_type for event in log_of(store)][2:] == ["USER_MESSAGE"]
            assert store.attempts == 1
        end.set()

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

        def snapshot(self, tenant_id: str, session_id: str) -> None:
            if self.blind:
                raise StoreFailed("cannot read")

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


# ── idempotency ──────────────────────────────────────────────────────────────────────────────────


def keyed(content: object = "x", **fields: object) -> Proposal:
    return proposal("USER_MESSAGE", {"content": content}, idempotency_key="k", **fields)


@pytest.mark.parametrize("asked", [keyed(), proposal(idempotency_key="k")])
def test_a_request_sent_again_is_answered_from_the_log_wherever_the_first_one_is(
    asked: Proposal, reopen: Callable[[], EventStore]
) -> None:
    async def story() -> None:
        judge = ScriptedJudge()
        store = reopen()
        async with running(store, judge=judge) as engine:
            told = await together(engine, asked, asked)
            told += await together(engine, asked)
        close(store)
        again = reopen()
        async with running(again, judge=judge) as engine:
            told += await together(engine, asked)
            answers = [answer for each in told if isinstance(each, tuple) for answer in each]
            assert [answer.replayed for answer in answers] == [False, True, True, True]
            assert {(answer.event.hash, answer.head.hash) for answer in answers} == {
                (answers[0].event.hash, answers[0].head.hash)
            }
            assert len(log_of(again)) == 3 + (answers[0].decision is not None)
        close(again)

    run(story())


def test_a_request_sent_again_while_the_first_is_being_committed_waits_for_it() -> None:
    async def story() -> None:
        store = StubbornStore()
        async with running(store) as engine:
            store.door.clear()
            first = asyncio.create_task(engine.append((keyed(),)))
            await store.reached()
            second = asyncio.create_task(engine.append((keyed(),)))
            await asyncio.sleep(0.05)
            assert not second.done()
            store.door.set()
            assert (await second)[0].event == (await first)[0].event
            assert (await second)[0].replayed
            assert len(log_of(store)) == 3

    run(story())


@pytest.mark.parametrize(
    ("first", "other"),
    [
        (keyed(), keyed("y")),
        (keyed(), keyed(session_id="s2")),
        (keyed(), keyed(user_id="u")),
        (keyed(), keyed(agent_id="a")),
        (keyed(), keyed(ts_unix_ms=1)),
        (keyed(), proposal("MEMORY_READ", {"memory_key": "x"}, idempotency_key="k")),
        (keyed(1), keyed("1")),
        (keyed([1]), keyed([True])),
    ],
)
def test_a_key_used_for_another_request_is_refused(first: Proposal, other: Proposal) -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store) as engine:
            told = await together(engine, first, other)
            assert codes(told) == ["ok", "idempotency_conflict"]
            with pytest.raises(IdempotencyConflict):
                await engine.append((other,))
            assert len(log_of(store)) == 3

    run(story())


def test_a_request_is_the_same_if_its_canonical_bytes_are() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store) as engine:
            told = await together(engine, keyed({"a": 1, "b": 2}), keyed({"b": 2.0, "a": 1}))
            assert codes(told) == ["ok", "ok"]
            assert len(log_of(store)) == 3

    run(story())


def test_a_batchs_key_stands_for_the_whole_batch() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store) as engine:
            batch = (proposal(idempotency_key="k"), keyed("a"), keyed("b"))
            first = await engine.append(batch)
            again = await engine.append(batch)
            assert [a.head.hash for a in again] == [a.head.hash for a in first]
            assert all(answer.replayed for answer in again)
            for other in (batch[:2], batch[1:], (*batch, keyed("c")), batch[::-1]):
                with pytest.raises(IdempotencyConflict):
                    await engine.append(other)
            assert len(log_of(store)) == 2 + 4

    run(story())


def opening(session_id: str = "s1", *, named: bool = True, meta: object = UNSET) -> OpenSession:
    return OpenSession(
        session_id=session_id,
        named=named,
        user_id="u",
        agent_id=None,
        meta=meta,  # type: ignore[arg-type]  # an object or left out
        idempotency_key="k",
    )


def test_opening_a_session_again_under_its_key_is_the_same_opening() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store) as engine:
            first = await engine.open_session("acme", opening(meta={"x": 1}))
            again = await engine.open_session("acme", opening(meta={"x": 1}))
            made_up = await engine.open_session("acme", opening("s9", named=False, meta={"x": 1}))
            assert first.event == again.event == made_up.event
            others = (opening("s2", meta={"x": 1}), opening(meta={"x": True}), opening())
            for other in others:
                with pytest.raises(IdempotencyConflict):
                    await engine.open_session("acme", other)
            with pytest.raises(IdempotencyConflict):
                await engine.append((keyed(),))
            assert len(log_of(store)) == 3

    run(story())


# ── time, restart, end ───────────────────────────────────────────────────────────────────────────


def test_the_writers_time_never_runs_backwards_for_a_tenant(
    reopen: Callable[[], EventStore],
) -> None:
    async def story() -> None:
        judge, clock = ScriptedJudge(), ManualClock()
        store = reopen()
        async with running(store, judge=judge, clock=clock) as engine:
            for moment in (5, -1000, 7, 6):
                clock.now += moment
                await engine.append((tool("read_file"),))
        close(store)
        clock.now = 1
        again = reopen()
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
    monkeypatch.setattr(module, "SESSION_SNAPSHOT_EVENTS", every)
    monkeypatch.setattr(module, "TENANT_SNAPSHOT_EVENTS", every)

    async def story() -> None:
        store = reopen()
        async with running(store) as engine:
            for number in range(20):
                await engine.append((tool("read_file", f"s{number % 3}"), said("x")))
            tenant, sessions = live(engine)
            assert tenant is not None
        close(store)
        again = reopen()
        version = ScriptedJudge.rules_version
        found = recovery.tenant_state(again, "acme", version)
        recovery.check_head(again, found)
        assert (found, digest(found)) == (tenant, digest(tenant))
        for session_id, state in sessions.items():
            assert recovery.session_state(again, "acme", session_id, version) == state
            assert recovery.session_state(again, "acme", session_id, "other rules") == state
        assert recovery.tenant_state(again, "acme", "other rules") == tenant
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

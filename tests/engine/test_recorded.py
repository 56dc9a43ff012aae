"""A request sent again is answered from the log; a key sent with another is refused."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from aegisd.core.act import Act
from aegisd.core.errors import IdempotencyConflict, LogCorrupt, StoreFailed
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.proposal import Proposal
from aegisd.engine.recorded import Recorded, recorded
from aegisd.ports import EventStore
from aegisd.store.memory import MemoryStore
from aegisd.store.sqlite.reader import SqliteReader
from aegisd.store.sqlite.store import SqliteStore
from tests.core.builders import chain, envelope
from tests.core.gate import ScriptedJudge, proposal
from tests.engine.world import StubbornStore, close, codes, log_of, run, running, settled, together


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
            await settled()
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


def stored(event_type: str, payload: object) -> StoredEvent:
    return chain([envelope(0, "USER_MESSAGE", {"content": 1}), envelope(1, event_type, payload)])[1]


@pytest.mark.parametrize(
    ("alteration", "there"),
    [
        ("UPDATE events SET position = 99 - position WHERE session_id = 's1'", True),
        ("DELETE FROM events WHERE event_type = 'POLICY_DECISION'", False),
    ],
)
def test_a_retry_is_told_the_recorded_decision_or_that_it_is_gone(
    alteration: str, there: bool, tmp_path: Path
) -> None:
    path = str(tmp_path / "aegis.db")

    async def decide() -> StoredEvent | None:
        with closing(SqliteStore(path)) as store:
            async with running(store) as engine:
                return (await engine.append((proposal(idempotency_key="k"),)))[0].decision

    decision = run(decide())
    assert decision is not None
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        for verb in ("update", "delete"):
            file.execute(f"DROP TRIGGER events_no_{verb}")
        file.execute(alteration)
    with closing(SqliteReader(path)) as reader:
        if there:
            (again,) = recorded(reader, "acme", "k")
            assert again.decision is not None
            assert again.decision.body == decision.body
        else:
            with pytest.raises(LogCorrupt, match="what was decided about it"):
                recorded(reader, "acme", "k")


def test_the_head_after_an_event_is_its_decision_or_itself() -> None:
    event, decision = chain(
        [envelope(0, "USER_MESSAGE", {"content": 1}), envelope(1, "POLICY_DECISION", {})]
    )
    assert Recorded(act=Act(cause=event)).head == event
    assert Recorded(act=Act(cause=event, consequences=(decision,))).head == decision


@pytest.mark.parametrize(
    ("event_type", "payload", "call_id"),
    [
        ("TOOL_CALL_PROPOSED", {"tool_name": "t", "call_id": "x"}, "x"),
        ("TOOL_CALL_PROPOSED", {"tool_name": "t"}, "c1"),
        ("MEMORY_WRITE", {"memory_key": "k"}, "c1"),
        ("TOOL_RESULT", {"call_id": "x", "result": 1}, "x"),
        ("ERROR_RAISED", {"code": "e", "message": "m"}, None),
        ("USER_MESSAGE", {"content": 1}, None),
        ("TERMINATION", None, None),
    ],
)
def test_the_call_of_an_event_is_the_callers_name_for_it_or_the_servers(
    event_type: str, payload: object, call_id: str | None
) -> None:
    assert Recorded(act=Act(cause=stored(event_type, payload))).call_id == call_id


def test_a_request_whose_commit_failed_is_decided_anew_under_its_key() -> None:
    async def story() -> None:
        store = StubbornStore()
        async with running(store) as engine:
            await engine.append((proposal(),))
            store.faults.append(StoreFailed("gone"))
            assert codes(await together(engine, keyed())) == ["log_unavailable"]
            (told,) = await together(engine, keyed())
            assert isinstance(told, tuple)
            assert not told[0].replayed
            assert told[0].event in log_of(store)

    run(story())

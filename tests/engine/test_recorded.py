"""A request sent again is answered from the log; a key sent with another is refused."""

import asyncio
from collections.abc import Callable

import pytest

from aegisd.core.act import Act
from aegisd.core.errors import IdempotencyConflict, StoreFailed
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.proposal import Proposal
from aegisd.engine.recorded import Recorded
from aegisd.ports import EventStore
from aegisd.store.memory import MemoryStore
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

"""A session is opened once, by its first event; the same request again is the same opening."""

import pytest
from msgspec import UNSET

from aegisd.core.errors import IdempotencyConflict, SessionExists
from aegisd.core.proposal import Proposal
from aegisd.engine.commands.opening import OpenSession
from aegisd.store.memory import MemoryStore
from tests.core.builders import START_MS
from tests.core.gate import Gate, proposal
from tests.engine.staging import opened, payload, stage
from tests.engine.world import OPEN, log_of, run, running


def keyed(content: object = "x", **fields: object) -> Proposal:
    return proposal("USER_MESSAGE", {"content": content}, idempotency_key="k", **fields)


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


def test_opening_a_session_is_its_first_event_and_only_that() -> None:
    staged = stage(Gate(held=OPEN))
    answer = opened().stage(staged)
    assert (answer.event.seq, answer.event.event_type) == (0, "SESSION_OPENED")
    assert (answer.event.user_id, answer.event.agent_id) == ("u", "a")
    assert answer.event.idempotency_key == "k"
    assert payload(answer.event) == {"meta": {"x": 1}, "now_ms": START_MS + 5}
    with pytest.raises(SessionExists):
        opened().stage(staged)
    bare = opened("s8", agent_id=None, idempotency_key=None, meta=UNSET).stage(staged).event
    assert (bare.agent_id, bare.idempotency_key) == (None, None)
    assert payload(bare) == {"now_ms": START_MS + 5}
    assert staged.sessions["s9"].budget.started_ms == START_MS + 5

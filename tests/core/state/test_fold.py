"""The folds against lists and counters, over sequences that a daemon would write and would not."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from aegisd.core.activation import Activation
from aegisd.core.events import DAEMON_EVENTS, DECLARATIONS, JUDGED
from aegisd.core.shapes.fact import Cause, Fact, read
from aegisd.core.state.fold import fact, fold_session, fold_tenant
from aegisd.core.state.model import SessionState, TenantState
from aegisd.core.state.snapshot import digest, freeze, thaw
from tests.core.builders import small_log

call_ids = st.sampled_from(["a", "b", "c0", "c3"])
times = st.integers(0, 10**13)


@st.composite
def events(draw: st.DrawFn) -> tuple[str, object]:
    """One event's type and payload, with few call ids so that they meet."""
    event_type = draw(
        st.sampled_from(
            [
                *["TOOL_CALL_PROPOSED", "POLICY_DECISION", "TOOL_RESULT"] * 3,
                *["MODEL_CALL_STARTED", "MODEL_CALL_FINISHED", "TOOL_CALL_EXECUTED"],
                *["MEMORY_WRITE", "ERROR_RAISED", "USER_MESSAGE", "TERMINATION"],
                *["SESSION_OPENED", "MANIFEST_REGISTERED", "POLICY_ACTIVATED"],
                "WRITTEN_BY_A_LATER_VERSION",
            ]
        )
    )
    payload: dict[str, object] = draw(st.fixed_dictionaries({}, optional={"call_id": call_ids}))
    if event_type in DAEMON_EVENTS:
        payload |= draw(st.fixed_dictionaries({}, optional={"now_ms": times}))
    if event_type == "POLICY_DECISION":
        payload["outcome"] = draw(st.sampled_from(["allow", "deny", "require_approval"]))
    if event_type in ("MANIFEST_REGISTERED", "POLICY_ACTIVATED"):
        payload |= {"digest": draw(call_ids), "author": draw(call_ids)}
    return event_type, draw(st.sampled_from([payload, payload, payload, None]))


@st.composite
def logs(draw: st.DrawFn) -> list[Fact]:
    """A tenant's events in position order, of up to three sessions."""
    seqs: dict[str, int] = {}
    facts = []
    for position, (event_type, payload) in enumerate(draw(st.lists(events(), max_size=30))):
        session_id = draw(st.sampled_from(["s", "s", "t", "$control"]))
        seqs[session_id] = seqs.get(session_id, -1) + 1
        facts.append(
            read(
                position=position,
                session_id=session_id,
                seq=seqs[session_id],
                event_hash=position.to_bytes(32),
                event_type=event_type,
                agent_id=draw(st.sampled_from(["a1", "a2", None])),
                payload=payload,
                declared=DECLARATIONS.get(event_type),
            )
        )
    return facts


def session(facts: Sequence[Fact], state: SessionState | None = None) -> SessionState:
    state = state or SessionState(tenant_id="acme", session_id="s")
    for each in facts:
        state = fold_session(state, each)
    return state


def tenant(facts: Sequence[Fact], state: TenantState | None = None) -> TenantState:
    state = state or TenantState(tenant_id="acme")
    for each in facts:
        state = fold_tenant(state, each)
    return state


def told(event: Fact, field: str) -> object:
    return event.payload.get(field) if isinstance(event.payload, dict) else None


def named(event: Fact) -> str:
    call_id = told(event, "call_id")
    return call_id if isinstance(call_id, str) else f"c{event.seq}"


def causes(facts: Sequence[Fact]) -> list[Fact | None]:
    """What stands before each event that a decision may be about."""
    told: list[Fact | None] = []
    cause: Fact | None = None
    for event in facts:
        told.append(cause)
        if event.event_type != "POLICY_DECISION":
            cause = event if event.event_type in DECLARATIONS else None
    return told


def decisions(facts: Sequence[Fact]) -> list[tuple[Fact, Fact]]:
    """Each decision about a step event, behind that event."""
    return [
        (cause, event)
        for cause, event in zip(causes(facts), facts, strict=True)
        if cause is not None
        and cause.event_type in JUDGED
        and event.event_type == "POLICY_DECISION"
    ]


def calls_and_violations(facts: Sequence[Fact]) -> tuple[dict[str, tuple[str, str]], int]:
    """What became of each call, by the words of the design, one event at a time."""
    calls: dict[str, tuple[str, str]] = {}
    violations = 0
    for before, event in zip(causes(facts), facts, strict=True):
        call = calls.get(str(told(event, "call_id")))
        if event.event_type in JUDGED:
            calls[named(event)] = (event.event_type, "proposed")
        elif event.event_type == "POLICY_DECISION" and before and before.event_type in JUDGED:
            calls[named(before)] = (before.event_type, str(told(event, "outcome")))
        elif event.event_type == "TOOL_CALL_EXECUTED":
            violations += calls.get(named(event)) != ("TOOL_CALL_PROPOSED", "allow")
        elif event.event_type in ("TOOL_RESULT", "MODEL_CALL_FINISHED"):
            asks = {"TOOL_RESULT": "TOOL_CALL_PROPOSED"}.get(event.event_type, "MODEL_CALL_STARTED")
            if call == (asks, "allow"):
                calls[named(event)] = (asks, "settled")
            else:
                violations += 1
        elif event.event_type == "ERROR_RAISED" and told(event, "call_id") is not None:
            if call is not None and call[1] == "allow":
                calls[named(event)] = (call[0], "settled")
            else:
                violations += 1
    return calls, violations


@given(logs())
def test_a_session_is_what_counting_its_events_says(log: list[Fact]) -> None:
    own = [event for event in log if event.session_id == "s"]
    state = session(own)
    steps = decisions(own)
    ends = [event.seq for event in own if event.event_type == "TERMINATION"]
    daemons = [event for event in own if event.event_type in DAEMON_EVENTS]
    calls, violations = calls_and_violations(own)
    assert state.next_seq == len(own)
    assert state.head_hash == (own[-1].hash if own else b"")
    assert state.budget.steps == len(steps)
    allowed = [cause.event_type for cause, event in steps if told(event, "outcome") == "allow"]
    assert state.budget.tool_calls == allowed.count("TOOL_CALL_PROPOSED")
    assert state.budget.model_calls == allowed.count("MODEL_CALL_STARTED")
    assert state.budget.started_ms == ((told(daemons[0], "now_ms") or 0) if daemons else None)
    assert state.lifetime.terminated == bool(ends)
    assert state.lifetime.after_end == sum(
        event.event_type in JUDGED and event.seq > ends[0] for event in own if ends
    )
    known = {name: (call.event_type, call.status) for name, call in state.calls.known.items()}
    assert known == calls
    assert state.calls.violations == violations
    assert state.cause == cause_behind(own)


@given(logs())
def test_a_tenant_is_what_counting_its_events_says(log: list[Fact]) -> None:
    state = tenant(log)
    outcomes = [(event.agent_id, told(event, "outcome")) for _, event in decisions(log)]
    assert state.next_position == len(log)
    assert state.head_hash == (log[-1].hash if log else b"")
    tally = state.tally
    assert tally.sessions == len({event.session_id for event in log} - {"$control"})
    assert tally.allowed == sum(outcome == "allow" for _, outcome in outcomes)
    assert tally.denied == sum(outcome == "deny" for _, outcome in outcomes)
    for agent, answered in tally.agents.items():
        assert answered.allowed == outcomes.count((agent, "allow"))
        assert answered.denied == outcomes.count((agent, "deny"))
    assert {agent for agent, _ in tally.agents.items()} == {a for a, _ in outcomes if a}
    clock = [int(str(told(e, "now_ms") or 0)) for e in log if e.event_type in DAEMON_EVENTS]
    assert state.last_now_ms == max(clock, default=0)
    assert state.activations.manifest == activation(log, "MANIFEST_REGISTERED")
    assert state.activations.bundle == activation(log, "POLICY_ACTIVATED")
    assert state.cause == cause_behind(log)


def cause_behind(log: Sequence[Fact]) -> Cause | None:
    """What a decision that came next would be about."""
    last = next((event for event in reversed(log) if event.event_type != "POLICY_DECISION"), None)
    if last is None or last.event_type not in DECLARATIONS:
        return None
    judged = last.event_type in JUDGED
    return Cause(event_type=last.event_type, call_id=named(last), judged=judged)


def activation(log: Sequence[Fact], event_type: str) -> Activation | None:
    acts = [event for event in log if event.event_type == event_type]
    if not acts:
        return None
    return Activation(digest=str(told(acts[-1], "digest")), author=str(told(acts[-1], "author")))


@given(logs(), st.integers(0, 30))
def test_a_fold_may_stop_anywhere_be_frozen_thawed_and_go_on(log: list[Fact], cut: int) -> None:
    own = [event for event in log if event.session_id == "s"]
    thawed = thaw(freeze(session(own[:cut])), SessionState)
    assert thawed == session(own[:cut])
    resumed = session(own[cut:], thawed)
    assert resumed == session(own)
    assert digest(resumed) == digest(session(own))
    middle = thaw(freeze(tenant(log[:cut])), TenantState)
    assert middle == tenant(log[:cut])
    assert digest(tenant(log[cut:], middle)) == digest(tenant(log))


@given(logs(), st.text(max_size=20), st.sampled_from([None, {}, {"call_id": "a"}, 7, [], "x"]))
def test_an_event_of_an_unknown_type_moves_the_head_and_nothing_else(
    log: list[Fact], name: str, payload: object
) -> None:
    own = [event for event in log if event.session_id == "s"]
    unknown = read(
        position=len(log),
        session_id="s",
        seq=len(own),
        event_hash=b"\xff" * 32,
        event_type=f"NEW_{name}",
        agent_id="a1",
        payload=payload,
        declared=None,
    )
    before, after = session(own), session([*own, unknown])
    assert after == replace(before, next_seq=len(own) + 1, head_hash=unknown.hash, cause=None)
    there, then = tenant(log), tenant([*log, unknown])
    assert then == replace(
        there,
        next_position=len(log) + 1,
        head_hash=unknown.hash,
        cause=None,
        tally=replace(there.tally, sessions=there.tally.sessions + (not own)),
    )


def test_a_fact_is_what_the_stored_bytes_say() -> None:
    for event in small_log():
        seen = fact(event)
        assert (seen.position, seen.seq, seen.hash) == (event.position, event.seq, event.hash)
        assert (seen.session_id, seen.event_type) == (event.session_id, event.event_type)
    assert fact(small_log()[1]).payload == {"content": "héllo"}
    assert fact(small_log()[4]).payload is None


@pytest.mark.parametrize("kind", [SessionState, TenantState])
def test_every_part_of_a_state_sees_every_event(
    kind: type[SessionState | TenantState], monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {f.name: f.type for f in fields(kind) if hasattr(f.type, "fold")}
    assert parts
    told = list[tuple[type, Fact]]()

    def fold(self: object, event: Fact, _cause: Cause | None) -> object:
        told.append((type(self), event))
        return self

    for part in parts.values():
        monkeypatch.setattr(part, "fold", fold)
    event = fact(small_log()[0])
    if kind is SessionState:
        fold_session(SessionState(tenant_id="acme", session_id="s1"), event)
    else:
        fold_tenant(TenantState(tenant_id="acme"), event)
    assert {part for part, _ in told} == set(parts.values())
    assert len(told) == len(parts)

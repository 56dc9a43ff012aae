"""Events to state. Total on purpose: the log says what happened; refusing is the work of `decide`.

An event type this build does not know changes only the head, so that old folds survive new events.
"""

from collections.abc import Callable, Mapping

import msgspec
from msgspec.structs import replace

from aegisd.core import budget
from aegisd.core.events import CONTROL_SESSION, DAEMON_EVENTS, JUDGED, RELEASED, call_id_of
from aegisd.core.log.envelope import StoredEvent, unseal
from aegisd.core.state.model import (
    ALLOWED,
    PROPOSED,
    SETTLED,
    Activation,
    Fact,
    Pending,
    SessionState,
    TenantState,
)

_decode = msgspec.json.Decoder().decode


def fact(event: StoredEvent) -> Fact:
    """Read a stored event for folding. Raises `msgspec.MsgspecError` when it is not an envelope."""
    return Fact(
        position=event.position,
        session_id=event.session_id,
        seq=event.seq,
        hash=event.hash,
        event_type=event.event_type,
        agent_id=event.agent_id,
        payload=_decode(unseal(event.body).payload),
    )


def fold_session(state: SessionState, event: Fact) -> SessionState:
    """One more event of the session."""
    payload = event.payload if isinstance(event.payload, dict) else {}
    step = _SESSION_STEPS.get(event.event_type)
    if step is not None:
        state = step(state, event, payload)
    counters = state.counters
    if event.event_type in DAEMON_EVENTS:
        counters = budget.start(counters, _now_ms(payload))
    return replace(
        state,
        next_seq=event.seq + 1,
        head_hash=event.hash,
        counters=counters,
        pending=_pending(event, payload) if event.event_type in _MAY_BE_DECIDED else None,
    )


def fold_tenant(state: TenantState, event: Fact) -> TenantState:
    """One more event of the tenant, in position order."""
    payload = event.payload if isinstance(event.payload, dict) else {}
    step = _TENANT_STEPS.get(event.event_type)
    if step is not None:
        state = step(state, event, payload)
    now_ms = _now_ms(payload) if event.event_type in DAEMON_EVENTS else 0
    opens = event.seq == 0 and event.session_id != CONTROL_SESSION
    return replace(
        state,
        next_position=event.position + 1,
        head_hash=event.hash,
        last_now_ms=max(state.last_now_ms, now_ms),
        sessions=state.sessions + opens,
        pending=event.event_type,
    )


def closes(
    state: SessionState, event_type: str, payload: Mapping[str, object]
) -> tuple[str, str] | None:
    """The open allowed call that an event settles, as (call id, event type that asked for it).

    None where it settles none: another kind of call, one that nobody allowed or that is closed.
    """
    call_id = payload.get("call_id")
    known = state.calls.get(call_id) if isinstance(call_id, str) else None
    if known is None or known[1] != ALLOWED or known[0] not in _CLOSED_BY.get(event_type, ()):
        return None
    return str(call_id), str(known[0])


def tool_of(state: SessionState, payload: Mapping[str, object]) -> str | None:
    """The tool that an answer is of; None where it is of no open call to a tool."""
    call_id = payload.get("call_id")
    known = state.calls.get(call_id) if isinstance(call_id, str) else None
    return str(known[2]) if known is not None and known[2:] else None


def _now_ms(payload: dict[str, object]) -> int:
    now_ms = payload.get("now_ms")
    return now_ms if isinstance(now_ms, int) else 0


def _pending(event: Fact, payload: dict[str, object]) -> Pending:
    return Pending(event_type=event.event_type, call_id=call_id_of(payload, event.seq))


def _proposed(state: SessionState, event: Fact, payload: dict[str, object]) -> SessionState:
    call_id = call_id_of(payload, event.seq)
    tool = payload.get("tool_name")
    named = (tool,) if event.event_type == "TOOL_CALL_PROPOSED" and isinstance(tool, str) else ()
    return replace(
        state,
        calls=state.calls.put(call_id, (event.event_type, PROPOSED, *named)),
        after_end=state.after_end + state.terminated,
    )


def _decided(state: SessionState, _event: Fact, payload: dict[str, object]) -> SessionState:
    pending = state.pending
    if pending is None or pending.event_type not in JUDGED:
        return state
    outcome = str(payload.get("outcome"))
    known = state.calls.get(pending.call_id) or ()
    named = known[2:] if outcome == ALLOWED else ()
    return replace(
        state,
        counters=budget.charge(state.counters, pending.event_type, outcome),
        calls=state.calls.put(pending.call_id, (pending.event_type, outcome, *named)),
    )


def _closed(state: SessionState, event: Fact, payload: dict[str, object]) -> SessionState:
    call = closes(state, event.event_type, payload)
    if call is not None:
        call_id, asked = call
        return replace(state, calls=state.calls.put(call_id, (asked, SETTLED)))
    if event.event_type == "ERROR_RAISED" and "call_id" not in payload:
        return state
    return replace(state, violations=state.violations + 1)


def _executed(state: SessionState, event: Fact, payload: dict[str, object]) -> SessionState:
    known = state.calls.get(call_id_of(payload, event.seq))
    allowed = known is not None and known[:2] == ("TOOL_CALL_PROPOSED", ALLOWED)
    return replace(state, violations=state.violations + (not allowed))


def _terminated(state: SessionState, _event: Fact, _payload: dict[str, object]) -> SessionState:
    return replace(state, terminated=True)


def _tenant_decided(state: TenantState, event: Fact, payload: dict[str, object]) -> TenantState:
    if state.pending not in JUDGED:
        return state
    outcome = payload.get("outcome")
    allowed, denied = int(outcome == "allow"), int(outcome == "deny")
    agents = state.agents
    if event.agent_id is not None:
        before = agents.get(event.agent_id) or (0, 0)
        agents = agents.put(event.agent_id, (int(before[0]) + allowed, int(before[1]) + denied))
    return replace(
        state, allowed=state.allowed + allowed, denied=state.denied + denied, agents=agents
    )


def _manifest(state: TenantState, _event: Fact, payload: dict[str, object]) -> TenantState:
    return replace(state, manifest=_activation(payload))


def _bundle(state: TenantState, _event: Fact, payload: dict[str, object]) -> TenantState:
    return replace(state, bundle=_activation(payload))


def _activation(payload: dict[str, object]) -> Activation:
    return Activation(digest=str(payload.get("digest")), author=str(payload.get("author")))


_MAY_BE_DECIDED = JUDGED | RELEASED

# The calls that an event may settle; an error says which one it is about.
_CLOSED_BY: Mapping[str, frozenset[str]] = {
    "TOOL_RESULT": frozenset({"TOOL_CALL_PROPOSED"}),
    "MODEL_CALL_FINISHED": frozenset({"MODEL_CALL_STARTED"}),
    "ERROR_RAISED": JUDGED,
}

SessionStep = Callable[[SessionState, Fact, dict[str, object]], SessionState]
TenantStep = Callable[[TenantState, Fact, dict[str, object]], TenantState]

_SESSION_STEPS: Mapping[str, SessionStep] = {
    **dict.fromkeys(JUDGED, _proposed),
    "POLICY_DECISION": _decided,
    "TOOL_CALL_EXECUTED": _executed,
    **dict.fromkeys(_CLOSED_BY, _closed),
    "TERMINATION": _terminated,
}

_TENANT_STEPS: Mapping[str, TenantStep] = {
    "POLICY_DECISION": _tenant_decided,
    "MANIFEST_REGISTERED": _manifest,
    "POLICY_ACTIVATED": _bundle,
}

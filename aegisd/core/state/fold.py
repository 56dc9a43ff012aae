"""Events to state. Total on purpose: the log says what happened; refusing is the work of `decide`.

What an event means to a room is the room's own to say. An event type this build does not know
changes only the head, so that old folds survive new events.
"""

import msgspec
from msgspec import Struct
from msgspec.structs import fields, replace

from aegisd.core.events import DECLARATIONS
from aegisd.core.log.envelope import StoredEvent, unseal
from aegisd.core.shapes.fact import Cause, Fact, cause_of
from aegisd.core.state.model import SessionState, TenantState

_decode = msgspec.json.Decoder().decode


def _parts(state: type[Struct]) -> tuple[str, ...]:
    """The fields of a state that are folded by their rooms."""
    return tuple(field.name for field in fields(state) if hasattr(field.type, "fold"))


_OF_A_SESSION, _OF_A_TENANT = _parts(SessionState), _parts(TenantState)


def fact(event: StoredEvent) -> Fact:
    """Read a stored event for folding. Raises `msgspec.MsgspecError` when it is not an envelope."""
    payload = _decode(unseal(event.body).payload)
    declared = DECLARATIONS.get(event.event_type)
    return Fact(
        position=event.position,
        session_id=event.session_id,
        seq=event.seq,
        hash=event.hash,
        event_type=event.event_type,
        agent_id=event.agent_id,
        payload=payload,
        declared=declared,
        cause=cause_of(declared, event.event_type, payload, event.seq),
    )


def fold_session(state: SessionState, event: Fact) -> SessionState:
    """One more event of the session."""
    return replace(
        state,
        next_seq=event.seq + 1,
        head_hash=event.hash,
        cause=_cause(state.cause, event),
        **{name: getattr(state, name).fold(event, state.cause) for name in _OF_A_SESSION},
    )


def fold_tenant(state: TenantState, event: Fact) -> TenantState:
    """One more event of the tenant, in position order."""
    return replace(
        state,
        next_position=event.position + 1,
        head_hash=event.hash,
        last_now_ms=max(state.last_now_ms, event.now_ms or 0),
        cause=_cause(state.cause, event),
        **{name: getattr(state, name).fold(event, state.cause) for name in _OF_A_TENANT},
    )


def _cause(before: Cause | None, event: Fact) -> Cause | None:
    """What a consequence that comes next is about."""
    is_consequence = event.declared is not None and event.declared.consequence
    return before if is_consequence else event.cause

"""Events to state. Total on purpose: the log says what happened; refusing is the work of `decide`.

What an event means to a room is the room's own to say. An event type this build does not know
changes only the head, so that old folds survive new events.
"""

from msgspec import Raw

from aegisd.core import clock
from aegisd.core.events import DECLARATIONS
from aegisd.core.log.envelope import StoredEvent, unseal
from aegisd.core.log.foreign import Decode, decoder
from aegisd.core.shapes.fact import Fact, read
from aegisd.core.state.model import SessionState, TenantState

_decode: Decode[object] = decoder(object)


def fact(event: StoredEvent) -> Fact:
    """Read a stored event for folding. Raises `msgspec.MsgspecError` when it is not an envelope."""
    return fact_of(event, unseal(event.body).payload)


def fact_of(event: StoredEvent, body: Raw | bytes) -> Fact:
    """The same, where the bytes of its payload are at hand: those that its envelope holds."""
    return read(
        position=event.position,
        session_id=event.session_id,
        seq=event.seq,
        event_hash=event.hash,
        event_type=event.event_type,
        agent_id=event.agent_id,
        payload=_decode(body),
        declared=DECLARATIONS.get(event.event_type),
    )


def fold_session(state: SessionState, event: Fact) -> SessionState:
    """One more event of the session."""
    cause = state.cause
    return SessionState(
        tenant_id=state.tenant_id,
        session_id=state.session_id,
        next_seq=event.seq + 1,
        head_hash=event.hash,
        cause=cause if event.is_consequence else event.cause,
        budget=state.budget.fold(event, cause),
        calls=state.calls.fold(event, cause),
        lifetime=state.lifetime.fold(event, cause),
    )


def fold_tenant(state: TenantState, event: Fact) -> TenantState:
    """One more event of the tenant, in position order."""
    cause = state.cause
    last_now_ms, stepped_ms = clock.moved(state.last_now_ms, state.stepped_ms, event)
    return TenantState(
        tenant_id=state.tenant_id,
        next_position=event.position + 1,
        head_hash=event.hash,
        last_now_ms=last_now_ms,
        stepped_ms=stepped_ms,
        cause=cause if event.is_consequence else event.cause,
        activations=state.activations.fold(event, cause),
        tally=state.tally.fold(event, cause),
    )

"""State from the log: the newest valid snapshot, then every event behind it, each link checked."""

import hashlib
from collections.abc import Iterable, Iterator

import msgspec

from aegisd.core.errors import LogCorrupt
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.state.fold import fact, fold_session, fold_tenant
from aegisd.core.state.model import SessionState, TenantState
from aegisd.core.state.snapshot import thaw_session, thaw_tenant
from aegisd.ports import EventReader, SnapshotRow


def session_state(
    reader: EventReader, tenant_id: str, session_id: str, rules_version: str
) -> SessionState:
    """The fold of a session as the log has it now; empty for one without events.

    Raises `LogCorrupt` where bytes, hashes and links disagree.
    """
    state = SessionState(tenant_id=tenant_id, session_id=session_id)
    row = reader.snapshot(tenant_id, session_id)
    if row is not None and row.rules_version == rules_version:
        at = next(reader.session_events(tenant_id, session_id, from_seq=row.head, limit=1), None)
        if at is not None and at.hash == row.head_hash:
            state = thaw_session(row.body)
    events = reader.session_events(tenant_id, session_id, from_seq=state.next_seq)
    head = state.head_hash
    for event in _checked(events):
        if event.seq != state.next_seq or event.prev_hash != head:
            raise _corrupt(event, "does not continue the event before it")
        state = fold_session(state, fact(event))
        head = event.hash
    return state


def tenant_state(reader: EventReader, tenant_id: str, rules_version: str) -> TenantState:
    """The fold of all a tenant's events; empty for an unknown tenant. Raises `LogCorrupt`."""
    state = TenantState(tenant_id=tenant_id)
    row = reader.snapshot(tenant_id, "")
    if row is not None and row.rules_version == rules_version and _holds(reader, row):
        state = thaw_tenant(row.body)
    for event in _checked(reader.events(tenant_id, from_position=state.next_position)):
        if event.position != state.next_position:
            raise _corrupt(event, f"position {state.next_position} is missing before it")
        state = fold_tenant(state, fact(event))
    recorded = reader.recorded_head(tenant_id)
    if recorded != (state.next_position, state.head_hash):
        raise LogCorrupt(
            f"tenant {tenant_id}: the log ends at position {state.next_position}, but the last "
            f"commit ended at {recorded[0] if recorded else 0}; run `aegisctl verify`"
        )
    return state


def _holds(reader: EventReader, row: SnapshotRow) -> bool:
    at = next(reader.events(row.tenant_id, from_position=row.head, limit=1), None)
    return at is not None and at.position == row.head and at.hash == row.head_hash


def _checked(events: Iterable[StoredEvent]) -> Iterator[StoredEvent]:
    for event in events:
        if hashlib.sha256(event.body).digest() != event.hash:
            raise _corrupt(event, "its bytes do not have its hash")
        try:
            yield event
        except msgspec.MsgspecError:
            raise _corrupt(event, "its bytes are not an envelope") from None


def _corrupt(event: StoredEvent, what: str) -> LogCorrupt:
    return LogCorrupt(
        f"tenant {event.tenant_id}, position {event.position}, session {event.session_id}, "
        f"seq {event.seq}: {what}; run `aegisctl verify`"
    )

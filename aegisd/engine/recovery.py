"""State from the log: the newest valid snapshot, then every event behind it, each link checked."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from aegisd.core.errors import LogCorrupt, LogRolledBack
from aegisd.core.log.chain import agree
from aegisd.core.log.envelope import StoredEvent, unseal
from aegisd.core.shapes.fact import Fact
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX
from aegisd.core.state.fold import fact_of, fold_session, fold_tenant
from aegisd.core.state.model import SessionState, TenantState
from aegisd.engine.snapshots import Snapshots
from aegisd.ports import EventReader
from aegisd.rows import Turn


def session_state(
    reader: EventReader, tenant_id: str, session_id: str, snapshots: Snapshots
) -> SessionState:
    """The fold of a session as the log has it now; empty for one without events.

    Raises `LogCorrupt` where bytes, hashes, columns and links disagree.
    """
    state = SessionState(tenant_id=tenant_id, session_id=session_id)
    # Most that are not in memory are new: one look at the log tells, and is all they cost.
    if reader.session_head(tenant_id, session_id) is None:
        return state
    state = _cached_session(reader, tenant_id, session_id, snapshots) or state
    events = reader.session_events(tenant_id, session_id, from_seq=state.next_seq)
    head = state.head_hash
    for event, seen in checked(events):
        if event.seq != state.next_seq or event.prev_hash != head:
            raise corrupt(event, "does not continue the event before it")
        state = fold_session(state, seen)
        head = event.hash
    return state


def tenant_state(reader: EventReader, tenant_id: str, snapshots: Snapshots) -> TenantState:
    """The fold of all a tenant's events; empty for an unknown tenant. Raises `LogCorrupt`."""
    return followed(reader, cached_tenant(reader, tenant_id, snapshots), snapshots)


def followed(reader: EventReader, state: TenantState, snapshots: Snapshots) -> TenantState:
    """A tenant's fold with all that the log has behind it, held to what is kept of its tree.

    Raises `LogCorrupt`.
    """
    first = state.next_position
    events = reader.events(state.tenant_id, from_position=state.next_position)
    for event, seen in checked(events):
        if event.position != state.next_position:
            raise corrupt(event, f"position {state.next_position} is missing before it")
        state = fold_tenant(state, seen)
    snapshots.hold(reader, state.tenant_id, first, state.next_position)
    return state


def check_head(reader: EventReader, state: TenantState) -> None:
    """Hold a tenant's fold to where its last commit ended. For the writer, which has no rival.

    Raises `LogCorrupt`: rows were cut from the tail, or added behind the daemon's back.
    """
    recorded = reader.recorded_head(state.tenant_id) or (0, b"")
    if recorded != (state.next_position, state.head_hash):
        raise LogCorrupt(
            f"tenant {state.tenant_id}: the log ends before position {state.next_position}, but "
            f"its last commit ended before {recorded[0]}; run `aegisctl verify`"
        )


def check_reached(
    reader: EventReader, state: TenantState, recorded: tuple[int, bytes] | None
) -> None:
    """Hold a fold to where a commit ended that was `recorded` before the log was read.

    For a writer with rivals: they may have appended since. Raises `LogCorrupt` where the log does
    not go that far, or holds another event there.
    """
    end, digest = recorded or (0, b"")
    at = next(reader.events(state.tenant_id, from_position=end - 1, limit=1), None) if end else None
    if end > state.next_position or (end and (at is None or at.hash != digest)):
        raise LogCorrupt(
            f"tenant {state.tenant_id}: the log ends before position {state.next_position}, and "
            f"does not hold what a commit left before position {end}; run `aegisctl verify`"
        )


def check_sessions(reader: EventReader, state: TenantState) -> None:
    """Hold the index of a tenant's sessions to a fold: what was cut from one does not show in it.

    Raises `LogCorrupt`.
    """
    found = reader.in_sessions(state.tenant_id)
    if found is None or found < state.next_position:
        raise LogCorrupt(
            f"tenant {state.tenant_id}: the log ends before position {state.next_position}, and "
            "its sessions do not hold all events before it; run `aegisctl verify`"
        )


class CatchUp:
    """States in memory that follow a log others append to.

    `tenant` and `sessions` are the states so far, `keys` the idempotency keys that were met.
    `sessions` begins empty: it gets those of `resident` that changed.
    """

    def __init__(self, tenant: TenantState, resident: Mapping[str, SessionState]) -> None:
        self.tenant = tenant
        self.sessions: dict[str, SessionState] = {}
        self.keys: set[str] = set()
        self._resident = resident

    def follow(self, reader: EventReader, turn: Turn | None) -> None:
        """Fold every event behind the tenant's state, and hold the end to the turn's.

        Raises `LogCorrupt` where bytes, hashes, columns and links disagree, and `LogRolledBack`
        where the log is shorter than, or other than, what was in memory. After an error the states
        are those of the last event that held.
        """
        state = self.tenant
        # What stands past the turn's end was written after our turn was lost unnoticed. That is no
        # rollback, and this batch's commit will find out.
        missed = None if turn is None else max(0, turn.next_position - state.next_position)
        behind = reader.events(state.tenant_id, from_position=state.next_position, limit=missed)
        for event, seen in checked(behind):
            self._fold(event, seen)
        state = self.tenant
        if turn and (turn.next_position, turn.head_hash) != (state.next_position, state.head_hash):
            raise LogRolledBack(
                f"tenant {state.tenant_id}: this daemon has seen the log up to position "
                f"{state.next_position}, and the database says it ends before "
                f"{turn.next_position} with other contents; it was rolled back or forked, "
                "run `aegisctl verify`"
            )

    def _fold(self, event: StoredEvent, seen: Fact) -> None:
        state = self.tenant
        if event.position != state.next_position:
            raise corrupt(event, f"position {state.next_position} is missing before it")
        session = self.sessions.get(event.session_id) or self._resident.get(event.session_id)
        if session is not None:
            if (event.seq, event.prev_hash) != (session.next_seq, session.head_hash):
                raise corrupt(event, "does not continue the event before it")
            self.sessions[event.session_id] = fold_session(session, seen)
        self.tenant = fold_tenant(state, seen)
        if event.idempotency_key is not None:
            self.keys.add(event.idempotency_key)


def checked(events: Iterable[StoredEvent]) -> Iterator[tuple[StoredEvent, Fact]]:
    """Events whose columns are found to say what their bytes say, with what each means.

    Raises `LogCorrupt` for one whose bytes, hash and columns disagree.
    """
    for event in events:
        if hashlib.sha256(event.body).digest() != event.hash:
            raise corrupt(event, "its bytes do not have its hash")
        try:
            told = unseal(event.body)
            seen = fact_of(event, told.payload)
        except (msgspec.MsgspecError, UnicodeError):
            raise corrupt(event, "its bytes are not an envelope") from None
        own = told.tenant_id == event.tenant_id or event.tenant_id.startswith(ARCHIVE_PREFIX)
        if not own or not agree(event, told):
            raise corrupt(event, "a column of its row contradicts its bytes")
        yield event, seen


def _cached_session(
    reader: EventReader, tenant_id: str, session_id: str, snapshots: Snapshots
) -> SessionState | None:
    """A cached fold that is ours and fits the log; else None, because a cache may be wrong."""
    row = reader.snapshot(tenant_id, session_id)
    state = None if row is None else snapshots.state(row, SessionState, reader)
    if row is None or state is None:
        return None
    at = next(reader.session_events(tenant_id, session_id, from_seq=row.head, limit=1), None)
    return state if at is not None and (at.seq, at.hash) == (row.head, row.head_hash) else None


def cached_tenant(reader: EventReader, tenant_id: str, snapshots: Snapshots) -> TenantState:
    """Like `_cached_session`; empty where there is none that fits."""
    row = reader.snapshot(tenant_id, "")
    state = None if row is None else snapshots.state(row, TenantState, reader)
    if row is None or state is None:
        return TenantState(tenant_id=tenant_id)
    at = next(reader.events(tenant_id, from_position=row.head, limit=1), None)
    is_there = at is not None and (at.position, at.hash) == (row.head, row.head_hash)
    return state if is_there else TenantState(tenant_id=tenant_id)


def corrupt(event: StoredEvent, what: str) -> LogCorrupt:
    """What is said of an event that is not what was recorded."""
    return LogCorrupt(
        f"tenant {event.tenant_id}, position {event.position}, session {event.session_id}, "
        f"seq {event.seq}: {what}; run `aegisctl verify`"
    )

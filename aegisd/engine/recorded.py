"""What the log holds of a request: what its caller is answered, at once and on every retry."""

from msgspec import Struct

from aegisd.core.act import ACT_ROWS_MAX, Act, acts
from aegisd.core.errors import IdempotencyConflict
from aegisd.core.events import JUDGED
from aegisd.core.log.detached import BEGINS
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.shapes.identifier import call_id_of
from aegisd.core.state.fold import fact
from aegisd.engine.recovery import checked, corrupt
from aegisd.ports import EventReader
from aegisd.rows import Detached


class Recorded(Struct, frozen=True, kw_only=True):
    """One recorded act. `detached` are the values kept beside its event.

    Built from stored rows only, so that the answer to a retry, which is `replayed`, is the recorded
    answer.
    """

    act: Act
    replayed: bool = False
    detached: tuple[Detached, ...] = ()

    @property
    def event(self) -> StoredEvent:
        """What was asked for."""
        return self.act.cause

    @property
    def decision(self) -> StoredEvent | None:
        """What was decided about it; None where nobody was asked."""
        return self.act.decision

    @property
    def head(self) -> StoredEvent:
        """The session's head once all of it was recorded."""
        return self.act.last

    @property
    def call_id(self) -> str | None:
        """The call the event is about; None where it is about none."""
        payload = fact(self.event).payload
        own = isinstance(payload, dict) and "call_id" in payload
        if own or self.event.event_type in JUDGED:
            return call_id_of(payload, self.event.seq)
        return None


def recorded(reader: EventReader, tenant_id: str, key: str) -> list[Recorded]:
    """What was answered under a key before, from the log; empty for a key never used.

    Raises `LogCorrupt` for a row whose columns, bytes and hash disagree, since an index led to it,
    and for a call whose decision is gone.
    """
    found = checked(reader.by_idempotency_key(tenant_id, key))
    return [_recorded(reader, event) for event, _ in found]


def different() -> IdempotencyConflict:
    """What is told of a key that was used for another request."""
    return IdempotencyConflict(
        "the idempotency key was used before for another request; use a new key"
    )


def _recorded(reader: EventReader, event: StoredEvent) -> Recorded:
    # In the order of the session, which an event's bytes tell; of the tenant's, only columns do.
    rows = reader.session_events(
        event.tenant_id, event.session_id, from_seq=event.seq, limit=ACT_ROWS_MAX
    )
    act = next(acts(row for row, _ in checked(rows)), Act(cause=event))
    if act.cause.hash != event.hash or (event.event_type in JUDGED and act.decision is None):
        raise corrupt(event, "what was decided about it does not stand behind it")
    kept = reader.detached(event.tenant_id, event.position) if BEGINS in event.body else ()
    return Recorded(act=act, detached=tuple(kept))

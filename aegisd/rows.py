"""What goes in and out of a store: heads, documents, values, and what one commit writes."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from aegisd.core.errors import PositionConflict, StoreFailed
from aegisd.core.log.detached import Value
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.export import ExportedDetached


class SessionHead(Struct, frozen=True, kw_only=True):
    """The newest event of one session. `seq` counts from 0, so a session holds `seq + 1` events."""

    tenant_id: str
    session_id: str
    seq: int
    hash: bytes


class Document(Struct, frozen=True, kw_only=True):
    """Bytes that events name by digest: a manifest or a policy bundle.

    `kind` is `manifest` or `bundle`; `digest` is the SHA-256 of `body`.
    """

    digest: bytes
    kind: str
    body: bytes


class SnapshotRow(Struct, frozen=True, kw_only=True):
    """A cached fold. A cache only: valid for one `rules_version` and one head, deletable any time.

    `session_id` is empty for the tenant's own state, and `head` then is a position; else a seq.
    `head_hash` is the hash of the event at `head`, the last one folded in.
    """

    tenant_id: str
    session_id: str
    rules_version: str
    head: int
    head_hash: bytes
    body: bytes


class Detached(Struct, frozen=True, kw_only=True):
    """A value kept beside its event, which holds only a commitment to it; see `core.log.detached`.

    `pointer` is the JSON pointer (RFC 6901) of its place in the payload. `subject` is whose value
    it is: erasing deletes every value of a subject. `salt` is 32 bytes, `value` canonical JSON.
    """

    tenant_id: str
    position: int
    pointer: str
    subject: str
    salt: bytes
    value: bytes

    @classmethod
    def imported(cls, tenant_id: str, position: int, part: ExportedDetached) -> "Detached":
        """The row of a value that an export has of the event at a position."""
        return cls(
            tenant_id=tenant_id,
            position=position,
            pointer=part.pointer,
            subject=part.subject,
            salt=part.salt,
            value=part.value.encode(),
        )

    @property
    def plain(self) -> Value:
        """The value without the columns that say beside which event it is, and whose."""
        return Value(pointer=self.pointer, salt=self.salt, value=self.value)


class Place(NamedTuple):
    """Where a value stands beside a tenant's events: a position, and a JSON pointer (RFC 6901)."""

    position: int
    pointer: str


class Batch(Struct, frozen=True, kw_only=True):
    """What one commit writes: events of one tenant in position order, and what belongs to them.

    `first_position` is where the tenant's log must end for the batch to fit. `documents` are kept
    once by digest. `detached` are values of these events. `erased` are detached values to
    delete, of earlier events and of these; where one is not there, the batch is refused.
    """

    tenant_id: str
    first_position: int
    events: Sequence[StoredEvent]
    documents: Sequence[Document] = ()
    detached: Sequence[Detached] = ()
    erased: Sequence[Place] = ()

    def refuse_strangers(self) -> None:
        """Raise `StoreFailed` unless the rows are the tenant's, in order, and values are theirs."""
        for position, event in enumerate(self.events, self.first_position):
            if (event.tenant_id, event.position) != (self.tenant_id, position):
                raise StoreFailed(
                    f"expected position {position} of tenant {self.tenant_id!r} in the batch, "
                    f"found {event.position} of {event.tenant_id!r}; nothing was written"
                )
        end = self.first_position + len(self.events)
        for row in self.detached:
            if row.tenant_id != self.tenant_id or not self.first_position <= row.position < end:
                raise StoreFailed(
                    f"a detached value of position {row.position} of tenant {row.tenant_id!r} "
                    f"belongs to no event of this batch of {self.tenant_id!r}; nothing was written"
                )

    def refuse_other_end(self, next_position: int) -> None:
        """Raise `PositionConflict` unless the tenant's log ends where the batch begins."""
        if next_position != self.first_position:
            raise PositionConflict(
                f"tenant {self.tenant_id!r}: the batch begins at position {self.first_position}, "
                f"the log ends before {next_position}; read the head again",
                tenant_id=self.tenant_id,
                next_position=next_position,
            )


class Checkpoint(Struct, frozen=True, kw_only=True):
    """The tree of a tenant's first `size` events: its root, and the signed note that says so.

    The row is kept before it is signed, so `note` is empty for a moment; see `core.log.checkpoint`.
    """

    tenant_id: str
    size: int
    root: bytes
    note: str = ""


class Growth(Struct, frozen=True, kw_only=True):
    """How a tenant's tree grew: one transaction, apart from any batch.

    `blocks` are the roots of complete blocks of `BLOCK_LEAVES` events from number `first_block` on.
    Each of `checkpoints` is added by its size, or gives the row that is there its note. All of it
    can be made again from the events, so what is there already is left as it is.
    """

    tenant_id: str
    first_block: int
    blocks: Sequence[bytes] = ()
    checkpoints: Sequence[Checkpoint] = ()


class Turn(Struct, frozen=True, kw_only=True):
    """The right to append to a tenant's log that others append to as well.

    `next_position` and `head_hash` (empty for an empty log) are where the log ends, and `now_ms`
    the database's clock when the turn began.
    """

    tenant_id: str
    next_position: int
    head_hash: bytes
    now_ms: int

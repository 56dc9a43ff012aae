"""A replica of a log in another database, row by row through the ports, from any store to any."""

from collections.abc import Iterator

from msgspec import UNSET, Struct

from aegisd.audit import documents
from aegisd.audit.archives import imported
from aegisd.audit.progress import Progress, silent
from aegisd.core.errors import LogCorrupt
from aegisd.core.log.detached import BEGINS
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.merkle import BLOCK_LEAVES
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX
from aegisd.ports import EventReader, EventStore
from aegisd.printable import shown
from aegisd.rows import Batch, Document, Growth

# Events and their bytes of one transaction: few enough that memory stays flat.
COPY_EVENTS = 512
COPY_BYTES = 16_777_216

# Checkpoints, and roots of blocks, of one transaction.
COPY_CHECKPOINTS = 1000
COPY_BLOCKS = 10_000


class End(Struct, frozen=True):
    """Where a log ends: the position behind its last event, and that event's hash."""

    next_position: int
    hash: bytes


def ends(source: EventReader) -> dict[str, End]:
    """Where each tenant's log ends now. What is appended later belongs to another copy.

    Archives are looked at last, so that none is shorter than an event of another tenant says.
    """
    found: dict[str, End] = {}
    for is_archive in (False, True):
        for tenant_id in source.tenants():
            if tenant_id.startswith(ARCHIVE_PREFIX) is is_archive:
                found[tenant_id] = end(source, tenant_id)
    return found


def events(until: dict[str, End]) -> int:
    """How many events logs have up to their ends."""
    return sum(each.next_position for each in until.values())


def end(source: EventReader, tenant_id: str) -> End:
    """Where one tenant's log ends. Raises `LogCorrupt` where its last event is missing."""
    next_position = source.next_position(tenant_id)
    last = source.hashes(tenant_id, from_position=next_position - 1, limit=1)
    if not last:
        raise LogCorrupt(f"tenant {shown(tenant_id)}: the last event is missing")
    return End(next_position, last[0])


def replicate(
    source: EventReader,
    target: EventStore,
    until: dict[str, End],
    progress: Progress = silent,
) -> None:
    """Copy events, documents, values beside events, blocks and checkpoints up to where logs end.

    Cached folds are left out: they are made again. `target` is empty. Progress is told of events.
    Raises `LogCorrupt` for a source that cannot be read, and what an append raises.
    """
    for tenant_id, limit in until.items():
        replica = _TenantReplica(source, target, tenant_id, limit.next_position)
        for events in replica.parts():
            replica.append(events)
            progress(len(events))
        replica.grow()


class _TenantReplica:
    """The replica of one tenant."""

    def __init__(
        self, source: EventReader, target: EventStore, tenant_id: str, next_position: int
    ) -> None:
        self._source, self._target = source, target
        self._tenant_id, self._end = tenant_id, next_position
        self._named: set[str] = set()

    def parts(self) -> Iterator[list[StoredEvent]]:
        """The events, in transactions. Raises `LogCorrupt` where one is missing."""
        events: list[StoredEvent] = []
        size = 0
        for position, event in enumerate(self._source.events(self._tenant_id, limit=self._end)):
            if event.position != position:
                raise LogCorrupt(
                    f"tenant {shown(self._tenant_id)}: position {position} is missing; run "
                    "`aegisctl verify` on the log"
                )
            events.append(event)
            size += len(event.body)
            if len(events) == COPY_EVENTS or size >= COPY_BYTES:
                yield events
                events, size = [], 0
        if events:
            yield events

    def append(self, events: list[StoredEvent]) -> None:
        """Append events, with the documents they name first and the values beside them."""
        found = [document for event in events for document in self._documents(event)]
        values = [
            row
            for event in events
            if BEGINS in event.body
            for row in self._source.detached(self._tenant_id, event.position)
        ]
        self._target.append(
            Batch(
                tenant_id=self._tenant_id,
                first_position=events[0].position,
                events=events,
                documents=found,
                detached=values,
            )
        )

    def _documents(self, event: StoredEvent) -> Iterator[Document]:
        """The documents that an event is the first to name. One that is missing stays missing."""
        digests = [name.digest for name in documents.named(event)]
        act = imported(event)
        if act is not None and act.evidence is not UNSET:
            digests += act.evidence
        for digest in digests:
            if digest not in self._named:
                self._named.add(digest)
                document = self._document(digest)
                if document is not None:
                    yield document

    def _document(self, digest: str) -> Document | None:
        try:
            return self._source.document(bytes.fromhex(digest))
        except ValueError:
            # Not a digest: the check of the copy says so.
            return None

    def grow(self) -> None:
        """Copy what is kept of the tree."""
        blocks = self._source.blocks(self._tenant_id)[: self._end // BLOCK_LEAVES]
        for first in range(0, len(blocks), COPY_BLOCKS):
            part = blocks[first : first + COPY_BLOCKS]
            growth = Growth(tenant_id=self._tenant_id, first_block=first, blocks=part)
            self._target.grow(growth)
        size = 0
        while page := self._source.checkpoints(
            self._tenant_id, from_size=size, limit=COPY_CHECKPOINTS
        ):
            size = page[-1].size + 1
            kept = [each for each in page if each.size <= self._end]
            growth = Growth(tenant_id=self._tenant_id, first_block=0, checkpoints=kept)
            self._target.grow(growth)
            if len(kept) < len(page):
                return

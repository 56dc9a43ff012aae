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
from aegisd.core.state.fold import fact
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
    return end_at(source, tenant_id, source.next_position(tenant_id))


def end_at(source: EventReader, tenant_id: str, next_position: int) -> End:
    """The same for a log that ends, or a copy that is to end, before a position."""
    last = source.hashes(tenant_id, from_position=next_position - 1, limit=1)
    if not last:
        raise LogCorrupt(f"tenant {shown(tenant_id)}: the last event is missing")
    return End(next_position, last[0])


def replicate(
    source: EventReader,
    target: EventStore,
    until: dict[str, End],
    progress: Progress = silent,
) -> dict[str, End]:
    """Copy events, documents, values beside events, blocks and checkpoints up to where logs end.

    Where values were erased meanwhile, the copy goes on behind the last PAYLOAD_ERASED, or it would
    lack values and not tell why; archives follow, as long as the events copied say. Gives where the
    copies end. Cached folds are left out: they are made again. `target` is empty. Progress is told
    of events. Raises `LogCorrupt` for a source that cannot be read, and what an append raises.
    """
    copied: dict[str, End] = {}
    for is_archive in (False, True):
        limits = ends(source) if is_archive else until
        for tenant_id, limit in limits.items():
            if tenant_id.startswith(ARCHIVE_PREFIX) is is_archive:
                replica = _TenantReplica(source, target, tenant_id, limit.next_position)
                copied[tenant_id] = replica.copy(progress)
    return copied


class _TenantReplica:
    """The replica of one tenant."""

    def __init__(
        self, source: EventReader, target: EventStore, tenant_id: str, next_position: int
    ) -> None:
        self._source, self._target = source, target
        self._tenant_id, self._end = tenant_id, next_position
        self._named: set[str] = set()

    def copy(self, progress: Progress) -> End:
        """Copy all of it; where it ends. Raises `LogCorrupt`."""
        first, erasures = 0, list[StoredEvent]()
        while first < self._end:
            for events in self._parts(first):
                self._append(events)
                progress(len(events))
            for each in erasures:
                self._erase(each)
            # What they took may be missing, or was copied before they took it.
            behind = self._source.events(self._tenant_id, from_position=self._end)
            erasures = [each for each in behind if each.event_type == "PAYLOAD_ERASED"]
            first = self._end
            self._end = erasures[-1].position + 1 if erasures else first
        self._grow()
        return end_at(self._source, self._tenant_id, self._end)

    def _erase(self, act: StoredEvent) -> None:
        """Delete what was copied before an erasure took it."""
        found = self._target.values_of(self._tenant_id, str(fact(act).fields.get("subject")))
        places = [place for place in found if place.position < act.position]
        self._target.append(
            Batch(tenant_id=self._tenant_id, first_position=self._end, events=(), erased=places)
        )

    def _parts(self, first: int) -> Iterator[list[StoredEvent]]:
        """The events from a position on, in transactions. Raises `LogCorrupt` where one misses."""
        events: list[StoredEvent] = []
        size = 0
        found = self._source.events(self._tenant_id, from_position=first, limit=self._end - first)
        for position, event in enumerate(found, first):
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

    def _append(self, events: list[StoredEvent]) -> None:
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

    def _grow(self) -> None:
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

"""A log in memory: for tests, and for a gate whose record need not outlive its process."""

import threading
from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from itertools import count, islice, takewhile
from operator import attrgetter

from aegisd.core.errors import LogCorrupt, PositionConflict, StoreFailed
from aegisd.core.log.detached import owner
from aegisd.core.log.envelope import StoredEvent
from aegisd.rows import (
    Batch,
    Checkpoint,
    Detached,
    Document,
    Growth,
    Place,
    SessionHead,
    SnapshotRow,
)
from aegisd.store.alone import Alone

# Events copied out under one hold of the lock, so that a long read never keeps the writer waiting.
PAGE_EVENTS_MAX = 256


class TenantLog:
    """One tenant's events in every order they are asked for."""

    def __init__(self) -> None:
        self.events: list[StoredEvent] = []
        self.sessions: dict[str, list[StoredEvent]] = {}
        self.session_ids: list[str] = []
        self.by_key: dict[str, list[StoredEvent]] = {}
        self.places: set[tuple[str, int]] = set()
        self.detached: dict[int, dict[str, Detached]] = {}

    def add(self, event: StoredEvent) -> None:
        """Put one event into every order."""
        self.events.append(event)
        if event.session_id not in self.sessions:
            self.sessions[event.session_id] = []
            insort(self.session_ids, event.session_id)
        insort(self.sessions[event.session_id], event, key=attrgetter("seq"))
        self.places.add((event.session_id, event.seq))
        if event.idempotency_key is not None:
            self.by_key.setdefault(event.idempotency_key, []).append(event)

    def erase(self, place: Place) -> None:
        """Drop a value. Raises `KeyError` where none is there."""
        del self.detached[place.position][place.pointer]


class KeptTree:
    """What is kept of one tenant's tree. It may be there before its events are."""

    def __init__(self) -> None:
        self.blocks: dict[int, bytes] = {}
        self.checkpoints: dict[int, Checkpoint] = {}

    def grow(self, growth: Growth) -> None:
        """Add what is new, all of it or nothing. Raises `LogCorrupt` for another root."""
        for number, root in enumerate(growth.blocks, growth.first_block):
            if self.blocks.get(number, root) != root:
                raise _another(growth.tenant_id, f"block {number}")
        roots: dict[int, bytes] = {}
        for point in growth.checkpoints:
            kept = self.checkpoints.get(point.size, point)
            if roots.setdefault(point.size, kept.root) != point.root:
                raise _another(growth.tenant_id, f"the tree of {point.size} events")
        self.blocks.update(enumerate(growth.blocks, growth.first_block))
        for point in growth.checkpoints:
            kept = self.checkpoints.setdefault(point.size, point)
            self.checkpoints[point.size] = kept if kept.note else point


class MemoryStore(Alone):
    """An `EventStore` that forgets everything with the process. One lock guards all of it."""

    waits = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tenants: dict[str, TenantLog] = {}
        self._trees: dict[str, KeptTree] = {}
        self._documents: dict[bytes, Document] = {}
        self._snapshots: dict[tuple[str, str], SnapshotRow] = {}
        self._closed = False

    def append(self, batch: Batch) -> None:
        """See `aegisd.ports.EventStore.append`; only that nothing here is durable."""
        with self._lock:
            if self._closed:
                raise StoreFailed("the store is closed and takes no events")
            log = self._log(batch.tenant_id)
            self._refuse_what_does_not_fit(log, batch)
            for event in batch.events:
                log.add(event)
            if log.events:
                self._tenants[batch.tenant_id] = log
            for document in batch.documents:
                self._documents.setdefault(document.digest, document)
            for value in batch.detached:
                log.detached.setdefault(value.position, {})[value.pointer] = value
            for place in batch.erased:
                log.erase(place)

    @staticmethod
    def _refuse_what_does_not_fit(log: TenantLog, batch: Batch) -> None:
        batch.refuse_strangers()
        if len({(row.position, row.pointer) for row in batch.detached}) < len(batch.detached):
            raise StoreFailed("a detached value is there twice; nothing was written")
        there = {(row.position, row.pointer) for row in batch.detached}
        for at, pointer in batch.erased:
            if (at, pointer) not in there and pointer not in log.detached.get(at, {}):
                raise StoreFailed("a value to erase is not there; nothing is erased")
        found = len(log.events)
        batch.refuse_other_end(found)
        places = {(event.session_id, event.seq) for event in batch.events}
        if len(places) < len(batch.events) or places & log.places:
            raise PositionConflict(
                f"tenant {batch.tenant_id!r}: a session and seq of the batch are taken; "
                "read the head again",
                tenant_id=batch.tenant_id,
                next_position=found,
            )

    def keep(self, rows: Sequence[SnapshotRow]) -> None:
        """See `aegisd.ports.EventStore.keep`."""
        with self._lock:
            if self._closed:
                raise StoreFailed("the store is closed and keeps nothing")
            for row in rows:
                self._snapshots[row.tenant_id, row.session_id] = row

    def grow(self, *growths: Growth) -> None:
        """See `aegisd.ports.EventStore.grow`; only that nothing here is durable."""
        with self._lock:
            if self._closed:
                raise StoreFailed("the store is closed and keeps nothing")
            for growth in growths:
                self._trees.setdefault(growth.tenant_id, KeptTree()).grow(growth)

    def close(self) -> None:
        """Take no more batches."""
        with self._lock:
            self._closed = True

    def tenants(self) -> list[str]:
        """See `aegisd.ports.EventReader.tenants`."""
        with self._lock:
            return sorted(self._tenants)

    def next_position(self, tenant_id: str) -> int:
        """See `aegisd.ports.EventReader.next_position`."""
        with self._lock:
            return len(self._log(tenant_id).events)

    def recorded_head(self, tenant_id: str) -> tuple[int, bytes] | None:
        """See `aegisd.ports.EventReader.recorded_head`; in memory the log and its end are one."""
        with self._lock:
            log = self._tenants.get(tenant_id)
            return None if log is None else (len(log.events), log.events[-1].hash)

    def sessions(self, tenant_id: str, *, after: str = "", limit: int = 1000) -> list[SessionHead]:
        """See `aegisd.ports.EventReader.sessions`."""
        with self._lock:
            log = self._log(tenant_id)
            first = bisect_right(log.session_ids, after)
            ids = log.session_ids[first : first + limit]
            return [_head(log.sessions[session_id][-1]) for session_id in ids]

    def session_head(self, tenant_id: str, session_id: str) -> SessionHead | None:
        """See `aegisd.ports.EventReader.session_head`."""
        with self._lock:
            rows = self._log(tenant_id).sessions.get(session_id)
            return None if rows is None else _head(rows[-1])

    def events(
        self, tenant_id: str, *, from_position: int = 0, limit: int | None = None
    ) -> Iterator[StoredEvent]:
        """See `aegisd.ports.EventReader.events`."""
        with self._lock:
            rows = self._log(tenant_id).events
        return islice(self._stream(rows, max(from_position, 0)), limit)

    def session_events(
        self, tenant_id: str, session_id: str, *, from_seq: int = 0, limit: int | None = None
    ) -> Iterator[StoredEvent]:
        """See `aegisd.ports.EventReader.session_events`."""
        with self._lock:
            rows = self._log(tenant_id).sessions.get(session_id, [])
            first = bisect_right(rows, from_seq - 1, key=attrgetter("seq"))
        return islice(self._stream(rows, first), limit)

    def _stream(self, rows: Sequence[StoredEvent], first: int) -> Iterator[StoredEvent]:
        while True:
            with self._lock:
                page = rows[first : first + PAGE_EVENTS_MAX]
            if not page:
                return
            yield from page
            first += len(page)

    def in_sessions(self, tenant_id: str) -> int | None:
        """See `aegisd.ports.EventReader.in_sessions`."""
        with self._lock:
            sessions = self._log(tenant_id).sessions.values()
            whole = all(row.seq == at for rows in sessions for at, row in enumerate(rows))
            return sum(map(len, sessions)) if whole else None

    def by_idempotency_key(self, tenant_id: str, key: str) -> list[StoredEvent]:
        """See `aegisd.ports.EventReader.by_idempotency_key`."""
        with self._lock:
            return list(self._log(tenant_id).by_key.get(key, ()))

    def document(self, digest: bytes) -> Document | None:
        """See `aegisd.ports.EventReader.document`."""
        with self._lock:
            return self._documents.get(digest)

    def snapshot(self, tenant_id: str, session_id: str) -> SnapshotRow | None:
        """See `aegisd.ports.EventReader.snapshot`."""
        with self._lock:
            return self._snapshots.get((tenant_id, session_id))

    def hashes(self, tenant_id: str, *, from_position: int, limit: int) -> list[bytes]:
        """See `aegisd.ports.EventReader.hashes`."""
        with self._lock:
            rows = self._log(tenant_id).events[from_position : from_position + limit]
            return [event.hash for event in rows]

    def blocks(self, tenant_id: str, *, first: int = 0) -> list[bytes]:
        """See `aegisd.ports.EventReader.blocks`."""
        with self._lock:
            kept = self._tree(tenant_id).blocks
            return [kept[number] for number in takewhile(kept.__contains__, count(first))]

    def checkpoints(
        self, tenant_id: str, *, from_size: int = 0, limit: int = 1000
    ) -> list[Checkpoint]:
        """See `aegisd.ports.EventReader.checkpoints`."""
        with self._lock:
            kept = self._tree(tenant_id).checkpoints
            sizes = sorted(size for size in kept if size >= from_size)
            return [kept[size] for size in sizes[:limit]]

    def newest_checkpoint(self, tenant_id: str) -> Checkpoint | None:
        """See `aegisd.ports.EventReader.newest_checkpoint`."""
        with self._lock:
            kept = self._tree(tenant_id).checkpoints
            return kept[max(kept)] if kept else None

    def _log(self, tenant_id: str) -> TenantLog:
        return self._tenants.get(tenant_id) or TenantLog()

    def _tree(self, tenant_id: str) -> KeptTree:
        return self._trees.get(tenant_id, KeptTree())

    def detached(self, tenant_id: str, position: int) -> list[Detached]:
        """See `aegisd.ports.EventReader.detached`."""
        with self._lock:
            kept = self._log(tenant_id).detached.get(position, {})
            return [kept[pointer] for pointer in sorted(kept)]

    def kept(self, tenant_id: str) -> Iterator[Detached]:
        """See `aegisd.ports.EventReader.kept`."""
        with self._lock:
            kept = self._log(tenant_id).detached
            rows = [kept[at][pointer] for at in sorted(kept) for pointer in sorted(kept[at])]
        return iter(rows)

    def values_of(self, tenant_id: str, subject: str) -> list[Place]:
        """See `aegisd.ports.EventReader.values_of`."""
        events = self._log(tenant_id).events
        return [
            Place(row.position, row.pointer)
            for row in self.kept(tenant_id)
            if owner(events[row.position].body) == subject
        ]


def _head(event: StoredEvent) -> SessionHead:
    return SessionHead(
        tenant_id=event.tenant_id, session_id=event.session_id, seq=event.seq, hash=event.hash
    )


def _another(tenant_id: str, what: str) -> LogCorrupt:
    return LogCorrupt(
        f"tenant {tenant_id!r}: {what} is kept with another root than the events give",
        tenant_id=tenant_id,
    )

"""A log in memory: for tests, and for a gate whose record need not outlive its process."""

import threading
from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from itertools import islice

from aegisd.core.errors import PositionConflict, StoreFailed
from aegisd.core.log.envelope import StoredEvent
from aegisd.ports import Batch, Document, SessionHead, SnapshotRow

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

    def add(self, event: StoredEvent) -> None:
        """Put one event into every order."""
        self.events.append(event)
        if event.session_id not in self.sessions:
            self.sessions[event.session_id] = []
            insort(self.session_ids, event.session_id)
        insort(self.sessions[event.session_id], event, key=_seq)
        self.places.add((event.session_id, event.seq))
        if event.idempotency_key is not None:
            self.by_key.setdefault(event.idempotency_key, []).append(event)


class MemoryStore:
    """An `EventStore` that forgets everything with the process. One lock guards all of it."""

    waits = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tenants: dict[str, TenantLog] = {}
        self._documents: dict[bytes, Document] = {}
        self._snapshots: dict[tuple[str, str], SnapshotRow] = {}
        self._closed = False

    def append(self, batch: Batch) -> None:
        """See `aegisd.ports.EventStore.append`; only that nothing here is durable."""
        with self._lock:
            if self._closed:
                raise StoreFailed("the store is closed and takes no events")
            log = self._tenants.get(batch.tenant_id, TenantLog())
            self._refuse_what_does_not_fit(log, batch)
            for event in batch.events:
                log.add(event)
            if log.events:
                self._tenants[batch.tenant_id] = log
            for document in batch.documents:
                self._documents.setdefault(document.digest, document)
            for row in batch.snapshots:
                self._snapshots[row.tenant_id, row.session_id] = row

    @staticmethod
    def _refuse_what_does_not_fit(log: TenantLog, batch: Batch) -> None:
        for position, event in enumerate(batch.events, batch.first_position):
            if (event.tenant_id, event.position) != (batch.tenant_id, position):
                raise StoreFailed(
                    f"expected position {position} of tenant {batch.tenant_id!r} in the batch, "
                    f"found {event.position} of {event.tenant_id!r}; nothing was written"
                )
        found = len(log.events)
        if found != batch.first_position:
            raise PositionConflict(
                f"tenant {batch.tenant_id!r}: the batch begins at position "
                f"{batch.first_position}, the log ends before {found}; read the head again",
                tenant_id=batch.tenant_id,
                next_position=found,
            )
        places = {(event.session_id, event.seq) for event in batch.events}
        if len(places) < len(batch.events) or places & log.places:
            raise PositionConflict(
                f"tenant {batch.tenant_id!r}: a session and seq of the batch are taken; "
                "read the head again",
                tenant_id=batch.tenant_id,
                next_position=found,
            )

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
            log = self._tenants.get(tenant_id)
            return 0 if log is None else len(log.events)

    def recorded_head(self, tenant_id: str) -> tuple[int, bytes] | None:
        """See `aegisd.ports.EventReader.recorded_head`; in memory the log and its end are one."""
        with self._lock:
            log = self._tenants.get(tenant_id)
            return None if log is None else (len(log.events), log.events[-1].hash)

    def sessions(self, tenant_id: str, *, after: str = "", limit: int = 1000) -> list[SessionHead]:
        """See `aegisd.ports.EventReader.sessions`."""
        with self._lock:
            log = self._tenants.get(tenant_id)
            if log is None:
                return []
            first = bisect_right(log.session_ids, after)
            ids = log.session_ids[first : first + limit]
            return [_head(log.sessions[session_id][-1]) for session_id in ids]

    def session_head(self, tenant_id: str, session_id: str) -> SessionHead | None:
        """See `aegisd.ports.EventReader.session_head`."""
        with self._lock:
            log = self._tenants.get(tenant_id)
            if log is None or session_id not in log.sessions:
                return None
            return _head(log.sessions[session_id][-1])

    def events(
        self, tenant_id: str, *, from_position: int = 0, limit: int | None = None
    ) -> Iterator[StoredEvent]:
        """See `aegisd.ports.EventReader.events`."""
        with self._lock:
            log = self._tenants.get(tenant_id)
            rows = [] if log is None else log.events
        return islice(self._stream(rows, max(from_position, 0)), limit)

    def session_events(
        self, tenant_id: str, session_id: str, *, from_seq: int = 0, limit: int | None = None
    ) -> Iterator[StoredEvent]:
        """See `aegisd.ports.EventReader.session_events`."""
        with self._lock:
            log = self._tenants.get(tenant_id)
            rows = [] if log is None else log.sessions.get(session_id, [])
            first = bisect_right(rows, from_seq - 1, key=_seq)
        return islice(self._stream(rows, first), limit)

    def _stream(self, rows: Sequence[StoredEvent], first: int) -> Iterator[StoredEvent]:
        while True:
            with self._lock:
                page = rows[first : first + PAGE_EVENTS_MAX]
            if not page:
                return
            yield from page
            first += len(page)

    def by_idempotency_key(self, tenant_id: str, key: str) -> list[StoredEvent]:
        """See `aegisd.ports.EventReader.by_idempotency_key`."""
        with self._lock:
            log = self._tenants.get(tenant_id)
            return [] if log is None else list(log.by_key.get(key, ()))

    def document(self, digest: bytes) -> Document | None:
        """See `aegisd.ports.EventReader.document`."""
        with self._lock:
            return self._documents.get(digest)

    def snapshot(self, tenant_id: str, session_id: str) -> SnapshotRow | None:
        """See `aegisd.ports.EventReader.snapshot`."""
        with self._lock:
            return self._snapshots.get((tenant_id, session_id))


def _seq(event: StoredEvent) -> int:
    return event.seq


def _head(event: StoredEvent) -> SessionHead:
    return SessionHead(
        tenant_id=event.tenant_id, session_id=event.session_id, seq=event.seq, hash=event.hash
    )

"""Reads of an Aegis SQLite file: one being written by a daemon, or one somebody tampered with.

Connections are read-only and never checkpoint. Nothing in the file is believed: a value of the
wrong type, a row out of order or a page SQLite cannot read is `LogCorrupt` that names the place.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Literal

from aegisd.core.errors import LogCorrupt
from aegisd.core.log.envelope import StoredEvent
from aegisd.rows import Checkpoint, Detached, Document, SessionHead, SnapshotRow
from aegisd.store.sqlite import detached, failure, schema, tree
from aegisd.store.sqlite.connection import Connections
from aegisd.store.sqlite.row import COLUMNS, Row, event_of

# Rows read in one go. A page closes its read transaction, so a slow consumer never keeps the
# write-ahead log from being reset.
PAGE_EVENTS_MAX = 256

# Bytes of bodies read in one go, so that pages of large bodies stay small; one body may exceed it.
PAGE_BYTES_MAX = 1 << 20

# The largest INTEGER of SQLite; no position, seq or rowid is beyond it.
INTEGER_MAX = 2**63 - 1

# Findings of SQLite's own check that are reported; one is enough to condemn a file.
FAULTS_MAX = 100

# The rowid breaks ties, so that of two rows with one position neither slips between two pages.
EVENTS = f"""SELECT rowid, {COLUMNS} FROM events
    WHERE tenant_id = ? AND (position, rowid) > (?, ?)
    ORDER BY position, rowid LIMIT ?"""  # noqa: S608 - column names of ours
SESSION_EVENTS = f"""SELECT rowid, {COLUMNS} FROM events
    WHERE tenant_id = ? AND session_id = ? AND (seq, rowid) > (?, ?)
    ORDER BY seq, rowid LIMIT ?"""  # noqa: S608 - column names of ours
BY_KEY = f"""SELECT {COLUMNS} FROM events
    WHERE tenant_id = ? AND idempotency_key = ?
    ORDER BY position, rowid"""  # noqa: S608 - column names of ours
HEAD = """SELECT session_id, seq, hash FROM events
    WHERE tenant_id = ? AND session_id = ? ORDER BY seq DESC LIMIT 1"""
NEXT_TENANT = """SELECT min(id) FROM (
        SELECT min(tenant_id) AS id FROM events WHERE tenant_id > ?1
        UNION ALL SELECT min(tenant_id) FROM tenant_heads WHERE tenant_id > ?1
    )"""
# Steps from session to session in the index instead of reading every event of each.
SESSIONS = """WITH RECURSIVE session (id) AS (
        SELECT min(session_id) FROM events WHERE tenant_id = ?1 AND session_id > ?2
        UNION ALL
        SELECT (SELECT min(session_id) FROM events WHERE tenant_id = ?1 AND session_id > id)
            FROM session WHERE id IS NOT NULL
        LIMIT ?3
    )
    SELECT id, seq, hash FROM session CROSS JOIN events ON events.rowid = (
        SELECT rowid FROM events WHERE tenant_id = ?1 AND session_id = id ORDER BY seq DESC LIMIT 1
    )"""


class SqliteReader:
    """An `EventReader` of one SQLite file, for any number of threads."""

    def __init__(self, path: str) -> None:
        """Open `path`. Raises `ConfigInvalid` when there is no log of ours that can be read."""
        self._path = os.path.realpath(path)
        self._connections = Connections(self._path)
        self._reading = self._connections.reading
        self._version = 0

    def close(self) -> None:
        """Close every connection; those lent out close when they come back."""
        self._connections.close()

    # ── reads ────────────────────────────────────────────────────────────────────────────────────

    def tenants(self) -> list[str]:
        """See `aegisd.ports.EventReader.tenants`. A tenant whose events were all cut counts too."""
        found: list[str] = []
        while True:
            with self._reading("the tenants") as connection:
                after = found[-1] if found else ""
                (tenant_id,) = connection.execute(NEXT_TENANT, (after,)).fetchone()
            if tenant_id is None:
                return found
            # A damaged index may lead in a circle; a step that does not go forward ends the walk.
            if not isinstance(tenant_id, str) or (found and tenant_id <= found[-1]):
                raise LogCorrupt(f"{self._path}: a tenant_id is not text, or is out of order")
            found.append(tenant_id)

    def next_position(self, tenant_id: str) -> int:
        """See `aegisd.ports.EventReader.next_position`."""
        with self._reading("the last position", tenant_id=tenant_id) as connection:
            last = last_position(connection, tenant_id)
        if not isinstance(last, int):
            raise LogCorrupt(
                f"{self._path}: the last position of tenant {tenant_id!r} is no integer",
                tenant_id=tenant_id,
            )
        return last + 1

    def recorded_head(self, tenant_id: str) -> tuple[int, bytes] | None:
        """See `aegisd.ports.EventReader.recorded_head`."""
        sql = "SELECT next_position, hash FROM tenant_heads WHERE tenant_id = ?"
        with self._reading("a recorded head", tenant_id=tenant_id) as connection:
            row = connection.execute(sql, (tenant_id,)).fetchone()
        match row:
            case None:
                return None
            case [int(next_position), bytes(digest)]:
                return next_position, digest
        raise LogCorrupt(
            f"{self._path}: the recorded head of tenant {tenant_id!r} is of the wrong type",
            tenant_id=tenant_id,
        )

    def sessions(self, tenant_id: str, *, after: str = "", limit: int = 1000) -> list[SessionHead]:
        """See `aegisd.ports.EventReader.sessions`."""
        heads: list[SessionHead] = []
        with self._reading("the sessions", tenant_id=tenant_id) as connection:
            rows = connection.execute(SESSIONS, (tenant_id, after, limit)).fetchall()
        for row in rows:
            head = _head(tenant_id, row)
            if head.session_id <= (heads[-1].session_id if heads else after):
                raise LogCorrupt(
                    f"{self._path}: the session index of tenant {tenant_id!r} is out of order",
                    tenant_id=tenant_id,
                )
            heads.append(head)
        return heads

    def session_head(self, tenant_id: str, session_id: str) -> SessionHead | None:
        """See `aegisd.ports.EventReader.session_head`."""
        with self._reading("a head", tenant_id=tenant_id, session_id=session_id) as connection:
            row = connection.execute(HEAD, (tenant_id, session_id)).fetchone()
        return None if row is None else _head(tenant_id, row)

    def events(
        self, tenant_id: str, *, from_position: int = 0, limit: int | None = None
    ) -> Iterator[StoredEvent]:
        """See `aegisd.ports.EventReader.events`.

        Raises `LogCorrupt` with `position` among its details; going on from the position after it
        reads what is left.
        """
        scope = {"tenant_id": tenant_id}
        return self._stream(EVENTS, scope, "position", from_position, limit)

    def session_events(
        self, tenant_id: str, session_id: str, *, from_seq: int = 0, limit: int | None = None
    ) -> Iterator[StoredEvent]:
        """See `aegisd.ports.EventReader.session_events`. Raises as `events`, with `seq`."""
        scope = {"tenant_id": tenant_id, "session_id": session_id}
        return self._stream(SESSION_EVENTS, scope, "seq", from_seq, limit)

    def _stream(
        self,
        sql: str,
        scope: dict[str, str],
        order: Literal["position", "seq"],
        first: int,
        limit: int | None,
    ) -> Iterator[StoredEvent]:
        """Yield events page by page, in `order`, beginning at `first`."""
        last, rowid = first - 1, INTEGER_MAX
        left = INTEGER_MAX if limit is None else limit
        more = first <= INTEGER_MAX
        while more and left > 0:
            place: dict[str, str | int] = {**scope, order: last + 1}
            count = min(left, PAGE_EVENTS_MAX)
            rows, more = self._page(sql, (*scope.values(), last, rowid, count), place)
            left -= len(rows)
            for columns in rows:
                event = event_of(self._path, columns[1:])
                found = event.position if order == "position" else event.seq
                if found <= last:
                    claim = f"two rows of tenant {event.tenant_id!r} claim {order} {found}"
                    raise LogCorrupt(f"{self._path}: {claim}", **scope, **{order: found})
                last, rowid = found, columns[0]
                yield event

    def _page(
        self, sql: str, values: tuple[str | int, ...], place: dict[str, str | int]
    ) -> tuple[list[Row], bool]:
        """Read rows up to a bound of count or bytes; tell whether there may be more of them."""
        rows: list[Row] = []
        held = 0
        what = ", ".join(f"{name} {value!r}" for name, value in place.items())
        with (
            self._reading(what, **place) as connection,
            closing(connection.execute(sql, values)) as cursor,
        ):
            try:
                for row in cursor:
                    rows.append(row)
                    held += len(row[-1]) if isinstance(row[-1], bytes) else 0
                    if held >= PAGE_BYTES_MAX:
                        return rows, True
            except failure.READ_ERRORS:
                # What was read is good; the next page begins at the fault and names its place.
                if not rows:
                    raise
                return rows, True
        return rows, len(rows) == values[-1]

    def by_idempotency_key(self, tenant_id: str, key: str) -> list[StoredEvent]:
        """See `aegisd.ports.EventReader.by_idempotency_key`."""
        with self._reading("an idempotency key", tenant_id=tenant_id) as connection:
            rows = connection.execute(BY_KEY, (tenant_id, key)).fetchall()
        return [event_of(self._path, columns) for columns in rows]

    def document(self, digest: bytes) -> Document | None:
        """See `aegisd.ports.EventReader.document`."""
        with self._reading(f"document {digest.hex()}") as connection:
            sql = "SELECT kind, body FROM documents WHERE digest = ?"
            row = connection.execute(sql, (digest,)).fetchone()
        match row:
            case None:
                return None
            case [str(kind), bytes(body)]:
                return Document(digest=digest, kind=kind, body=body)
        raise LogCorrupt(f"{self._path}: document {digest.hex()} holds a value of the wrong type")

    def snapshot(self, tenant_id: str, session_id: str) -> SnapshotRow | None:
        """See `aegisd.ports.EventReader.snapshot`. What is not a snapshot counts as none."""
        sql = """SELECT rules_version, head, head_hash, body FROM snapshots
            WHERE tenant_id = ? AND session_id = ?"""
        with self._reading("a snapshot", tenant_id=tenant_id, session_id=session_id) as connection:
            row = connection.execute(sql, (tenant_id, session_id)).fetchone()
        match row:
            case [str(rules_version), int(head), bytes(head_hash), bytes(body)]:
                return SnapshotRow(
                    tenant_id=tenant_id,
                    session_id=session_id,
                    rules_version=rules_version,
                    head=head,
                    head_hash=head_hash,
                    body=body,
                )
        return None

    # ── what schema version 2 added ──────────────────────────────────────────────────────────────

    def schema_version(self) -> int:
        """The version of the file's schema. One of version 1 becomes newer as a store opens it."""
        with self._reading("the schema version") as connection:
            return schema.version_of(connection)

    @contextmanager
    def _evidence(self, what: str, tenant_id: str) -> Iterator[sqlite3.Connection | None]:
        """Lend a connection; None where the file is of version 1, which has no such tables."""
        with self._reading(what, tenant_id=tenant_id) as connection:
            if self._version < schema.SCHEMA_VERSION:
                self._version = schema.version_of(connection)
            yield connection if self._version == schema.SCHEMA_VERSION else None

    def hashes(self, tenant_id: str, *, from_position: int, limit: int) -> list[bytes]:
        """See `aegisd.ports.EventReader.hashes`."""
        with self._reading("the hashes", tenant_id=tenant_id) as connection:
            return tree.hashes(connection, tenant_id, from_position, limit)

    def blocks(self, tenant_id: str) -> list[bytes]:
        """See `aegisd.ports.EventReader.blocks`."""
        with self._evidence("the blocks", tenant_id) as connection:
            return tree.blocks(connection, tenant_id) if connection else []

    def checkpoints(
        self, tenant_id: str, *, from_size: int = 0, limit: int = 1000
    ) -> list[Checkpoint]:
        """See `aegisd.ports.EventReader.checkpoints`."""
        with self._evidence("the checkpoints", tenant_id) as connection:
            if connection is None:
                return []
            return tree.checkpoints(connection, tenant_id, from_size, limit)

    def newest_checkpoint(self, tenant_id: str) -> Checkpoint | None:
        """See `aegisd.ports.EventReader.newest_checkpoint`."""
        with self._evidence("the newest checkpoint", tenant_id) as connection:
            return tree.newest_checkpoint(connection, tenant_id) if connection else None

    def detached(self, tenant_id: str, position: int) -> list[Detached]:
        """See `aegisd.ports.EventReader.detached`."""
        with self._evidence("detached values", tenant_id) as connection:
            return detached.of_event(connection, tenant_id, position) if connection else []

    def detached_of(self, tenant_id: str, subject: str) -> int:
        """See `aegisd.ports.EventReader.detached_of`."""
        with self._evidence("detached values", tenant_id) as connection:
            return detached.count_of(connection, tenant_id, subject) if connection else 0

    def faults(self) -> list[str]:
        """One sentence for each change of the schema and each finding of SQLite's own check.

        The check compares every index with its table, so it sees an index column that was edited
        in one of the two only. Reads the whole file: about a second for 200 MB.
        """
        with self._reading("the whole file") as connection:
            changes = schema.changes(connection)
            found = connection.execute(f"PRAGMA integrity_check({FAULTS_MAX})").fetchall()
        return changes + [f"file: {finding}" for (finding,) in found if finding != "ok"]


def last_position(connection: sqlite3.Connection, tenant_id: str) -> object:
    """The tenant's last position, -1 when it has no event; of any type in a damaged file."""
    sql = "SELECT ifnull(max(position), -1) FROM events WHERE tenant_id = ?"
    (last,) = connection.execute(sql, (tenant_id,)).fetchone()
    found: object = last
    return found


def _head(tenant_id: str, row: Sequence[object]) -> SessionHead:
    match row:
        case [str(session_id), int(seq), bytes(digest)]:
            return SessionHead(tenant_id=tenant_id, session_id=session_id, seq=seq, hash=digest)
    raise LogCorrupt(
        f"a session's newest row of tenant {tenant_id!r} holds a value of the wrong type",
        tenant_id=tenant_id,
    )

"""Reads of a log in PostgreSQL: from any thread, in any process, while others append."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import psycopg
from psycopg.rows import TupleRow

from aegisd.core.errors import ConfigInvalid, InvalidField, LogCorrupt, StoreFailed
from aegisd.core.log.envelope import StoredEvent
from aegisd.rows import Checkpoint, Detached, Document, SessionHead, SnapshotRow
from aegisd.store.postgres import failure, schema
from aegisd.store.postgres.connection import READER, Connection, connect

# Rows read in one go. Between pages no transaction is open, so a slow reader keeps nothing alive.
PAGE_EVENTS_MAX = 256

# Bytes of bodies read in one go, so that pages of large bodies stay small; one body may exceed it.
PAGE_BYTES_MAX = 1 << 20

# Connections kept open when nobody reads: as many as threads that usually read at once.
IDLE_CONNECTIONS_MAX = 8

# The largest int8; no position or seq is beyond it.
INTEGER_MAX = 2**63 - 1

# The name under which row-level security lists where every tenant's log ends. No tenant has it.
EVERY_TENANT = "*"

NAME_TENANT = "SELECT set_config('aegis.tenant', %s, true)"

COLUMNS = ", ".join(StoredEvent.__struct_fields__)

# A page ends before the row that would take it past PAGE_BYTES_MAX; sizes are read without bodies.
PAGE = """SELECT {columns} FROM (
        SELECT *, sum(octet_length(body)) OVER (ORDER BY {order}) - octet_length(body) AS before
        FROM (
            SELECT * FROM aegis.events
            WHERE tenant_id = %s AND {scope} {order} >= %s ORDER BY {order} LIMIT %s
        ) AS rows
    ) AS page WHERE before < %s ORDER BY {order}"""
EVENTS = PAGE.format(columns=COLUMNS, order="position", scope="")
SESSION_EVENTS = PAGE.format(columns=COLUMNS, order="seq", scope="session_id = %s AND")
BY_KEY = f"""SELECT {COLUMNS} FROM aegis.events
    WHERE tenant_id = %s AND idempotency_key = %s ORDER BY position"""  # noqa: S608 - columns of ours
HEAD = """SELECT session_id, seq, hash FROM aegis.events
    WHERE tenant_id = %s AND session_id = %s ORDER BY seq DESC LIMIT 1"""
TENANTS = "SELECT tenant_id FROM aegis.tenant_head WHERE next_position > 0 ORDER BY tenant_id"
HEADS = "SELECT tenant_id, next_position FROM aegis.tenant_head WHERE next_position > 0"
NEXT_POSITION = "SELECT coalesce(max(position), -1) + 1 FROM aegis.events WHERE tenant_id = %s"
RECORDED_HEAD = """SELECT next_position, hash FROM aegis.tenant_head
    WHERE tenant_id = %s AND next_position > 0"""
# Steps from session to session in the index instead of reading every event of each.
SESSIONS = """WITH RECURSIVE session (id) AS (
        (SELECT session_id FROM aegis.events
            WHERE tenant_id = %(tenant)s AND session_id > %(after)s
            ORDER BY session_id LIMIT 1)
        UNION ALL
        SELECT (SELECT session_id FROM aegis.events
                WHERE tenant_id = %(tenant)s AND session_id > id ORDER BY session_id LIMIT 1)
            FROM session WHERE id IS NOT NULL
    )
    SELECT found.id, newest.seq, newest.hash
    FROM (SELECT id FROM session WHERE id IS NOT NULL LIMIT %(limit)s) AS found
    CROSS JOIN LATERAL (SELECT seq, hash FROM aegis.events
        WHERE tenant_id = %(tenant)s AND session_id = found.id ORDER BY seq DESC LIMIT 1
    ) AS newest ORDER BY found.id"""
DOCUMENT = "SELECT kind, body FROM aegis.documents WHERE digest = %s"
SNAPSHOT = """SELECT rules_version, head, head_hash, body FROM aegis.snapshots
    WHERE tenant_id = %s AND session_id = %s"""
HASHES = """SELECT position, hash FROM aegis.events
    WHERE tenant_id = %s AND position >= %s ORDER BY position LIMIT %s"""
BLOCKS = "SELECT number, root FROM aegis.blocks WHERE tenant_id = %s ORDER BY number"
CHECKPOINTS = """SELECT size, root, note FROM aegis.checkpoints
    WHERE tenant_id = %s AND size >= %s ORDER BY size LIMIT %s"""
NEWEST_CHECKPOINT = """SELECT size, root, note FROM aegis.checkpoints
    WHERE tenant_id = %s ORDER BY size DESC LIMIT 1"""
DETACHED = """SELECT pointer, subject, salt, value FROM aegis.detached
    WHERE tenant_id = %s AND position = %s ORDER BY pointer"""
DETACHED_OF = "SELECT count(*) FROM aegis.detached WHERE tenant_id = %s AND subject = %s"

Values = Sequence[object] | dict[str, object]


class PostgresReader:
    """An `EventReader` of one database. Each read borrows a connection of its own."""

    def __init__(self, dsn: str) -> None:
        """Open `dsn`. Raises `ConfigInvalid` when there is no log of ours that can be read."""
        self._dsn = dsn
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._open = True
        try:
            with self._borrowed() as connection:
                schema.readable(connection)
        except psycopg.Error as error:
            raise unreachable(error) from None

    def close(self) -> None:
        """Close every connection; those lent out close when they come back."""
        with self._lock:
            self._open = False
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    # ── connections ──────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _borrowed(self) -> Iterator[Connection]:
        """Lend a connection to one thread for one read; one that failed is closed."""
        with self._lock:
            if not self._open:
                raise StoreFailed("the log is closed")
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = connect(self._dsn, READER)
        with ExitStack() as undo:
            undo.callback(connection.close)
            yield connection
            undo.pop_all()
        self._give_back(connection)

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            if self._open and len(self._idle) < IDLE_CONNECTIONS_MAX:
                self._idle.append(connection)
                return
        connection.close()

    def _forget(self) -> None:
        """Close the idle connections: one was found lost, so a restart has likely taken all."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _rows(
        self, tenant_id: str, sql: str, values: Values, what: str, **at: int
    ) -> list[TupleRow]:
        """The rows of one read in the name of a tenant, in one round trip.

        Raises `LogCorrupt` with the place as details when the database is damaged, `StoreFailed`
        for what may pass.
        """
        try:
            try:
                return self._read(tenant_id, sql, values)
            except psycopg.Error as error:
                # A connection that lay idle may be dead since; a read is safe to ask twice.
                if not failure.is_lost(error):
                    raise
                self._forget()
                return self._read(tenant_id, sql, values)
        except psycopg.DataError as error:
            raise InvalidField(
                f"{what}: PostgreSQL cannot hold this id: {failure.sentence(error)}"
            ) from None
        except psycopg.Error as error:
            raise failure.of_read(error, what, {"tenant_id": tenant_id, **at}) from error
        except ConfigInvalid as error:
            # What stops a start is, later on, a server that was changed or replaced under us.
            raise StoreFailed(error.message) from error

    def _read(self, tenant_id: str, sql: str, values: Values) -> list[TupleRow]:
        with self._borrowed() as connection:
            # One implicit transaction: the name holds for the statement behind it and no longer.
            with connection.pipeline():
                connection.execute(NAME_TENANT, (tenant_id,))
                cursor = connection.execute(sql, values, binary=True)
            return cursor.fetchall()

    # ── reads ────────────────────────────────────────────────────────────────────────────────────

    def tenants(self) -> list[str]:
        """See `aegisd.ports.EventReader.tenants`. A tenant whose events were all cut counts too."""
        return [tenant_id for (tenant_id,) in self._rows(EVERY_TENANT, TENANTS, (), "the tenants")]

    def heads(self) -> dict[str, int]:
        """Where each tenant's log ends: one past its last position."""
        return dict(self._rows(EVERY_TENANT, HEADS, (), "where the logs end"))

    def next_position(self, tenant_id: str) -> int:
        """See `aegisd.ports.EventReader.next_position`."""
        values = (tenant_id,)
        rows = self._rows(tenant_id, NEXT_POSITION, values, "the last position")
        return int(rows[0][0])

    def recorded_head(self, tenant_id: str) -> tuple[int, bytes] | None:
        """See `aegisd.ports.EventReader.recorded_head`."""
        values = (tenant_id,)
        rows = self._rows(tenant_id, RECORDED_HEAD, values, "a recorded head")
        return (rows[0][0], rows[0][1]) if rows else None

    def sessions(self, tenant_id: str, *, after: str = "", limit: int = 1000) -> list[SessionHead]:
        """See `aegisd.ports.EventReader.sessions`."""
        values = {"tenant": tenant_id, "after": after, "limit": limit}
        rows = self._rows(tenant_id, SESSIONS, values, "the sessions")
        return [_head(tenant_id, row) for row in rows]

    def session_head(self, tenant_id: str, session_id: str) -> SessionHead | None:
        """See `aegisd.ports.EventReader.session_head`."""
        rows = self._rows(tenant_id, HEAD, (tenant_id, session_id), "a head")
        return _head(tenant_id, rows[0]) if rows else None

    def events(
        self, tenant_id: str, *, from_position: int = 0, limit: int | None = None
    ) -> Iterator[StoredEvent]:
        """See `aegisd.ports.EventReader.events`."""
        return self._stream(EVENTS, (tenant_id,), "position", from_position, limit)

    def session_events(
        self, tenant_id: str, session_id: str, *, from_seq: int = 0, limit: int | None = None
    ) -> Iterator[StoredEvent]:
        """See `aegisd.ports.EventReader.session_events`."""
        return self._stream(SESSION_EVENTS, (tenant_id, session_id), "seq", from_seq, limit)

    def _stream(
        self, sql: str, scope: tuple[str, ...], order: str, first: int, limit: int | None
    ) -> Iterator[StoredEvent]:
        """Yield events page by page, in `order`, beginning at `first`."""
        left = INTEGER_MAX if limit is None else limit
        first = max(first, 0)
        while left > 0 and first <= INTEGER_MAX:
            count = min(left, PAGE_EVENTS_MAX)
            values = (*scope, first, count, PAGE_BYTES_MAX)
            rows = self._rows(scope[0], sql, values, f"{order} {first}", **{order: first})
            if not rows:
                return
            for row in rows:
                event = _event(row)
                yield event
                first = (event.position if order == "position" else event.seq) + 1
            left -= len(rows)

    def by_idempotency_key(self, tenant_id: str, key: str) -> list[StoredEvent]:
        """See `aegisd.ports.EventReader.by_idempotency_key`."""
        rows = self._rows(tenant_id, BY_KEY, (tenant_id, key), "an idempotency key")
        return [_event(row) for row in rows]

    def document(self, digest: bytes) -> Document | None:
        """See `aegisd.ports.EventReader.document`."""
        rows = self._rows("", DOCUMENT, (digest,), f"document {digest.hex()}")
        return Document(digest=digest, kind=rows[0][0], body=rows[0][1]) if rows else None

    def snapshot(self, tenant_id: str, session_id: str) -> SnapshotRow | None:
        """See `aegisd.ports.EventReader.snapshot`."""
        rows = self._rows(tenant_id, SNAPSHOT, (tenant_id, session_id), "a snapshot")
        if not rows:
            return None
        rules_version, head, head_hash, body = rows[0]
        return SnapshotRow(
            tenant_id=tenant_id,
            session_id=session_id,
            rules_version=rules_version,
            head=head,
            head_hash=head_hash,
            body=body,
        )

    # ── evidence ─────────────────────────────────────────────────────────────────────────────────

    def hashes(self, tenant_id: str, *, from_position: int, limit: int) -> list[bytes]:
        """See `aegisd.ports.EventReader.hashes`."""
        if from_position > INTEGER_MAX:
            return []
        values = (tenant_id, from_position, min(limit, INTEGER_MAX))
        rows = self._rows(tenant_id, HASHES, values, "hashes")
        for expected, (position, _) in enumerate(rows, from_position):
            if position != expected:
                raise LogCorrupt(
                    f"tenant {tenant_id!r}: position {expected} is missing from the log; run "
                    "`aegisctl verify`",
                    tenant_id=tenant_id,
                    position=expected,
                )
        return [digest for _, digest in rows]

    def blocks(self, tenant_id: str) -> list[bytes]:
        """See `aegisd.ports.EventReader.blocks`."""
        rows = self._rows(tenant_id, BLOCKS, (tenant_id,), "the tree's blocks")
        return [root for at, (number, root) in enumerate(rows) if number == at]

    def checkpoints(
        self, tenant_id: str, *, from_size: int = 0, limit: int = 1000
    ) -> list[Checkpoint]:
        """See `aegisd.ports.EventReader.checkpoints`."""
        if from_size > INTEGER_MAX:
            return []
        values = (tenant_id, from_size, min(limit, INTEGER_MAX))
        rows = self._rows(tenant_id, CHECKPOINTS, values, "checkpoints")
        return [_checkpoint(tenant_id, row) for row in rows]

    def newest_checkpoint(self, tenant_id: str) -> Checkpoint | None:
        """See `aegisd.ports.EventReader.newest_checkpoint`."""
        values = (tenant_id,)
        rows = self._rows(tenant_id, NEWEST_CHECKPOINT, values, "checkpoints")
        return _checkpoint(tenant_id, rows[0]) if rows else None

    def detached(self, tenant_id: str, position: int) -> list[Detached]:
        """See `aegisd.ports.EventReader.detached`."""
        values = (tenant_id, position)
        rows = self._rows(tenant_id, DETACHED, values, "detached values")
        return [
            Detached(
                tenant_id=tenant_id,
                position=position,
                pointer=pointer.decode(),
                subject=subject,
                salt=salt,
                value=value,
            )
            for pointer, subject, salt, value in rows
        ]

    def detached_of(self, tenant_id: str, subject: str) -> int:
        """See `aegisd.ports.EventReader.detached_of`."""
        values = (tenant_id, subject)
        rows = self._rows(tenant_id, DETACHED_OF, values, "detached values")
        return int(rows[0][0])

    def faults(self) -> list[str]:
        """One sentence for each guard of the tables that somebody took away."""
        try:
            with self._borrowed() as connection:
                return schema.faults(connection)
        except psycopg.Error as error:
            raise failure.of_read(error, "the schema", {}) from error


def unreachable(error: psycopg.Error) -> ConfigInvalid:
    """What a start says when the server is not there or lets nobody in."""
    return ConfigInvalid(f"--dsn: PostgreSQL cannot be used: {failure.sentence(error)}")


def _event(row: TupleRow) -> StoredEvent:
    return StoredEvent(**dict(zip(StoredEvent.__struct_fields__, row, strict=True)))


def _head(tenant_id: str, row: TupleRow) -> SessionHead:
    return SessionHead(tenant_id=tenant_id, session_id=row[0], seq=row[1], hash=row[2])


def _checkpoint(tenant_id: str, row: TupleRow) -> Checkpoint:
    return Checkpoint(tenant_id=tenant_id, size=row[0], root=row[1], note=row[2])

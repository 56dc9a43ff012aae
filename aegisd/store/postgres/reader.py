"""Reads of a log in PostgreSQL: from any thread, in any process, while others append."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import psycopg

from aegisd.core.errors import ConfigInvalid, InvalidField, NotNow, WrongFile
from aegisd.core.log.envelope import StoredEvent
from aegisd.store.pool import Pool
from aegisd.store.postgres import failure, form, schema
from aegisd.store.postgres.connection import READER, connect, connect_again
from aegisd.store.tables import COLUMNS, INTEGER_MAX, Order, Read, Row, TableReader, Values

# Rows read in one go. Between pages no transaction is open, so a slow reader keeps nothing alive.
PAGE_EVENTS_MAX = 256

# Bytes of bodies read in one go, so that pages of large bodies stay small; one body may exceed it.
PAGE_BYTES_MAX = 1 << 20

# Connections kept open when nobody reads: as many as threads that usually read at once.
IDLE_CONNECTIONS_MAX = 8

# The name under which row-level security lists where every tenant's log ends. No tenant has it.
EVERY_TENANT = "*"

NAME_TENANT = "SELECT set_config('aegis.tenant', %s, true)"

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
HEADS = Read(
    "where the logs end",
    "SELECT tenant_id, next_position FROM aegis.tenant_head WHERE next_position > 0",
)
RECORDED_HEAD = Read(
    "a recorded head",
    """SELECT next_position, hash FROM aegis.tenant_head
    WHERE tenant_id = %s AND next_position > 0""",
)
# Steps from session to session in the index instead of reading every event of each.
SESSIONS = Read(
    "the sessions",
    """WITH RECURSIVE session (id) AS (
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
    ) AS newest ORDER BY found.id""",
)


class PostgresReader(TableReader):
    """An `EventReader` of one database. Each read borrows a connection of its own."""

    SPELLING: ClassVar[Mapping[str, str]] = {
        "log": "aegis.",
        "v": "%s",
        "kept": "true",
        "holds": "position(%s in body) > 0",
        "unsorted": "",
        "gathered": "string_agg(encode(pointer, 'hex'), ' ')",
    }
    # A gigabyte of bodies at the most, searched in a fraction of `STATEMENT_MS_MAX`.
    STRETCH = 1024
    BEFORE_POINTERS = b""
    SESSIONS: ClassVar[Read] = SESSIONS
    RECORDED_HEAD: ClassVar[Read] = RECORDED_HEAD

    def __init__(self, dsn: str) -> None:
        """Open `dsn`. Raises `ConfigInvalid` when there is no log of ours that can be read."""
        self._dsn = dsn
        self._readers = Pool(lambda: connect_again(dsn, READER), IDLE_CONNECTIONS_MAX)
        try:
            self._readers.give(connect(dsn, READER))
            with self._readers.lent() as connection:
                schema.readable(connection)
        except psycopg.Error as error:
            raise unreachable(error) from None

    def close(self) -> None:
        """Close every connection; those lent out close when they come back."""
        self._readers.close()

    def _rows(self, tenant_id: str, read: Read, values: Values, **at: int) -> Sequence[Row]:
        """The rows of one read in the name of a tenant, in one round trip.

        Raises `LogCorrupt` with the place as details when the database is damaged, `StoreFailed`
        for what may pass.
        """
        try:
            try:
                return self._fetched(tenant_id, read.sql, values)
            except psycopg.Error as error:
                # A connection that lay idle may be dead since; a read is safe to ask twice.
                if not failure.is_lost(error):
                    raise
                # A restart has likely taken all of them.
                self._readers.forget()
                return self._fetched(tenant_id, read.sql, values)
        except psycopg.DataError as error:
            raise InvalidField(
                f"{read.what}: PostgreSQL cannot hold this id: {failure.sentence(error)}"
            ) from None
        except psycopg.Error as error:
            raise failure.of_read(error, read.what, {"tenant_id": tenant_id, **at}) from error

    def _fetched(self, tenant_id: str, sql: str, values: Values) -> Sequence[Row]:
        with self._readers.lent() as connection:
            # One implicit transaction: the name holds for the statement behind it and no longer.
            with connection.pipeline():
                connection.execute(NAME_TENANT, (tenant_id,))
                cursor = connection.execute(sql, values, binary=True)
            return cursor.fetchall()

    def _event(self, row: Row) -> StoredEvent:
        return StoredEvent(**dict(zip(StoredEvent.__struct_fields__, row, strict=True)))

    # ── reads ────────────────────────────────────────────────────────────────────────────────────

    def tenants(self) -> list[str]:
        """See `aegisd.ports.EventReader.tenants`. A tenant whose events were all cut counts too."""
        return sorted(self.heads())

    def heads(self) -> dict[str, int]:
        """Where each tenant's log ends: one past its last position."""
        return dict(self._rows(EVERY_TENANT, HEADS, ()))

    def _stream(
        self, order: Order, scope: Mapping[str, str], first: int, limit: int | None
    ) -> Iterator[StoredEvent]:
        sql = EVENTS if order == "position" else SESSION_EVENTS
        left = INTEGER_MAX if limit is None else limit
        first = max(first, 0)
        while left > 0 and first <= INTEGER_MAX:
            count = min(left, PAGE_EVENTS_MAX)
            values = (*scope.values(), first, count, PAGE_BYTES_MAX)
            read = Read(f"{order} {first}", sql)
            rows = self._rows(scope["tenant_id"], read, values, **{order: first})
            if not rows:
                return
            for row in rows:
                event = self._event(row)
                yield event
                first = (event.position if order == "position" else event.seq) + 1
            left -= len(rows)

    def _pointer(self, column: object) -> object:
        """Of bytes, since text cannot hold every pointer."""
        try:
            return column.decode() if isinstance(column, bytes) else column
        except UnicodeDecodeError:
            return column

    def faults(self) -> list[str]:
        """One sentence for each object of the schema that is not as Aegis made it."""
        try:
            with self._readers.lent() as connection:
                return form.changes(connection)
        except psycopg.Error as error:
            raise failure.of_read(error, "the schema", {}) from error


def unreachable(error: psycopg.Error) -> ConfigInvalid:
    """What a start says when the server is not there or lets nobody in."""
    if isinstance(error, failure.DAMAGED):
        return WrongFile(f"--dsn: the database holds no log: {failure.sentence(error)}")
    refused = NotNow if failure.is_lost(error) else ConfigInvalid
    return refused(f"--dsn: PostgreSQL cannot be used: {failure.sentence(error)}")

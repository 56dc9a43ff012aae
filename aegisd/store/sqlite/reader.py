"""Reads of an Aegis SQLite file: one being written by a daemon, or one somebody tampered with.

Connections are read-only and never checkpoint. Nothing in the file is believed: a value of the
wrong type, a row out of order or a page SQLite cannot read is `LogCorrupt` that names the place.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import ClassVar

from aegisd.core.errors import LogCorrupt
from aegisd.core.log.envelope import StoredEvent
from aegisd.store.sqlite import failure, file, schema
from aegisd.store.sqlite.connection import Connections
from aegisd.store.sqlite.row import event_of
from aegisd.store.tables import (
    BLOCKS,
    CHECKPOINTS,
    COLUMNS,
    DETACHED,
    INTEGER_MAX,
    KEPT,
    NEWEST_CHECKPOINT,
    NEXT_KEPT,
    VALUES_OF,
    Order,
    Read,
    Row,
    TableReader,
    Values,
)

# Rows read in one go. A page closes its read transaction, so a slow consumer never keeps the
# write-ahead log from being reset.
PAGE_EVENTS_MAX = 256

# Bytes of bodies read in one go, so that pages of large bodies stay small; one body may exceed it.
PAGE_BYTES_MAX = 1 << 20

# Findings of SQLite's own check that are reported; one is enough to condemn a file.
FAULTS_MAX = 100

# The rowid breaks ties, so that of two rows with one position neither slips between two pages.
EVENTS = f"""SELECT rowid, {COLUMNS} FROM events
    WHERE tenant_id = ? AND (position, rowid) > (?, ?)
    ORDER BY position, rowid LIMIT ?"""  # noqa: S608 - column names of ours
SESSION_EVENTS = f"""SELECT rowid, {COLUMNS} FROM events
    WHERE tenant_id = ? AND session_id = ? AND (seq, rowid) > (?, ?)
    ORDER BY seq, rowid LIMIT ?"""  # noqa: S608 - column names of ours
NEXT_TENANT = """SELECT min(id) FROM (
        SELECT min(tenant_id) AS id FROM events WHERE tenant_id > ?1
        UNION ALL SELECT min(tenant_id) FROM tenant_heads WHERE tenant_id > ?1
    )"""
# Steps from session to session in the index instead of reading every event of each.
SESSIONS = Read(
    "the sessions",
    """WITH RECURSIVE session (id) AS (
        SELECT min(session_id) FROM events WHERE tenant_id = :tenant AND session_id > :after
        UNION ALL
        SELECT (SELECT min(session_id) FROM events WHERE tenant_id = :tenant AND session_id > id)
            FROM session WHERE id IS NOT NULL
        LIMIT :limit
    )
    SELECT id, seq, hash FROM session CROSS JOIN events ON events.rowid = (
        SELECT rowid FROM events WHERE tenant_id = :tenant AND session_id = id
            ORDER BY seq DESC LIMIT 1
    )""",
)
RECORDED_HEAD = Read(
    "a recorded head", "SELECT next_position, hash FROM tenant_heads WHERE tenant_id = ?"
)
# An erased value is zeros, see `store.ERASE`: all of it, or somebody only made it look erased.
KEPT_HERE = "(salt <> zeroblob(32) OR value <> zeroblob(length(value)))"
# Values under a name that no commit ever gave: whoever reads tenant by tenant never comes to them.
STRAYS = f"""SELECT DISTINCT tenant_id FROM detached NOT INDEXED
    WHERE tenant_id NOT IN (SELECT tenant_id FROM tenant_heads) AND {KEPT_HERE}
    LIMIT {FAULTS_MAX}"""  # noqa: S608 - SQL of ours
# What the first version of the schema has no tables for.
LATER = frozenset({BLOCKS.what, CHECKPOINTS.what, NEWEST_CHECKPOINT.what})
LATER |= {DETACHED.what, KEPT.what, NEXT_KEPT.what, VALUES_OF.what}


class SqliteReader(TableReader):
    """An `EventReader` of one SQLite file, for any number of threads."""

    SPELLING: ClassVar[Mapping[str, str]] = {
        "log": "",
        "v": "?",
        "kept": KEPT_HERE,
        "holds": "instr(body, ?) > 0",
        "unsorted": "NOT INDEXED",
        "gathered": "group_concat(hex(pointer), ' ')",
    }
    # Each statement reads the whole table, so one is enough.
    STRETCH = INTEGER_MAX
    BEFORE_POINTERS = ""
    SESSIONS: ClassVar[Read] = SESSIONS
    RECORDED_HEAD: ClassVar[Read] = RECORDED_HEAD

    def __init__(self, path: str) -> None:
        """Open `path`. Raises `ConfigInvalid` when there is no log of ours that can be read."""
        self._path = os.path.realpath(path)
        with file.as_typed(path, self._path):
            self._connections = Connections(self._path)
        self._reading = self._connections.reading
        self._version = 0

    def close(self) -> None:
        """Close every connection; those lent out close when they come back."""
        self._connections.pool.close()

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

    def _stream(
        self, order: Order, scope: Mapping[str, str], first: int, limit: int | None
    ) -> Iterator[StoredEvent]:
        sql = EVENTS if order == "position" else SESSION_EVENTS
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

    def _rows(self, tenant_id: str, read: Read, values: Values) -> list[Row]:
        place = {"tenant_id": tenant_id} if tenant_id else {}
        with self._reading(read.what, **place) as connection:
            if read.what in LATER and not self._is_current(connection):
                return []
            return connection.execute(read.sql, values).fetchall()

    def _is_current(self, connection: sqlite3.Connection) -> bool:
        if self._version < schema.SCHEMA_VERSION:
            self._version = schema.version_of(connection)
        return self._version == schema.SCHEMA_VERSION

    def _event(self, row: Row) -> StoredEvent:
        return event_of(self._path, row)

    def _pointer(self, column: object) -> object:
        return column

    def schema_version(self) -> int:
        """The version of the file's schema. One of version 1 becomes newer as a store opens it."""
        with self._reading("the schema version") as connection:
            return schema.version_of(connection)

    def faults(self) -> list[str]:
        """One sentence for each change of the schema, stray tenant and finding of SQLite's check.

        The check compares every index with its table, so it sees an index column that was edited
        in one of the two only. Reads the whole file: about a second for 200 MB.
        """
        with self._reading("the whole file") as connection:
            changes = schema.changes(connection) or file.older_changes(connection, self._path)
            found = connection.execute(f"PRAGMA integrity_check({FAULTS_MAX})").fetchall()
            # The statement needs tables that are as they should be.
            is_whole = not changes and self._is_current(connection)
            strays = connection.execute(STRAYS).fetchall() if is_whole else []
        told = [f"values are kept of tenant {tenant!r}, which has no log" for (tenant,) in strays]
        return changes + told + [f"file: {finding}" for (finding,) in found if finding != "ok"]

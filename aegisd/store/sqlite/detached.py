"""Detached values in an SQLite file, and how they are erased so that nothing of them is left.

A row that is deleted makes SQLite move its neighbours, and it leaves copies of what it moved in the
free space of a page, `secure_delete` or not; those would outlive their own erasure. So rows never
leave and never move: salt and value are overwritten where they lie by as many zeros. What is left
is the row's place, its subject and the length of the value, which the event tells anyway.
"""

import sqlite3
from collections.abc import Sequence

from aegisd.core.errors import LogCorrupt
from aegisd.rows import Detached

INSERT = "INSERT INTO detached VALUES (?, ?, ?, ?, ?, ?)"
# The same length, so that SQLite writes over the bytes instead of making a new row.
ERASE = """UPDATE detached SET salt = zeroblob(32), value = zeroblob(length(value))
    WHERE tenant_id = ? AND subject = ? AND salt <> zeroblob(32)"""
OF_EVENT = """SELECT pointer, subject, salt, value FROM detached
    WHERE tenant_id = ? AND position = ? AND salt <> zeroblob(32) ORDER BY pointer"""
OF_SUBJECT = """SELECT count(*) FROM detached
    WHERE tenant_id = ? AND subject = ? AND salt <> zeroblob(32)"""


def of_event(connection: sqlite3.Connection, tenant_id: str, position: int) -> list[Detached]:
    """See `aegisd.ports.EventReader.detached`."""
    rows = connection.execute(OF_EVENT, (tenant_id, position)).fetchall()
    return [_detached(tenant_id, position, row) for row in rows]


def count_of(connection: sqlite3.Connection, tenant_id: str, subject: str) -> int:
    """See `aegisd.ports.EventReader.detached_of`."""
    found: int
    (found,) = connection.execute(OF_SUBJECT, (tenant_id, subject)).fetchone()
    return found


def write(
    connection: sqlite3.Connection, tenant_id: str, kept: Sequence[Detached], erased: Sequence[str]
) -> None:
    """Keep values of a tenant, then erase every value of some subjects. Call in a transaction."""
    connection.executemany(
        INSERT,
        [(tenant_id, row.position, row.pointer, row.subject, row.salt, row.value) for row in kept],
    )
    connection.executemany(ERASE, [(tenant_id, subject) for subject in erased])


def _detached(tenant_id: str, position: int, row: Sequence[object]) -> Detached:
    match row:
        case [str(pointer), str(subject), bytes(salt), bytes(value)]:
            return Detached(
                tenant_id=tenant_id,
                position=position,
                pointer=pointer,
                subject=subject,
                salt=salt,
                value=value,
            )
    raise LogCorrupt(
        f"a detached value of position {position} of tenant {tenant_id!r} holds a value of the "
        "wrong type",
        tenant_id=tenant_id,
        position=position,
    )

"""Detached values in an SQLite file, and how they are erased so that nothing of them is left.

A row that is deleted makes SQLite move its neighbours, and it leaves copies of what it moved in the
free space of a page, `secure_delete` or not; those would outlive their own erasure. So rows never
leave and never move: salt and value are overwritten where they lie by as many zeros. What is left
is the row's place, its subject and the length of the value, which the event tells anyway.
"""

import sqlite3
from collections.abc import Sequence

from aegisd.rows import Detached

INSERT = "INSERT INTO detached VALUES (?, ?, ?, ?, ?, ?)"
# The same length, so that SQLite writes over the bytes instead of making a new row.
ERASE = """UPDATE detached SET salt = zeroblob(32), value = zeroblob(length(value))
    WHERE tenant_id = ? AND subject = ? AND salt <> zeroblob(32)"""


def write(
    connection: sqlite3.Connection, tenant_id: str, kept: Sequence[Detached], erased: Sequence[str]
) -> None:
    """Keep values of a tenant, then erase every value of some subjects. Call in a transaction."""
    connection.executemany(
        INSERT,
        [(tenant_id, row.position, row.pointer, row.subject, row.salt, row.value) for row in kept],
    )
    connection.executemany(ERASE, [(tenant_id, subject) for subject in erased])

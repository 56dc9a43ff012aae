"""How the tree over a tenant's events grows in an SQLite file: kept block roots and checkpoints."""

import sqlite3

from aegisd.core.errors import LogCorrupt
from aegisd.rows import Growth

INSERT_BLOCK = "INSERT INTO blocks VALUES (?, ?, ?) ON CONFLICT (tenant_id, number) DO NOTHING"
BLOCKS = """SELECT root FROM blocks
    WHERE tenant_id = ? AND number >= ? ORDER BY number LIMIT ?"""
INSERT_CHECKPOINT = """INSERT INTO checkpoints VALUES (?, ?, ?, ?)
    ON CONFLICT (tenant_id, size) DO UPDATE SET note = excluded.note
    WHERE note = '' AND excluded.note <> '' AND root = excluded.root"""
CHECKPOINT = "SELECT root FROM checkpoints WHERE tenant_id = ? AND size = ?"


def grow(connection: sqlite3.Connection, growth: Growth) -> None:
    """See `aegisd.ports.EventStore.grow`. Call it in a transaction that is undone if it raises."""
    tenant_id, first = growth.tenant_id, growth.first_block
    numbered = [(tenant_id, at, root) for at, root in enumerate(growth.blocks, first)]
    connection.executemany(INSERT_BLOCK, numbered)
    kept = connection.execute(BLOCKS, (tenant_id, first, len(numbered))).fetchall()
    for (found,), (_, number, root) in zip(kept, numbered, strict=True):
        if found != root:
            raise _another(tenant_id, f"block {number}", found, root)
    for point in growth.checkpoints:
        row = (tenant_id, point.size, point.root, point.note)
        connection.execute(INSERT_CHECKPOINT, row)
        (found,) = connection.execute(CHECKPOINT, (tenant_id, point.size)).fetchone()
        if found != point.root:
            raise _another(tenant_id, f"the tree of {point.size} events", found, point.root)


def _another(tenant_id: str, what: str, found: object, wanted: bytes) -> LogCorrupt:
    kept = found.hex() if isinstance(found, bytes) else "of the wrong type"
    return LogCorrupt(
        f"tenant {tenant_id!r}: {what} is kept with root {kept}, the events give {wanted.hex()}; "
        "run `aegisctl verify`",
        tenant_id=tenant_id,
    )

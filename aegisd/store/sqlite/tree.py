"""The tree over a tenant's events in an SQLite file: its leaves, kept block roots, checkpoints."""

import sqlite3
from collections.abc import Sequence

from aegisd.core.errors import LogCorrupt
from aegisd.rows import Checkpoint, Growth

# The largest INTEGER of SQLite, one more than any block's number.
INTEGER_MAX = 2**63 - 1

HASHES = """SELECT position, hash FROM events
    WHERE tenant_id = ? AND position >= ? ORDER BY position LIMIT ?"""
BLOCKS = """SELECT number, root FROM blocks
    WHERE tenant_id = ? AND number >= ? ORDER BY number LIMIT ?"""
CHECKPOINTS = """SELECT size, root, note FROM checkpoints
    WHERE tenant_id = ? AND size >= ? ORDER BY size LIMIT ?"""
NEWEST_CHECKPOINT = """SELECT size, root, note FROM checkpoints
    WHERE tenant_id = ? ORDER BY size DESC LIMIT 1"""
INSERT_BLOCK = "INSERT INTO blocks VALUES (?, ?, ?) ON CONFLICT (tenant_id, number) DO NOTHING"
INSERT_CHECKPOINT = """INSERT INTO checkpoints VALUES (?, ?, ?, ?)
    ON CONFLICT (tenant_id, size) DO UPDATE SET note = excluded.note
    WHERE note = '' AND excluded.note <> '' AND root = excluded.root"""


def hashes(
    connection: sqlite3.Connection, tenant_id: str, from_position: int, limit: int
) -> list[bytes]:
    """See `aegisd.ports.EventReader.hashes`."""
    if from_position > INTEGER_MAX:
        return []
    rows = connection.execute(HASHES, (tenant_id, from_position, limit)).fetchall()
    return _row_of_roots(tenant_id, "position", rows, from_position)


def blocks(connection: sqlite3.Connection, tenant_id: str) -> list[bytes]:
    """See `aegisd.ports.EventReader.blocks`."""
    rows = connection.execute(BLOCKS, (tenant_id, 0, INTEGER_MAX)).fetchall()
    whole = next((at for at, (number, _) in enumerate(rows) if number != at), len(rows))
    return _row_of_roots(tenant_id, "block", rows[:whole], 0)


def checkpoints(
    connection: sqlite3.Connection, tenant_id: str, from_size: int, limit: int
) -> list[Checkpoint]:
    """See `aegisd.ports.EventReader.checkpoints`."""
    if from_size > INTEGER_MAX:
        return []
    found = connection.execute(CHECKPOINTS, (tenant_id, from_size, limit)).fetchall()
    return [_checkpoint(tenant_id, row) for row in found]


def newest_checkpoint(connection: sqlite3.Connection, tenant_id: str) -> Checkpoint | None:
    """See `aegisd.ports.EventReader.newest_checkpoint`."""
    row = connection.execute(NEWEST_CHECKPOINT, (tenant_id,)).fetchone()
    return None if row is None else _checkpoint(tenant_id, row)


def grow(connection: sqlite3.Connection, growth: Growth) -> None:
    """See `aegisd.ports.EventStore.grow`. Call it in a transaction that is undone if it raises."""
    tenant_id, first = growth.tenant_id, growth.first_block
    numbered = [(tenant_id, at, root) for at, root in enumerate(growth.blocks, first)]
    connection.executemany(INSERT_BLOCK, numbered)
    place = (tenant_id, first, len(numbered))
    kept = connection.execute(BLOCKS, place).fetchall()
    for (number, found), (_, _, root) in zip(kept, numbered, strict=True):
        if found != root:
            raise _another(tenant_id, f"block {number}", found, root)
    for point in growth.checkpoints:
        row = (tenant_id, point.size, point.root, point.note)
        connection.execute(INSERT_CHECKPOINT, row)
        (same,) = checkpoints(connection, tenant_id, point.size, 1)
        if same.root != point.root:
            raise _another(tenant_id, f"the tree of {point.size} events", same.root, point.root)


def _row_of_roots(
    tenant_id: str, name: str, rows: Sequence[tuple[object, object]], first: int
) -> list[bytes]:
    """The hashes of rows that stand at `first` and on without a gap. Raises `LogCorrupt`."""
    found: list[bytes] = []
    for number, (at, digest) in enumerate(rows, first):
        if at != number or not isinstance(digest, bytes):
            what = "holds a value of the wrong type" if at == number else "is missing or not alone"
            raise LogCorrupt(
                f"{name} {number} of tenant {tenant_id!r} {what}; run `aegisctl verify`",
                tenant_id=tenant_id,
                **{name: number},
            )
        found.append(digest)
    return found


def _checkpoint(tenant_id: str, row: Sequence[object]) -> Checkpoint:
    match row:
        case [int(size), bytes(root), str(note)]:
            return Checkpoint(tenant_id=tenant_id, size=size, root=root, note=note)
    raise LogCorrupt(
        f"a checkpoint of tenant {tenant_id!r} holds a value of the wrong type",
        tenant_id=tenant_id,
    )


def _another(tenant_id: str, what: str, found: object, wanted: bytes) -> LogCorrupt:
    kept = found.hex() if isinstance(found, bytes) else "of the wrong type"
    return LogCorrupt(
        f"tenant {tenant_id!r}: {what} is kept with root {kept}, the events give {wanted.hex()}; "
        "run `aegisctl verify`",
        tenant_id=tenant_id,
    )

"""The owner of a database file, with SQLite's own tools and bad intentions."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from aegisd.core.log.envelope import StoredEvent
from drills.unguarded import unguarded

Statement = tuple[str, tuple[object, ...]]


def insert(event: StoredEvent) -> Statement:
    """Add a row."""
    columns = msgspec.structs.astuple(event)
    return f"INSERT INTO events VALUES ({', '.join('?' * len(columns))})", columns  # noqa: S608


def edit(column: str, value: object, tenant_id: object, position: object) -> Statement:
    """Change one column of one row."""
    sql = f"UPDATE events SET {column} = ? WHERE tenant_id = ? AND position = ?"  # noqa: S608 - ours
    return sql, (value, tenant_id, position)


def tamper(path: Path, *statements: Statement | str) -> None:
    """Change rows, and put the triggers back that forbid it: only the rows show what was done."""
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        with unguarded(file):
            for statement in statements:
                file.execute(*((statement,) if isinstance(statement, str) else statement))
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def rows(path: Path, columns: str, where: str = "1") -> list[tuple[object, ...]]:
    """Columns of the events, by tenant and position."""
    with closing(sqlite3.connect(path)) as file:
        sql = f"SELECT {columns} FROM events WHERE {where} ORDER BY tenant_id, position"  # noqa: S608
        return file.execute(sql).fetchall()

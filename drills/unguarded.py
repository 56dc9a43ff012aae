"""A log's file without the triggers that forbid what is done to it, as its owner can have it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unguarded(file: sqlite3.Connection) -> Iterator[None]:
    """No trigger fires in the block; behind it all are there again, word for word."""
    named = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
    triggers = file.execute(named).fetchall()
    for name, _ in triggers:
        file.execute(f"DROP TRIGGER {name}")
    yield
    for _, statement in triggers:
        file.execute(statement)

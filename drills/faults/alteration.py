"""One alteration of a database by whoever owns it: what is altered, and how it is undone."""

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import psycopg

from drills.unguarded import unguarded
from tests import postgres as postgresql

# Of ten alterations, how many are of each kind.
DEEDS = ("a value",) * 7 + ("deleted", "doubled", "swapped")

# Alterations after which PostgreSQL is told to forget the rows that were put back.
VACUUM_EACH = 50

# Any: what a database has in a column.
Value = Any


class Table(NamedTuple):
    """A table: what finds one of its rows, its columns, and its rows, each behind what finds it."""

    name: str
    is_row: str
    columns: Sequence[str]
    rows: Sequence[tuple[Value, ...]]


class Alteration(NamedTuple):
    """What is done to a database: where, in words, and as statements with `?` for each value.

    A row that is deleted counts for the column by which it was chosen.
    """

    column: str
    what: str
    statements: Sequence[tuple[str, tuple[Value, ...]]]


class Impossible(Exception):
    """The database does not take it: a key is there twice, or the type is another."""


class SqliteDatabase:
    """A file, of which a copy is altered. The triggers in the way are put back as they were."""

    def __init__(self, folder: Path) -> None:
        self.dsn, self._copy = str(folder / "aegis.db"), folder / "altered.db"

    def tables(self) -> list[Table]:
        """All tables of the whole log."""
        with closing(sqlite3.connect(self.dsn)) as file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            named = (
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            )
            return [self._table(file, name) for (name,) in file.execute(named).fetchall()]

    def _table(self, file: sqlite3.Connection, name: str) -> Table:
        cursor = file.execute(f"SELECT rowid, * FROM {name}")  # noqa: S608 - ours
        columns = [each[0] for each in cursor.description[1:]]
        return Table(name, "rowid = ?", columns, cursor.fetchall())

    def altered(self, alteration: Alteration) -> str:
        """The DSN of a log on which it was done, until the next one. Raises `Impossible`."""
        for beside in self._copy.parent.glob(f"{self._copy.name}-*"):
            beside.unlink()
        shutil.copyfile(self.dsn, self._copy)
        with closing(sqlite3.connect(self._copy, isolation_level=None)) as file:
            file.execute("PRAGMA synchronous=OFF")
            try:
                with unguarded(file):
                    for statement, values in alteration.statements:
                        file.execute(statement, values)
            except sqlite3.Error as error:
                raise Impossible from error
        return str(self._copy)

    def close(self) -> None:
        """Nothing is held open."""


class PostgresDatabase:
    """A database of a server that is ours: its owner goes round triggers and row-level security.

    Altered in place, since to copy a whole one takes a second; a schema beside it keeps the rows.
    """

    def __init__(self, server: str) -> None:
        with psycopg.connect(server, autocommit=True) as connection:
            # What is durable is not asked here.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        self.dsn = postgresql.new_database(server)
        # On this connection no trigger fires.
        past = "-c session_replication_role=replica"
        self._owner = psycopg.connect(self.dsn, options=past, autocommit=True)
        self._names: list[str] = []
        self._restored = 0

    def tables(self) -> list[Table]:
        """See `SqliteDatabase.tables`."""
        named = """SELECT relname FROM pg_class WHERE relkind = 'r'
            AND relnamespace = 'aegis'::regnamespace ORDER BY relname"""
        self._names = [str(name) for (name,) in self._owner.execute(named).fetchall()]
        self._owner.execute("CREATE SCHEMA kept")
        for name in self._names:
            self._owner.execute(f"CREATE TABLE kept.{name} AS TABLE aegis.{name}".encode())
        return [self._table(name) for name in self._names]

    def _table(self, name: str) -> Table:
        cursor = self._owner.execute(f"SELECT ctid::text, * FROM kept.{name}".encode())  # noqa: S608
        columns = [each.name for each in (cursor.description or ())[1:]]
        # Where a row lies changes whenever it is put back.
        kept = f"(SELECT k::text FROM kept.{name} AS k WHERE k.ctid = ?::tid)"  # noqa: S608 - ours
        return Table(f"aegis.{name}", f"{name}::text = {kept}", columns, cursor.fetchall())

    def altered(self, alteration: Alteration) -> str:
        """See `SqliteDatabase.altered`."""
        self._restore()
        try:
            with self._owner.transaction():
                for statement, values in alteration.statements:
                    self._owner.execute(statement.replace("?", "%s").encode(), values)
        except psycopg.Error as error:
            raise Impossible from error
        return self.dsn

    def _restore(self) -> None:
        """Put all rows back. To truncate a table would make new files of it, which takes longer."""
        for name in self._names:
            back = f"DELETE FROM aegis.{name}; INSERT INTO aegis.{name} TABLE kept.{name}"  # noqa: S608 - ours
            self._owner.execute(back.encode())
        self._restored += 1
        if self._restored % VACUUM_EACH == 0:
            self._owner.execute("VACUUM")

    def close(self) -> None:
        """Hang up."""
        self._owner.close()


Database = SqliteDatabase | PostgresDatabase


def choose(tables: Sequence[Table], chance: Random) -> Alteration:
    """One alteration: each column of each table is as likely as any other."""
    places = [(table, column) for table in tables if table.rows for column in table.columns]
    table, column = chance.choice(places)
    at, deed = table.columns.index(column) + 1, chance.choice(DEEDS)
    row, other = chance.choice(table.rows), chance.choice(table.rows)
    name, what = f"{table.name}.{column}", f"{table.name}.{column} {deed} at {row[0]}"
    delete = f"DELETE FROM {table.name} WHERE {table.is_row}"  # noqa: S608 - names of ours
    insert = f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})"  # noqa: S608
    update = f"UPDATE {table.name} SET {column} = ? WHERE {table.is_row}"  # noqa: S608
    value = _other(row[at], other[at], chance)
    if deed == "deleted":
        return Alteration(name, what, [(delete, (row[0],))])
    if deed == "doubled":
        return Alteration(name, what, [(insert, _with(row, at, value))])
    if deed == "a value":
        return Alteration(name, what, [(update, (value, row[0]))])
    # A key may not be there twice, not even for a moment.
    gone = [(delete, (row[0],)), (delete, (other[0],))]
    ours, theirs = _with(row, at, other[at]), _with(other, at, row[at])
    what = f"{what} and {other[0]}"
    return Alteration(name, what, [*gone, (insert, ours), (insert, theirs)])


def _with(row: tuple[Value, ...], at: int, value: Value) -> tuple[Value, ...]:
    """The columns of a row, one of them with another value."""
    return (*row[1:at], value, *row[at + 1 :])


def _other(value: Value, others: Value, chance: Random) -> Value:
    """Another value for a column: a neighbour of its own, a row's, an empty one."""
    options: list[Value] = [others, "zz" if value is None else None]
    if isinstance(value, int):
        options += [value + 1, value - 1, 0, -1, value + 1000, 2**62]
    elif isinstance(value, str):
        options += ["", value + "x", value[:-1], value.swapcase(), "zz"]
    elif isinstance(value, bytes) and value:
        at, bit = chance.randrange(len(value)), 1 << chance.randrange(8)
        flipped = value[:at] + bytes([value[at] ^ bit]) + value[at + 1 :]
        options += [flipped, flipped, flipped, b"", value[:-1], value + b"\0", bytes(len(value))]
    return chance.choice([each for each in options if each != value])

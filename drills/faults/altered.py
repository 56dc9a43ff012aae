"""Databases altered by hand: any value of any row, and somebody must notice, or nothing came of it.

Whoever alters one has the database, no key, and puts back every trigger that was in the way.
"""

import asyncio
import logging
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, Protocol

import psycopg

from aegisd.audit.anchors import Anchors
from aegisd.audit.log import opened_database
from aegisd.audit.verification.file import verify_file
from aegisd.core.errors import AegisError
from aegisd.store.sqlite.schema import SCHEMA
from drills.faults import altered_scene
from drills.faults.interposer import Unsupported
from drills.faults.outcome import Tally, fault
from tests import postgres as postgresql

# Rows of one table that may be altered: more than the log has.
ROWS_MAX = 1000

# Of ten alterations, how many are of each kind.
DEEDS = ("a value",) * 7 + ("deleted", "doubled", "swapped")

# Any: what a database has in a column.
Value = Any


class Table(NamedTuple):
    """A table, its columns, and its rows: first how the database names the row."""

    name: str
    columns: Sequence[str]
    rows: Sequence[tuple[Value, ...]]


class Alteration(NamedTuple):
    """What is done to a database, in words and as statements with `?` for each value."""

    what: str
    statements: Sequence[tuple[str, tuple[Value, ...]]]


class Database(Protocol):
    """A kind of database: where the whole log is, its tables, and how a copy is altered."""

    dsn: str
    row: str

    def tables(self) -> list[Table]:
        """All tables with rows."""

    def altered(self, alteration: Alteration, folder: Path) -> Any:  # noqa: ANN401 - a context of a DSN
        """A copy on which it was done. Raises `Impossible` where the database does not take it."""


class Impossible(Exception):
    """The database does not take it: a key is there twice, or the type is another."""


class SqliteDatabase:
    """A file. The triggers in the way are put back as they were."""

    row = "rowid"

    def __init__(self, path: Path) -> None:
        self.dsn = str(path)

    def tables(self) -> list[Table]:
        """See `Database.tables`."""
        with closing(sqlite3.connect(self.dsn)) as file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            named = (
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            )
            return [self._table(file, name) for (name,) in file.execute(named).fetchall()]

    def _table(self, file: sqlite3.Connection, name: str) -> Table:
        cursor = file.execute(f"SELECT rowid, * FROM {name} LIMIT {ROWS_MAX}")  # noqa: S608 - ours
        columns = [each[0] for each in cursor.description[1:]]
        return Table(name, columns, cursor.fetchall())

    @contextmanager
    def altered(self, alteration: Alteration, folder: Path) -> Iterator[str]:
        """See `Database.altered`."""
        copy = str(folder / "altered.db")
        shutil.copy(self.dsn, copy)
        with closing(sqlite3.connect(copy, isolation_level=None)) as file:
            file.execute("PRAGMA synchronous=OFF")
            named = "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
            for (name,) in file.execute(named).fetchall():
                file.execute(f"DROP TRIGGER {name}")
            try:
                for statement, values in alteration.statements:
                    file.execute(statement, values)
            except sqlite3.Error as error:
                raise Impossible from error
            for statement in SCHEMA:
                if statement.startswith("CREATE TRIGGER"):
                    file.execute(statement)
        yield copy


class PostgresDatabase:
    """A database of a server that is ours: its owner goes round triggers and row-level security.

    Altered in place, since to copy a whole one takes a second; a schema beside it keeps the rows.
    """

    row = "ctid"

    def __init__(self, server: str) -> None:
        with psycopg.connect(server, autocommit=True) as connection:
            # What is durable is not asked here.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        self.dsn = postgresql.new_database(server)
        self._names: list[str] = []

    def tables(self) -> list[Table]:
        """See `Database.tables`."""
        named = """SELECT relname FROM pg_class WHERE relkind = 'r' AND relname <> 'migrations'
            AND relnamespace = 'aegis'::regnamespace"""
        with self._owner() as owner:
            self._names = [str(name) for (name,) in owner.execute(named).fetchall()]
            owner.execute("CREATE SCHEMA kept")
            for name in self._names:
                owner.execute(f"CREATE TABLE kept.{name} AS TABLE aegis.{name}".encode())
            self._restore(owner)
            return [self._table(owner, name) for name in self._names]

    def _owner(self) -> psycopg.Connection[Any]:
        """A connection on which no trigger fires."""
        return psycopg.connect(self.dsn, options="-c session_replication_role=replica")

    def _restore(self, owner: psycopg.Connection[Any]) -> None:
        """Put all rows back, each in its place."""
        for name in self._names:
            owner.execute(f"TRUNCATE aegis.{name}".encode())
            owner.execute(f"INSERT INTO aegis.{name} TABLE kept.{name}".encode())

    def _table(self, owner: psycopg.Connection[Any], name: str) -> Table:
        read = f"SELECT ctid::text, * FROM aegis.{name} ORDER BY ctid LIMIT {ROWS_MAX}"  # noqa: S608 - ours
        cursor = owner.execute(read.encode())
        columns = [each.name for each in (cursor.description or ())[1:]]
        return Table(f"aegis.{name}", columns, cursor.fetchall())

    @contextmanager
    def altered(self, alteration: Alteration, folder: Path) -> Iterator[str]:  # noqa: ARG002 - the protocol's
        """See `Database.altered`."""
        try:
            with self._owner() as owner:
                self._restore(owner)
                for statement, values in alteration.statements:
                    marked = statement.replace("ctid = ?", "ctid = %s::tid").replace("?", "%s")
                    owner.execute(marked.encode(), values)
        except psycopg.Error as error:
            raise Impossible from error
        yield self.dsn


def choose(database: Database, tables: Sequence[Table], chance: Random) -> Alteration:
    """One alteration: each column of each table is as likely as any other."""
    places = [(table, column) for table in tables if table.rows for column in table.columns]
    table, column = chance.choice(places)
    at, deed = table.columns.index(column) + 1, chance.choice(DEEDS)
    row, other = chance.choice(table.rows), chance.choice(table.rows)
    where = f"{table.name}.{column}" if deed in ("a value", "swapped") else table.name
    what, is_row = f"{where} {deed} at {row[0]}", f"WHERE {database.row} = ?"
    update = f"UPDATE {table.name} SET {column} = ? {is_row}"  # noqa: S608 - names of ours
    if deed == "deleted":
        return Alteration(what, [(f"DELETE FROM {table.name} {is_row}", (row[0],))])  # noqa: S608
    value = _other(row[at], other[at], chance)
    if deed == "a value":
        return Alteration(what, [(update, (value, row[0]))])
    if deed == "doubled":
        marks = ", ".join("?" * len(table.columns))
        doubled = (*row[1:at], value, *row[at + 1 :])
        return Alteration(what, [(f"INSERT INTO {table.name} VALUES ({marks})", doubled)])  # noqa: S608
    # A key may not be there twice, not even for a moment.
    aside = -1 if isinstance(row[at], int) else row[at] and row[at] + row[at]
    steps = [(aside, row[0]), (row[at], other[0]), (other[at], row[0])]
    return Alteration(f"{what} and {other[0]}", [(update, step) for step in steps])


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


class Judged(NamedTuple):
    """What came of an alteration: what an auditor says, and what the log then answers."""

    verdict: str
    answers: Sequence[str]


class Auditor:
    """Has a log as it was, its key and its newest checkpoints."""

    def __init__(self, dsn: str, keys: Path, anchors: Anchors) -> None:
        self._keys, self._anchors = keys, anchors
        with opened_database(dsn) as log:
            self._tenants = log.tenants()
            self._whole = altered_scene.told_by(log, self._tenants)
        self.expected = self._answers(dsn, keys.parent / "unaltered")

    def verdict(self, dsn: str) -> str:
        """`broken`; `refused`, where it is no log of ours; `harmless`, where it tells the same."""
        try:
            told = verify_file(dsn, anchors=self._anchors)
            if not told.holds:
                return "broken"
            with opened_database(dsn) as log:
                same = altered_scene.told_by(log, self._tenants) == self._whole
                return "harmless" if same else "a wrong ok"
        except AegisError as error:
            return f"not told: {error.message}"

    def wrong(self, dsn: str, folder: Path) -> str:
        """The first answer that is another, and no refusal; empty where there is none.

        A denial because something that is needed to judge is gone is one.
        """
        found = self._answers(dsn, folder)
        for number, (mine, theirs) in enumerate(zip(found, self.expected, strict=False)):
            if mine != theirs and not mine.startswith(("refused", "deny ['POLICY_ERROR']")):
                return f"call {number}: {mine} instead of {theirs}"
        return ""

    def _answers(self, dsn: str, folder: Path) -> list[str]:
        shutil.copytree(self._keys, folder, dirs_exist_ok=True)
        try:
            return asyncio.run(altered_scene.answers(dsn, folder))
        except AegisError as error:
            return [f"refused: {error.code}"]


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Each alteration is warned of, which is not what is looked at here."""
    logger = logging.getLogger("aegisd")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def alter(attempts: int, tally: Tally, make: Callable[[Path], Database], seed: int) -> None:
    """Alter a log so many times, and hold what is said of each to what it was."""
    chance = Random(seed)  # noqa: S311 - seeded, so that a run can be told again
    with _without_warnings(), TemporaryDirectory(prefix="aegis-altered-") as name:
        keys = Path(name, "keys")
        keys.mkdir()
        database = make(Path(name))
        anchors = asyncio.run(altered_scene.record(database.dsn, keys))
        tables = database.tables()
        with database.altered(Alteration("nothing", ()), Path(name)) as copy:
            auditor = Auditor(copy, keys, anchors)
        done = 0
        while done < attempts:
            alteration = choose(database, tables, chance)
            place = Path(name, "place")
            place.mkdir()
            try:
                with database.altered(alteration, place) as copy:
                    verdict, wrong = auditor.verdict(copy), auditor.wrong(copy, place / "keys")
            except Impossible:
                continue
            except Exception as error:  # noqa: BLE001 - whatever it is, nobody foresaw it
                verdict, wrong = "nobody foresaw", repr(error)
            finally:
                shutil.rmtree(place)
            tally.note(verdict)
            noticed = verdict in ("broken", "harmless")
            tally.require(f"{alteration.what}: verify says {verdict}", holds=noticed)
            tally.require(f"{alteration.what}: {verdict}, {wrong}", holds=not wrong)
            tally.attempt()
            done += 1


@fault("altered by hand", attempts=3000, quick=60)
def sqlite(attempts: int, tally: Tally) -> None:
    """Any column of any table changed, rows deleted, doubled, swapped; verify, start and calls."""
    alter(attempts, tally, lambda folder: SqliteDatabase(folder / "aegis.db"), 20_260_111)


@fault("altered by hand, PostgreSQL", store="PostgreSQL", attempts=3000, quick=40)
def postgres(attempts: int, tally: Tally) -> None:
    """The same by the database's superuser, who goes round triggers and row-level security."""
    server = postgresql.own_server()
    if server is None:
        raise Unsupported("no PostgreSQL on this machine")
    try:
        alter(attempts, tally, lambda _folder: PostgresDatabase(server.dsn), 20_260_112)
    finally:
        server.remove()

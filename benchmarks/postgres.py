"""Batched ingest on PostgreSQL: the store alone, a daemon on it, and what is under both."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from itertools import count
from pathlib import Path

import psycopg

from aegisd.core.log.envelope import StoredEvent
from aegisd.store.postgres.store import PostgresStore
from benchmarks.figures import in_turns, span
from benchmarks.load import load
from benchmarks.report import Row, Section, aim
from benchmarks.rows import batches, sealed
from drills.daemon import Daemon
from tests import postgres

# Rows of one turn of a store, and how many turns each has.
ROWS = 10_000
ROUNDS = 5
SECONDS = 2.0

WORKLOAD, CONNECTIONS = "mixed", 4

BATCHES = (100, 256)

EVENTS_PER_SECOND = 15_000

BARE = "bare: executemany, one index"
STORE = "PostgresStore.append"
POSTGRES = "aegisd on PostgreSQL"
SQLITE = "aegisd on SQLite"

_TABLE = """CREATE TABLE bare (tenant_id text, position int8, session_id text, seq int8,
    event_type text, ts_unix_ms int8, user_id text, agent_id text, idempotency_key text,
    prev_hash bytea, hash bytea, body bytea, PRIMARY KEY (tenant_id, position))"""
_INSERT = "INSERT INTO bare VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"

# The rates of each way, by turn.
Rates = Mapping[str, Sequence[float]]


def measure(folder: Path, server: postgres.Server) -> Section:
    """Let stores and daemons have their turns on a server of our own."""
    with psycopg.connect(server.dsn) as connection:
        version = connection.info.parameter_status("server_version") or ""
    alone = _alone(postgres.new_database(server.dsn))
    served = _served(postgres.new_database(server.dsn), folder)
    return section(version, alone, served)


def _alone(dsn: str) -> Rates:
    """Rows per second of each way to write them."""
    tenants = map("t{}".format, count())

    def rate(write: Callable[[Sequence[StoredEvent]], None]) -> float:
        rows = sealed(next(tenants), ROWS)
        started = time.perf_counter()
        write(rows)
        return ROWS / (time.perf_counter() - started)

    with closing(PostgresStore(dsn)) as store, psycopg.connect(dsn) as connection:
        connection.execute(_TABLE)
        connection.commit()
        ways = {f"{BARE}, {BATCHES[0]} a commit": partial(_bare, connection, BATCHES[0])}
        for size in BATCHES:
            ways[f"{STORE}, {size} a commit"] = partial(_append, store, size)
        return in_turns({name: partial(rate, way) for name, way in ways.items()}, ROUNDS)


def _bare(
    connection: psycopg.Connection[tuple[object, ...]], size: int, rows: Sequence[StoredEvent]
) -> None:
    plain = [tuple(getattr(row, name) for name in StoredEvent.__struct_fields__) for row in rows]
    with connection.cursor() as cursor:
        for first in range(0, len(plain), size):
            cursor.executemany(_INSERT, plain[first : first + size])
            connection.commit()


def _append(store: PostgresStore, size: int, rows: Sequence[StoredEvent]) -> None:
    for batch in batches(rows, size):
        store.append(batch)


def _served(dsn: str, folder: Path) -> Rates:
    """Events per second of a daemon on each store."""
    names = map("p{}".format, count())

    def rate(daemon: Daemon) -> float:
        return load(daemon.port, WORKLOAD, CONNECTIONS, SECONDS, next(names)).per_second

    beside = {
        "AEGIS_SIGNING_KEY": str(folder / "postgres.key"),
        "AEGIS_CHECKPOINTS_PATH": str(folder / "postgres.checkpoints"),
    }
    with ExitStack() as stack:
        sqlite = str(folder / "beside-postgres.db")
        on_postgres = stack.enter_context(Daemon(folder, dsn=dsn, settings=beside))
        on_sqlite = stack.enter_context(Daemon(folder, dsn=sqlite))
        ways = {POSTGRES: partial(rate, on_postgres), SQLITE: partial(rate, on_sqlite)}
        in_turns(ways, 1)
        return in_turns(ways, ROUNDS)


def section(version: str, alone: Rates, served: Rates) -> Section:
    """Median rates of every way, beside the bare insert and the daemon on SQLite."""
    medians = {name: statistics.median(rates) for name, rates in {**alone, **served}.items()}
    rows: list[Row] = [
        {
            "what": name,
            "median": medians[name],
            "rounds": span(rates),
            "of bare, or SQLite": medians[name] / medians[base],
        }
        for both, base in ((alone, next(iter(alone))), (served, SQLITE))
        for name, rates in both.items()
    ]
    return Section(
        name="postgres",
        title="batched ingest",
        method=f"PostgreSQL {version} of this run's own on loopback, sharing the cores; stores: "
        f"{ROWS:,} sealed rows of about 600 bytes a turn on one connection, in a tenant of their "
        f"own; daemons: {WORKLOAD} requests of 100 events at {CONNECTIONS} connections, "
        f"{SECONDS:g} s a turn, checkpoints on. {ROUNDS} rounds in turns, medians. Ratios: of the "
        "bare insert, and of the daemon on SQLite",
        durability="PostgreSQL with fsync and synchronous_commit on; SQLite WAL, synchronous=FULL; "
        "committed before the answer",
        tables={"events per second": rows},
        aims=[
            aim(f"events/s, {name}", median, at_least=EVENTS_PER_SECOND)
            for name, median in medians.items()
            if name.startswith((STORE, POSTGRES))
        ],
    )

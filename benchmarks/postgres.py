"""Batched ingest on PostgreSQL: the store alone, a daemon on it, and what is under both."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import psycopg

from aegisd.core.log.envelope import StoredEvent
from aegisd.store.postgres.store import PostgresStore
from benchmarks import postgres_server
from benchmarks.daemon import Daemon
from benchmarks.figures import ratio
from benchmarks.overhead import load
from benchmarks.report import Aim, Grid, Section, Tell
from benchmarks.rows import batches, sealed

# Rows of one turn of a store, and how many turns each has.
ROWS = 10_000
ROUNDS = 5
SECONDS = 2.0
WARM_SECONDS = 1.0

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


def measure(folder: Path, tell: Tell) -> Section:
    """Start a server, and let stores and daemons have their turns on it."""
    with postgres_server.server() as dsn:
        version = postgres_server.version(dsn)
        alone = _alone(postgres_server.database(dsn, "alone"), lambda done: tell(done / 2))
        served = _served(
            postgres_server.database(dsn, "served"), folder, lambda done: tell(0.5 + done / 2)
        )
    return section(version, alone, served)


def _alone(dsn: str, tell: Tell) -> Mapping[str, Sequence[float]]:
    """Rows per second of each way to write them, by turn."""
    store = PostgresStore(dsn)
    with psycopg.connect(dsn) as connection:
        connection.execute(_TABLE)
        connection.commit()
        ways: dict[str, Callable[[Sequence[StoredEvent]], None]] = {
            f"{BARE}, {BATCHES[0]} a commit": partial(_bare, connection, BATCHES[0]),
        }
        for size in BATCHES:
            ways[f"{STORE}, {size} a commit"] = partial(_append, store, size)
        found: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(ROUNDS):
            for turn, (name, way) in enumerate(ways.items()):
                rows = sealed(f"t{number}-{turn}", ROWS)
                started = time.perf_counter()
                way(rows)
                found[name].append(ROWS / (time.perf_counter() - started))
            tell((number + 1) / ROUNDS)
    store.close()
    return found


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


def _served(dsn: str, folder: Path, tell: Tell) -> Mapping[str, Sequence[float]]:
    """Events per second of a daemon on each store, by turn."""
    beside = {
        "AEGIS_SIGNING_KEY": str(folder / "postgres.key"),
        "AEGIS_CHECKPOINTS_PATH": str(folder / "postgres.checkpoints"),
    }
    with ExitStack() as stack:
        daemons = {
            POSTGRES: stack.enter_context(Daemon(dsn, settings=beside)),
            SQLITE: stack.enter_context(Daemon(folder / "beside-postgres.db")),
        }
        found: dict[str, list[float]] = {name: [] for name in daemons}
        for daemon in daemons.values():
            load(daemon, WORKLOAD, CONNECTIONS, WARM_SECONDS, "warm")
        for number in range(ROUNDS):
            for name, daemon in daemons.items():
                turn = load(daemon, WORKLOAD, CONNECTIONS, SECONDS, f"p{number}")
                found[name].append(turn.per_second)
            tell((number + 1) / ROUNDS)
    return found


# ── what is told ─────────────────────────────────────────────────────────────────────────────────


_COLUMNS = ("what", "median", "rounds", "ratio")


def section(
    version: str, alone: Mapping[str, Sequence[float]], served: Mapping[str, Sequence[float]]
) -> Section:
    """Median rates of every way, beside the bare insert and the daemon on SQLite."""
    both = {**alone, **served}
    medians = {name: statistics.median(rates) for name, rates in both.items()}
    bare = next(iter(alone))
    rows = [
        (
            name,
            f"{medians[name]:,.0f}",
            f"{min(rates):,.0f} to {max(rates):,.0f}",
            ratio(medians[name], medians[bare if name in alone else SQLITE]),
        )
        for name, rates in both.items()
    ]
    return Section(
        name="postgres: batched ingest",
        method=f"PostgreSQL {version} of this run's own on loopback, sharing the cores; stores: "
        f"{ROWS:,} sealed rows of about 600 bytes a turn on one connection, in a tenant of their "
        f"own; daemons: {WORKLOAD} requests of 100 events at {CONNECTIONS} connections, "
        f"{SECONDS:g} s a turn, checkpoints on. {ROUNDS} rounds in turns, medians. Ratios: of the "
        "bare insert, and of the daemon on SQLite",
        durability=f"{', '.join(postgres_server.SETTINGS)}; SQLite WAL, synchronous=FULL; "
        "committed before the answer",
        figures={
            "server": version,
            "events_per_second": {name: round(median) for name, median in medians.items()},
            "rounds": {name: sorted(map(round, rates)) for name, rates in both.items()},
        },
        grids=[Grid(title="events per second", columns=_COLUMNS, rows=rows)],
        aims=[
            Aim(what=f"events/s, {name}", found=medians[name], aim=EVENTS_PER_SECOND)
            for name in both
            if name.startswith((STORE, POSTGRES))
        ],
    )

"""A start on a large log: `python -m benchmarks.start`.

Builds a log of many sessions with the engine itself and a judge that allows (the log's size is what
matters here, not the rules), then starts the daemon on it and reports how long that takes, what it
holds in memory, and what the first call into a session nobody has touched yet costs.
"""

import asyncio
import signal
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import click

from benchmarks import filling
from benchmarks.command import bar, benchmark
from benchmarks.filling import EVENTS_PER_CALL, TENANT
from benchmarks.process import resident_mb, timed
from benchmarks.report import Row, Section
from drills.daemon import Daemon

TOUCHES = 200


@benchmark("python -m benchmarks.start --sessions 10000")
@click.option("--sessions", default=100_000, show_default=True, help="Sessions in the log.")
@click.option("--calls", default=2, show_default=True, help="Governed calls per session.")
def main(sessions: int, calls: int) -> Sequence[Section]:
    """How long a start on a large log takes, what it holds, and what a first touch costs.

    Three starts: after an orderly stop, after a kill, and without any cached fold. Each is a daemon
    in a process of its own on the same SQLite log (synchronous=FULL).
    """
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "aegis.db"
        asyncio.run(_build(database, sessions, calls))
        size = database.stat().st_size / 1e6
        # How one ends is what the next one starts after.
        rows = [
            _start("after_stop", database, sessions, signal.SIGKILL),
            _start("after_kill", database, sessions, signal.SIGTERM),
        ]
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("DELETE FROM snapshots")
        rows.append(_start("without_snapshots", database, sessions, signal.SIGTERM))
    return [
        Section(
            name="start",
            title="a start on a large log",
            method=f"{sessions:,} sessions of {calls} calls, {sessions * calls * EVENTS_PER_CALL:,}"
            f" events, {size:,.0f} MB; then {TOUCHES} sessions touched for the first time and "
            "again, one call at a time",
            durability="SQLite WAL, synchronous=FULL",
            tables={"until it listens, and then": rows},
        )
    ]


async def _build(database: Path, sessions: int, calls: int) -> None:
    with bar("building the log") as tell:
        async with filling.running(database) as engine:
            proposals = filling.calls("s", calls)
            await filling.append(engine, proposals, sessions * calls, tell)


def _start(name: str, database: Path, sessions: int, ending: signal.Signals) -> Row:
    started = time.perf_counter()
    with Daemon(database.parent) as daemon:
        listening = time.perf_counter() - started
        resident = resident_mb(daemon.pid)
        client = daemon.connect()
        first: list[float] = []
        again: list[float] = []
        for number in range(TOUCHES):
            session = f"s{(number * 7919) % sessions}"
            touch = partial(client.propose, session, tenant_id=TENANT)
            first.append(timed(touch) * 1000)
            again.append(timed(touch) * 1000)
        daemon.stop(ending)
    return {
        "start": name,
        "listens after s": listening,
        "resident MB": resident,
        "first touch p50 ms": statistics.median(first),
        "later touch p50 ms": statistics.median(again),
    }


if __name__ == "__main__":
    main()

"""A start on a large log: `python -m benchmarks.start`.

How long a daemon takes until it listens, what it holds in memory then, and what the first call into
a session costs that nobody has touched yet. The log is built by the engine itself with a judge that
allows: the log's size is what matters here, not the rules.
"""

import asyncio
import signal
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import click
from msgspec import Struct

from benchmarks import filling
from benchmarks.command import benchmark
from benchmarks.figures import span
from benchmarks.filling import EVENTS_PER_CALL, TENANT
from benchmarks.process import resident_mb, timed
from benchmarks.report import Row, Section, aim
from drills.daemon import Daemon

# Sessions that are touched twice between two starts, which is also what a kill leaves behind the
# newest cached fold and checkpoint.
TOUCHES = 200

# Governed calls of each session of the log.
CALLS = 2

STARTS = 5
SECONDS = 1.0

STOPPED = "after an orderly stop"
KILLED = "after kill -9"
UNCACHED = "without snapshots"
EMPTY = "bare: no log yet"
ORDER = (STOPPED, KILLED, UNCACHED, EMPTY)


class Started(Struct, frozen=True):
    """Seconds until it listened; megabytes it held; milliseconds of first and later touches."""

    seconds: float
    resident_mb: float
    first_ms: float
    later_ms: float


# Starts of each kind.
Starts = Mapping[str, Sequence[Started]]


@benchmark("python -m benchmarks.start --sessions 10000")
@click.option("--sessions", default=100_000, show_default=True, help="Sessions in the log.")
def main(sessions: int) -> Sequence[Section]:
    """How long a start on a large log takes, what it holds, and what a first touch costs.

    After an orderly stop, after a kill, and without any cached fold: each is a daemon in a process
    of its own on the same signed SQLite log (synchronous=FULL). Beside them a start on no log.
    """
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "aegis.db"
        asyncio.run(_build(database, sessions * CALLS))
        _start(database, signal.SIGTERM, ["s0"])
        found: dict[str, list[Started]] = {name: [] for name in ORDER}
        for number in range(STARTS):
            first = number * TOUCHES
            names = [f"s{each * 7919 % sessions}" for each in range(first, first + TOUCHES)]
            # How one ends is what the next one starts after.
            found[STOPPED].append(_start(database, signal.SIGKILL, names))
            found[KILLED].append(_start(database, signal.SIGTERM, names))
            with closing(sqlite3.connect(database)) as connection, connection:
                connection.execute("DELETE FROM snapshots")
            found[UNCACHED].append(_start(database, signal.SIGTERM, names))
            found[EMPTY].append(_start(Path(folder) / f"{number}.db", signal.SIGTERM, names))
    return [section(sessions * CALLS * EVENTS_PER_CALL, found)]


async def _build(database: Path, calls: int) -> None:
    async with filling.running(database) as engine:
        await filling.append(engine, filling.calls("s", CALLS), calls)


def _start(database: Path, ending: signal.Signals, sessions: Sequence[str]) -> Started:
    """Start, touch each session for the first time and again, and end it."""
    started = time.perf_counter()
    with Daemon(database.parent, dsn=str(database)) as daemon:
        taken = time.perf_counter() - started
        resident = resident_mb(daemon.pid)
        client = daemon.connect()
        first, later = [], []
        for session in sessions:
            touch = partial(client.propose, session, tenant_id=TENANT)
            first.append(timed(touch) * 1000)
            later.append(timed(touch) * 1000)
        daemon.stop(ending)
    return Started(taken, resident, statistics.median(first), statistics.median(later))


def section(events: int, found: Starts) -> Section:
    """Median seconds of each kind of start, and the rest of its last one."""
    medians = {
        name: statistics.median(each.seconds for each in starts) for name, starts in found.items()
    }
    rows: list[Row] = [
        {
            "start": name,
            "seconds": medians[name],
            "range": span([each.seconds for each in starts]),
            "of no log": medians[name] / medians[EMPTY],
            "resident MB": starts[-1].resident_mb,
            "first touch p50 ms": starts[-1].first_ms,
            "later touch p50 ms": starts[-1].later_ms,
        }
        for name, starts in found.items()
    ]
    return Section(
        name="start",
        title="until it listens",
        method=f"a log of {events:,} events; median of {len(found[STOPPED])} starts of new "
        f"processes in turns, and after each {TOUCHES} sessions touched for the first time and "
        "again, one call at a time; files are in the system's cache",
        durability="SQLite WAL, synchronous=FULL",
        tables={"until it listens, and then": rows},
        aims=[
            aim(f"seconds to start, {name}", medians[name], at_most=SECONDS)
            for name in (STOPPED, KILLED)
        ],
    )


if __name__ == "__main__":
    main()

"""How long a start takes until it listens, on a large log with checkpoints and on none."""

import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path

from aegisd.child import START
from benchmarks.command import Tell
from benchmarks.figures import span
from benchmarks.filling import TENANT
from benchmarks.growth import Log
from benchmarks.process import ROOT, timed
from benchmarks.report import Section, aim
from drills.daemon import Daemon

STARTS = 5

# Calls between two starts: what a kill leaves behind the newest cached fold and checkpoint.
CALLS = 100

SECONDS = 1.0

STOPPED = "after an orderly stop"
KILLED = "after kill -9"
EMPTY = "bare: no log yet"
HELP = "bare: aegisd --help"
PYTHON = "bare: python -c pass"


def measure(log: Log, folder: Path, tell: Tell) -> Section:
    """Start on the log again and again, and beside it on nothing, in turns."""
    found: dict[str, list[float]] = {name: [] for name in (STOPPED, KILLED, EMPTY, HELP, PYTHON)}
    events, names = log.size(), map(str, count())
    _start(log.database, signal.SIGKILL, next(names))
    for number in range(STARTS):
        # How one ends is what the next one starts after.
        found[KILLED].append(_start(log.database, signal.SIGTERM, next(names)))
        found[STOPPED].append(_start(log.database, signal.SIGKILL, next(names)))
        empty = folder / f"empty{number}.db"
        found[EMPTY].append(_start(empty, signal.SIGTERM, next(names)))
        found[HELP].append(_run("-c", START, "--help"))
        found[PYTHON].append(_run("-c", "pass"))
        tell((number + 1) / STARTS)
    return section(events, found)


def _start(database: Path, ending: signal.Signals, sessions: str) -> float:
    """Seconds until it listens; then some calls, and the end."""
    started = time.perf_counter()
    with Daemon(database.parent, dsn=str(database)) as daemon:
        taken = time.perf_counter() - started
        client = daemon.connect()
        for number in range(CALLS):
            client.propose(f"start{sessions}-{number // 10}", tenant_id=TENANT)
        daemon.stop(ending)
    return taken


def _run(*arguments: str) -> float:
    command = [sys.executable, *arguments]
    return timed(partial(subprocess.run, command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT))


def section(events: int, found: Mapping[str, Sequence[float]]) -> Section:
    """Median seconds of each kind of start."""
    medians = {name: statistics.median(taken) for name, taken in found.items()}
    return Section(
        name="start",
        title="until it listens",
        method=f"a log of {events:,} events with its checkpoints; median of {STARTS} starts of "
        f"new processes in turns, {CALLS} calls before each end; files are in the system's cache",
        durability="SQLite WAL, synchronous=FULL",
        tables={
            "starts": [
                {
                    "start": name,
                    "seconds": medians[name],
                    "range": span(taken),
                    "of no log": medians[name] / medians[EMPTY],
                }
                for name, taken in found.items()
            ]
        },
        aims=[
            aim(f"seconds to start, {name}", medians[name], at_most=SECONDS)
            for name in (STOPPED, KILLED)
        ],
    )

"""How long a start takes until it listens, on a large log with checkpoints and on none."""

import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.daemon import Daemon
from benchmarks.filling import TENANT
from benchmarks.growth import Log
from benchmarks.process import ROOT
from benchmarks.report import Aim, Grid, Section, Tell

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
    events = log.size()
    _start(log.database, signal.SIGKILL, "before")
    for number in range(STARTS):
        # How one ends is what the next one starts after.
        found[KILLED].append(_start(log.database, signal.SIGTERM, f"killed{number}"))
        found[STOPPED].append(_start(log.database, signal.SIGKILL, f"stopped{number}"))
        found[EMPTY].append(_start(folder / f"empty{number}.db", signal.SIGTERM, "first"))
        found[HELP].append(_run("-c", "from aegisd.daemon import main; main()", "--help"))
        found[PYTHON].append(_run("-c", "pass"))
        tell((number + 1) / STARTS)
    return section(events, found)


def _start(database: Path, ending: signal.Signals, session: str) -> float:
    """Seconds until it listens; then some calls, and the end."""
    started = time.perf_counter()
    with Daemon(database, ending=ending) as daemon:
        taken = time.perf_counter() - started
        for number in range(CALLS):
            daemon.propose(TENANT, f"{session}-{number // 10}")
    return taken


def _run(*arguments: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - started


def section(events: int, found: Mapping[str, Sequence[float]]) -> Section:
    """Median seconds of each kind of start."""
    medians = {name: statistics.median(taken) for name, taken in found.items()}
    rows = [
        (
            name,
            f"{medians[name]:.3f}",
            f"{min(taken):.3f} to {max(taken):.3f}",
            f"{medians[name] / medians[EMPTY]:.2g}x",
        )
        for name, taken in found.items()
    ]
    return Section(
        name="start: until it listens",
        method=f"a log of {events:,} events with its checkpoints; median of {STARTS} starts of "
        f"new processes in turns, {CALLS} calls before each end; files are in the system's cache",
        durability="SQLite WAL, synchronous=FULL",
        figures={
            "events": events,
            "seconds": {name: round(median, 3) for name, median in medians.items()},
        },
        grids=[Grid(title="starts", columns=("start", "seconds", "range", "of no log"), rows=rows)],
        aims=[
            Aim(what=f"seconds to start, {name}", found=medians[name], aim=SECONDS, at_most=True)
            for name in (STOPPED, KILLED)
        ],
    )

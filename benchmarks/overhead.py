"""What checkpoints cost the calls: two daemons, one that signs and one that does not, in turns."""

import sqlite3
import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from msgspec import Struct

from benchmarks.figures import Paired, in_turns, paired
from benchmarks.load import load
from benchmarks.process import cpu_seconds
from benchmarks.report import Row, Section, aim
from benchmarks.workloads import WORKLOADS
from drills.daemon import Daemon

# Workload and connections.
LOADS = (("call", 32), ("mixed", 4))

# Rounds, in each of which both daemons have their turn. Many short ones, because neighbours on a
# shared machine come and go within seconds.
ROUNDS = 24
SECONDS = 1.0

ON, OFF = "on", "off"

# An interval of 0 signs only when asked.
SETTINGS: Mapping[str, Mapping[str, str]] = {
    ON: {},
    OFF: {"AEGIS_CHECKPOINTS_INTERVAL_MS": "0"},
}

# The share of its rate that checkpoints may take from the log.
COST_SHARE = 0.05


class Turn(Struct, frozen=True):
    """One daemon in one round: events per second, and its processor time per event."""

    per_second: float
    cpu_us: float


# The turns of a load by workload, connections, and checkpoints `on` or `off`.
Turns = Mapping[tuple[str, int, str], Sequence[Turn]]


def measure(folder: Path) -> Section:
    """Load both daemons in turns."""
    with ExitStack() as stack:
        daemons = {}
        for which, settings in SETTINGS.items():
            dsn = str(folder / f"{which}.db")
            daemons[which] = stack.enter_context(Daemon(folder, dsn=dsn, settings=settings))
        ways = {
            (workload, connections, which): partial(_turn, daemon, workload, connections)
            for workload, connections in LOADS
            for which, daemon in daemons.items()
        }
        # The first round opens sessions, files and caches.
        in_turns(ways, 1)
        turns = in_turns(ways, ROUNDS)
        signed = {which: _signed(folder / f"{which}.db") for which in daemons}
    return section(turns, signed)


def _turn(daemon: Daemon, workload: str, connections: int) -> Turn:
    before = cpu_seconds(daemon.pid)
    # Names of sessions that no other turn has.
    loaded = load(daemon.port, workload, connections, SECONDS, f"{workload}-{before}")
    events = loaded.statuses["201"] * WORKLOADS[workload].events
    return Turn(loaded.per_second, (cpu_seconds(daemon.pid) - before) * 1e6 / events)


def _signed(database: Path) -> int:
    """How many checkpoints are in a log."""
    with closing(sqlite3.connect(database)) as connection:
        count: int = connection.execute("SELECT count(*) FROM checkpoints").fetchone()[0]
    return count


def section(turns: Turns, signed: Mapping[str, int]) -> Section:
    """Rates of both daemons by workload."""
    loads = dict.fromkeys((workload, connections) for workload, connections, _ in turns)
    rates = [_rates(turns, *each) for each in loads]
    return Section(
        name="overhead",
        title="append with checkpoints on and off",
        method=f"two daemons over HTTP, loaded in turns for {SECONDS:g} s each in {ROUNDS} rounds, "
        "the order changing; on: each 1000 ms or 256 events; off: interval 0. What is kept is the "
        "median of the rounds' own ratios; cpu is the daemon's processor time per event",
        durability="SQLite WAL, synchronous=FULL, committed before the answer; a checkpoint is "
        "fsynced in the database and in a file outside it",
        tables={
            f"events/s; checkpoints signed: on {signed[ON]:,}, off {signed[OFF]:,}": [
                row for row, _ in rates
            ]
        },
        aims=[
            aim(f"cost of checkpoints, {row['load']}", 1 - kept.median, at_most=COST_SHARE)
            for row, kept in rates
        ],
    )


def _rates(turns: Turns, workload: str, connections: int) -> tuple[Row, Paired]:
    on, off = (turns[workload, connections, which] for which in (ON, OFF))
    kept = paired([turn.per_second for turn in on], [turn.per_second for turn in off])
    row: Row = {
        "load": f"{workload}, {connections} connections",
        "off": statistics.median(turn.per_second for turn in off),
        "on": statistics.median(turn.per_second for turn in on),
        "kept": kept.median,
        "half of rounds": f"{kept.half[0]:.0%} to {kept.half[1]:.0%}",
        "cpu us off": statistics.median(turn.cpu_us for turn in off),
        "cpu us on": statistics.median(turn.cpu_us for turn in on),
    }
    return row, kept

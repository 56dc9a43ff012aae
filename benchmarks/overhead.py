"""What checkpoints cost the calls: two daemons, one that signs and one that does not, in turns."""

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct

from benchmarks import signing
from benchmarks.daemon import Daemon
from benchmarks.figures import Paired, micros, paired
from benchmarks.process import ROOT
from benchmarks.report import Aim, Grid, Section, Tell
from benchmarks.workloads import WORKLOADS

TENANT = "bench"

# Workload and connections.
LOADS = (("call", 32), ("mixed", 4))

# Rounds, in each of which both daemons have their turn; the one that begins changes. Many short
# ones, because neighbours on a shared machine come and go within seconds.
ROUNDS = 24
SECONDS = 1.0
WARM_SECONDS = 1.0

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


class Found(Struct, frozen=True, kw_only=True):
    """One workload: a turn of each round, with checkpoints and without."""

    workload: str
    connections: int
    turns: Mapping[str, Sequence[Turn]]

    @property
    def kept(self) -> Paired:
        """What is kept of the rate with checkpoints on, by pairs of one round."""
        return paired(self.rates(ON), self.rates(OFF))

    def rates(self, which: str) -> Sequence[float]:
        """Events per second with checkpoints `on` or `off`."""
        return [turn.per_second for turn in self.turns[which]]

    def median(self, which: str) -> Turn:
        """The median rate, and the median processor time."""
        cpu_us = [turn.cpu_us for turn in self.turns[which]]
        return Turn(statistics.median(self.rates(which)), statistics.median(cpu_us))


def measure(folder: Path, tell: Tell) -> Section:
    """Load both daemons in turns, then take the steps of a checkpoint alone."""
    with ExitStack() as stack:
        daemons = {
            which: stack.enter_context(Daemon(folder / f"{which}.db", settings=settings))
            for which, settings in SETTINGS.items()
        }
        found = _rounds(daemons, tell)
        signed = {which: daemon.checkpoints(TENANT) for which, daemon in daemons.items()}
    return section(found, signed, signing.costs(folder))


def _rounds(daemons: Mapping[str, Daemon], tell: Tell) -> Sequence[Found]:
    turns: dict[tuple[str, int], dict[str, list[Turn]]] = {
        load: {ON: [], OFF: []} for load in LOADS
    }
    for workload, connections in LOADS:
        for which, daemon in daemons.items():
            load(daemon, workload, connections, WARM_SECONDS, f"warm-{workload}-{which}")
    for number in range(ROUNDS):
        order = (ON, OFF) if number % 2 else (OFF, ON)
        for workload, connections in LOADS:
            for which in order:
                name = f"r{number}-{workload}-{which}"
                turn = load(daemons[which], workload, connections, SECONDS, name)
                turns[workload, connections][which].append(turn)
        tell((number + 1) / ROUNDS)
    return [
        Found(workload=workload, connections=connections, turns=each)
        for (workload, connections), each in turns.items()
    ]


def load(daemon: Daemon, workload: str, connections: int, seconds: float, name: str) -> Turn:
    """Load a daemon from a process of its own, and count the events it answered with 201.

    `name` begins the names of the sessions. Raises `RuntimeError` for any other answer.
    """
    before = daemon.cpu_seconds()
    command = [sys.executable, "-m", "benchmarks.load", str(daemon.port), workload]
    done = subprocess.run(
        [*command, str(connections), str(seconds), name],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    figures = json.loads(done.stdout)
    if set(figures["statuses"]) != {"201"}:
        raise RuntimeError(f"{workload}: expected 201 alone, got {figures['statuses']}")
    events = WORKLOADS[workload].events
    cpu_seconds = daemon.cpu_seconds() - before
    return Turn(
        per_second=figures["per_second"] * events,
        cpu_us=cpu_seconds * 1e6 / (figures["statuses"]["201"] * events),
    )


# ── what is told ─────────────────────────────────────────────────────────────────────────────────


def section(
    found: Sequence[Found], signed: Mapping[str, int], steps: Mapping[str, float]
) -> Section:
    """Rates of both daemons by workload, and the steps of a checkpoint."""
    return Section(
        name="overhead: append with checkpoints on and off",
        method=f"two daemons over HTTP, loaded in turns for {SECONDS:g} s each in {ROUNDS} rounds, "
        "the order changing; on: each 1000 ms or 256 events; off: interval 0. What is kept is the "
        "median of the rounds' own ratios; cpu is the daemon's processor time per event. Then one "
        f"checkpoint over 256 events in-process, medians of {signing.CHECKPOINTS}",
        durability="SQLite WAL, synchronous=FULL, committed before the answer; a checkpoint is "
        "fsynced in the database and in a file outside it",
        figures={
            "loads": [_plain(each) for each in found],
            "checkpoints_signed": signed,
            "steps_us": {name: round(us, 1) for name, us in steps.items()},
            "checkpoint_us": round(signing.total_us(steps), 1),
        },
        grids=[_rates(found, signed), _steps(steps)],
        aims=[
            Aim(
                what=f"cost of checkpoints, {each.workload} at {each.connections} connections",
                found=1 - each.kept.median,
                aim=COST_SHARE,
                at_most=True,
            )
            for each in found
        ],
    )


def _plain(found: Found) -> Mapping[str, object]:
    kept, on, off = found.kept, found.median(ON), found.median(OFF)
    return {
        "workload": found.workload,
        "connections": found.connections,
        "on_events_per_second": round(on.per_second),
        "off_events_per_second": round(off.per_second),
        "on_cpu_us": round(on.cpu_us, 2),
        "off_cpu_us": round(off.cpu_us, 2),
        "kept": round(kept.median, 4),
        "kept_middle_half": [round(each, 4) for each in kept.half],
        "rounds": kept.rounds,
    }


def _rates(found: Sequence[Found], signed: Mapping[str, int]) -> Grid:
    rows = []
    for each in found:
        kept, on, off = each.kept, each.median(ON), each.median(OFF)
        rows.append(
            (
                f"{each.workload}, {each.connections} connections",
                f"{off.per_second:,.0f}",
                f"{on.per_second:,.0f}",
                f"{kept.median:.1%}",
                f"{kept.half[0]:.0%} to {kept.half[1]:.0%}",
                micros(off.cpu_us),
                micros(on.cpu_us),
            )
        )
    told = f"events per second; checkpoints signed: on {signed[ON]:,}, off {signed[OFF]:,}"
    columns = ("load", "off", "on", "kept", "half of rounds", "cpu us off", "cpu us on")
    return Grid(title=told, columns=columns, rows=rows)


def _steps(steps: Mapping[str, float]) -> Grid:
    commit = steps[signing.COMMIT]
    rows = [(name, micros(us), f"{us / commit:.0%}") for name, us in steps.items()]
    total = signing.total_us(steps)
    rows.append(("one checkpoint, in all", micros(total), f"{total / commit:.0%}"))
    return Grid(
        title="one checkpoint over 256 events, each step alone, on the thread beside the gate",
        columns=("step", "us", "of the commit"),
        rows=rows,
    )

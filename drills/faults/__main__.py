"""`python -m drills.faults`: break everything on purpose, and print what was lost."""

import fnmatch
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import click
import msgspec
from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from aegisd import reaper
from aegisd.child import NotStarted
from drills.daemon import HUNG_UP, ROOT
from drills.faults import (
    altered,
    calls,
    clock,
    crowd,
    damage,
    kill,
    power,
    simulation,
    stuck,
    traffic,
    turns,
)
from drills.faults.interposer import Unsupported
from drills.faults.outcome import FULL, NAMED_MAX, Fault, FaultOutcome, Tally, judge

# Every bad day that is tried, in the order of the table.
FAULTS = (
    *(kill.sqlite, kill.postgres, power.store, power.daemon, power.careless, damage.sqlite),
    *(altered.sqlite, altered.postgres),
    *(calls.full, calls.full_daemon, calls.unsynced, power.unsynced, clock.jumps, clock.bounds),
    *(traffic.retries, traffic.one_seq, traffic.two_daemons, traffic.flood, traffic.stopped),
    *(turns.hung, turns.vanished, crowd.crowd, stuck.stuck),
    *(simulation.memory, simulation.sqlite),
)

HELD, BROKEN, UNKNOWN = 0, 1, 2

# Rows at once: most sleep half of the time, or keep one core busy.
LANES = 2

# Seconds for one row, ten times what the longest takes.
ROW_SECONDS_MAX = 10_000

# Characters of what a row said that ended without an outcome.
LAST_WORDS_MAX = 300

# What a row says where nothing was lost that should not be.
GOOD = frozenset({"holds", "caught"})


class FaultTable(Struct, frozen=True, kw_only=True):
    """All rows, and the machine they were made on."""

    python: str
    sqlite: str
    cores: int
    outcomes: tuple[FaultOutcome, ...]

    @property
    def exit_code(self) -> int:
        """0: all hold; 1: one does not; 2: one could not be tried."""
        verdicts = {outcome.verdict for outcome in self.outcomes}
        if verdicts - GOOD - {"unknown"}:
            return BROKEN
        return UNKNOWN if "unknown" in verdicts else HELD


def report(faults: Sequence[Fault], outcome_of: Callable[[Fault], FaultOutcome]) -> FaultTable:
    """Try faults, `LANES` at once but for those that are `alone`, which come last."""
    with ThreadPoolExecutor(LANES) as lanes:
        beside = [fault for fault in faults if not fault.alone]
        outcomes = {each.fault: each for each in lanes.map(outcome_of, beside)}
    outcomes |= {fault.name: outcome_of(fault) for fault in faults if fault.alone}
    return FaultTable(
        python=sys.version.split()[0],
        sqlite=sqlite3.sqlite_version,
        cores=os.cpu_count() or 0,
        outcomes=tuple(outcomes[fault.name] for fault in faults),
    )


def tried(fault: Fault, *, quick: bool, step: Callable[[], object]) -> FaultOutcome:
    """Try a fault in this process; `step` is called after each attempt."""
    tally = Tally(step)
    started = time.perf_counter()
    try:
        fault.work(fault.quick if quick else fault.attempts, tally)
    except Unsupported as error:
        return replace(judge(fault, Tally(), 0), verdict="unknown", detail=str(error))
    except (NotStarted, *HUNG_UP) as error:
        # Where a row does not expect it, a daemon that is gone or mute is a law broken.
        tally.broken.append(f"{type(error).__name__}: {error}")
    return judge(fault, tally, time.perf_counter() - started)


def tried_elsewhere(fault: Fault, *, quick: bool, step: Callable[[], object]) -> FaultOutcome:
    """Try a fault in a process of its own, of which `step` is called at the end.

    What ends that without an outcome is not known.
    """
    command = [sys.executable, "-m", "drills.faults", "--json", *["--quick"] * quick, fault.name]
    ended = reaper.run(command, ROOT, ROW_SECONDS_MAX)
    step()
    try:
        (outcome,) = msgspec.json.decode(ended.stdout, type=FaultTable).outcomes
    except msgspec.DecodeError:
        said = ended.stderr.decode(errors="replace").strip()[-LAST_WORDS_MAX:]
        return replace(judge(fault, Tally(), 0), verdict="unknown", detail=said)
    return outcome


def _chosen(names: Iterable[str]) -> list[Fault]:
    """The faults whose names match, in the table's order. Raises `click.UsageError` for none."""
    patterns = list(names) or ["*"]
    chosen = [
        fault for fault in FAULTS if any(fnmatch.fnmatch(fault.name, each) for each in patterns)
    ]
    if not chosen:
        known = ", ".join(f"{fault.name!r}" for fault in FAULTS)
        raise click.UsageError(f"no fault is called {' or '.join(patterns)}; there are {known}")
    return chosen


def _soak(minutes: float) -> Fault:
    return Fault(
        name=f"soak, {minutes:g} min",
        method="8 clients over 1,000 sessions without a pause: memory and WAL stay",
        store=FULL,
        attempts=0,
        quick=0,
        work=lambda _attempts, tally: traffic.soak(60 * minutes, tally),
    )


def _show(found: FaultTable) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
    table = Table("fault", "store", "tried", "lost", "verdict", "s", "method; counted", box=None)
    for each in found.outcomes:
        colour = "green" if each.verdict in GOOD else "red"
        table.add_row(
            escape(each.fault),
            escape(each.store),
            f"{each.attempts:,}",
            f"{each.losses:,}",
            f"[{colour}]{each.verdict}[/]",
            f"{each.seconds:.0f}",
            escape(f"{each.method}; {each.detail}" if each.detail else each.method),
        )
    console.print(table)
    tried = sum(each.attempts for each in found.outcomes)
    lost = sum(each.losses for each in found.outcomes if each.verdict != "caught")
    console.print(
        f"{tried:,} attempts, {lost:,} acknowledged events lost. CPython {found.python}, SQLite "
        f"{found.sqlite}, {found.cores} cores."
    )
    for each in found.outcomes:
        # The table has room for the first kinds only.
        for violation in each.violations[NAMED_MAX:]:
            click.echo(f"{each.fault}: {violation.text()}", err=True)


@click.command()
@click.argument("names", metavar="[FAULT]...", nargs=-1)
@click.option("--quick", is_flag=True, help="A few attempts of each: minutes, not half an hour.")
@click.option("--minutes", type=float, help="Soak for so long instead of the table.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document and nothing else.")
def main(*, names: tuple[str, ...], quick: bool, minutes: float | None, as_json: bool) -> None:
    """Make bad days on purpose and count what was lost: crashes, power cuts, full disks, and more.

    Each FAULT is a name of the table or a pattern of names; without one, all of them. A planted
    row is a careless build that must lose events: it shows that the others could tell.

    \b
    Example:
      python -m drills.faults --quick
      python -m drills.faults 'power cut*'
      python -m drills.faults --minutes 3

    Exit codes: 0 every row holds, 1 one does not, 2 one could not be tried or usage.
    """  # noqa: D301 - \b is click's mark for a paragraph that keeps its lines
    faults = [_soak(minutes)] if minutes is not None else _chosen(names)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        whole = len(faults) > 1
        total = faults[0].quick if quick else faults[0].attempts
        task = progress.add_task("rows", total=len(faults) if whole else total or None)
        attempt = tried_elsewhere if whole else tried

        def outcome_of(fault: Fault) -> FaultOutcome:
            outcome = attempt(fault, quick=quick, step=lambda: progress.advance(task))
            if whole:
                # The table takes most of an hour, and whoever ends it has seen what was found.
                console.print(f"{outcome.fault}: {outcome.verdict}, {outcome.seconds:.0f} s")
            return outcome

        found = report(faults, outcome_of)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        _show(found)
    sys.exit(found.exit_code)


if __name__ == "__main__":
    main()

"""`python -m drills.faults`: break everything on purpose, and print what was lost."""

import fnmatch
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Sequence

import click
import msgspec
from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from aegisd.child import NotStarted
from drills.daemon import HUNG_UP
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
from drills.faults.outcome import FULL, Fault, FaultOutcome, Tally, judge

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


def report(
    faults: Sequence[Fault], *, quick: bool, began: Callable[[str, int], Callable[[], None]]
) -> FaultTable:
    """Try faults one after another; `began` is told of each and gives what is told of attempts."""
    outcomes = []
    for fault in faults:
        attempts = fault.quick if quick else fault.attempts
        tally = Tally(began(f"{fault.name}, {fault.store}", attempts))
        started = time.perf_counter()
        try:
            fault.work(attempts, tally)
        except Unsupported as error:
            outcome = judge(fault, Tally(), 0)
            outcomes.append(replace(outcome, verdict="unknown", detail=str(error)))
            continue
        except (NotStarted, *HUNG_UP) as error:
            # Where a row does not expect it, a daemon that is gone or mute is a law broken.
            tally.broken.append(f"{type(error).__name__}: {error}")
        outcomes.append(judge(fault, tally, time.perf_counter() - started))
    return FaultTable(
        python=sys.version.split()[0],
        sqlite=sqlite3.sqlite_version,
        cores=os.cpu_count() or 0,
        outcomes=tuple(outcomes),
    )


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


@click.command()
@click.argument("names", metavar="[FAULT]...", nargs=-1)
@click.option("--quick", is_flag=True, help="A few attempts of each: minutes instead of an hour.")
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

        def began(name: str, attempts: int) -> Callable[[], None]:
            task = progress.add_task(name, total=attempts or None)
            return lambda: progress.advance(task)

        found = report(faults, quick=quick, began=began)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        _show(found)
    sys.exit(found.exit_code)


if __name__ == "__main__":
    main()

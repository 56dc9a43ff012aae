"""Every figure of the signed log in one run: `python -m benchmarks.evidence`.

Checkpoints on and off, a growing log, starts on it, its export, import and verification, and
PostgreSQL; each beside a peer or a bare loop that does nothing else.
"""

import asyncio
import gc
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from aegisd.daemon import GARBAGE_OBJECTS, SWITCH_SECONDS
from benchmarks import growth, overhead, restart, transfer, verification
from benchmarks.growth import Log
from benchmarks.report import Section, Tell, show, show_aims
from benchmarks.tables import console

# A part of the run by name: the parts of a log of so many events share one.
OVERHEAD, POSTGRES = "overhead", "postgres"
FLAT, TRANSFER, VERIFY, START = "flat", "transfer", "verify", "start"
PARTS = (OVERHEAD, POSTGRES, FLAT, TRANSFER, VERIFY, START)

# Starts a part's bar: its name to what tells how much of it is done.
Begin = Callable[[str], Tell]


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: python -m benchmarks.evidence --events 20000 --only verify --only start",
)
@click.option(
    "--events", type=click.IntRange(1_000), default=1_000_000, show_default=True,
    help="Events of the log that is grown, exported, imported, verified and started on.",
)  # fmt: skip
@click.option(
    "--only", "only", multiple=True, type=click.Choice(PARTS), default=PARTS,
    help="A part of the run; may be repeated.  [default: all]",
)  # fmt: skip
@click.option(
    "--scratch", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder on the disk to measure, about 4 KB free per event.  [default: the system's]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of tables.")
def main(events: int, only: tuple[str, ...], scratch: Path | None, *, as_json: bool) -> None:
    """What signed checkpoints, proofs, exports and PostgreSQL cost, in one run.

    Every figure stands beside a bare baseline or a peer of the same run, with its method and what
    was durable. Without PostgreSQL on this machine that part is left out, and said so. Cores are
    shared and noisy: medians over rounds and ratios are what to read.
    """
    gc.set_threshold(GARBAGE_OBJECTS)
    sys.setswitchinterval(SWITCH_SECONDS)
    started = time.perf_counter()
    left_out: dict[str, str] = {}
    with tempfile.TemporaryDirectory(dir=scratch) as folder, _bars() as begin:
        sections = _measure(Path(folder), events, only, begin, left_out)
    seconds = round(time.perf_counter() - started)
    if as_json:
        document = {
            "events": events,
            "machine": {"processors": os.cpu_count(), "python": platform.python_version()},
            "seconds": seconds,
            "parts": {name: section.plain() for name, section in sections.items()},
            "left_out": left_out,
        }
        click.echo(json.dumps(document, sort_keys=True))
        return
    for section in sections.values():
        show(section)
    for name, reason in left_out.items():
        console.print(f"{name} is left out: {reason}")
    show_aims(list(sections.values()))
    console.print(f"{seconds} s, {os.cpu_count()} processors, Python {platform.python_version()}")


def _measure(
    folder: Path, events: int, only: Sequence[str], begin: Begin, left_out: dict[str, str]
) -> Mapping[str, Section]:
    """The parts that were asked for by name, in their order; `left_out` gets why one is missing."""
    found: dict[str, Section] = {}
    if OVERHEAD in only:
        found[OVERHEAD] = overhead.measure(folder, begin(OVERHEAD))
    if POSTGRES in only:
        measured = _measure_postgres(folder, begin)
        if isinstance(measured, str):
            left_out[POSTGRES] = measured
        else:
            found[POSTGRES] = measured
    if {FLAT, TRANSFER, VERIFY, START} & set(only):
        found |= _measure_log(folder, events, only, begin)
    return found


def _measure_postgres(folder: Path, begin: Begin) -> Section | str:
    """The part about PostgreSQL, or why this machine has none."""
    if find_spec("psycopg") is None:
        return "psycopg is not installed; pip install 'psycopg[binary]'"
    from benchmarks import postgres, postgres_server  # noqa: PLC0415 - comes with an extra

    if postgres_server.programs() is None:
        return postgres_server.MISSING
    return postgres.measure(folder, begin(POSTGRES))


def _measure_log(
    folder: Path, events: int, only: Sequence[str], begin: Begin
) -> Mapping[str, Section]:
    """The parts that need a log of so many events: one log for all of them."""
    found: dict[str, Section] = {}
    log, path = Log(folder), folder / "log.jsonl"
    if FLAT in only:
        found[FLAT] = growth.measure(log, events, begin(FLAT))
    else:
        asyncio.run(log.fill(events, begin("filling the log")))
    if TRANSFER in only:
        found[TRANSFER] = transfer.measure(log, path, begin(TRANSFER))
    if VERIFY in only:
        found[VERIFY] = verification.measure(transfer.exported(log, path), begin(VERIFY))
    if START in only:
        found[START] = restart.measure(log, folder, begin(START))
    return found


@contextmanager
def _bars() -> Iterator[Begin]:
    """A bar for each part on a terminal, nothing in a pipe."""
    columns = (TextColumn("{task.description:16}"), BarColumn(), TaskProgressColumn())
    shown = Console(stderr=True)
    hidden = not sys.stderr.isatty()
    with Progress(*columns, TimeElapsedColumn(), console=shown, disable=hidden) as progress:

        def begin(name: str) -> Tell:
            task = progress.add_task(name, total=1.0)
            return lambda done: progress.update(task, completed=done)

        yield begin


if __name__ == "__main__":
    main()

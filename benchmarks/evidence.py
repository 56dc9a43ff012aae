"""Every figure of the signed log in one run: `python -m benchmarks.evidence`.

Checkpoints on and off, a log's export, import and verification, and PostgreSQL; each beside a peer
or a bare loop that does nothing else.
"""

import asyncio
import gc
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import click

from aegisd.daemon import GARBAGE_OBJECTS, SWITCH_SECONDS
from benchmarks import filling, overhead, transfer, verification
from benchmarks.command import benchmark
from benchmarks.report import Section

# A part of the run by name: the parts of a log of so many events share one.
OVERHEAD, POSTGRES, TRANSFER, VERIFY = "overhead", "postgres", "transfer", "verify"
PARTS = (OVERHEAD, POSTGRES, TRANSFER, VERIFY)

# Makes an event of the log about 600 bytes long, the decisions counted in.
_TEXT = "Keep each line short, and name what changed for whoever reads it. " * 3


@benchmark("python -m benchmarks.evidence --events 20000 --only verify")
@click.option(
    "--events", type=click.IntRange(1_000), default=1_000_000, show_default=True,
    help="Events of the log that is exported, imported and verified.",
)  # fmt: skip
@click.option(
    "--only", "only", multiple=True, type=click.Choice(PARTS), default=PARTS,
    help="A part of the run; may be repeated.  [default: all]",
)  # fmt: skip
def main(events: int, only: tuple[str, ...]) -> Sequence[Section]:
    """What signed checkpoints, exports and PostgreSQL cost, in one run.

    Every figure stands beside a bare baseline or a peer of the same run, with its method and what
    was durable. Without PostgreSQL on this machine that part is left out, and said so. Cores are
    shared and noisy: medians over rounds and ratios are what to read. The disk is that of
    TMPDIR, on which an event takes about 4 KB.
    """
    gc.set_threshold(GARBAGE_OBJECTS)
    sys.setswitchinterval(SWITCH_SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        return list(_measure(Path(folder), events, only))


def _measure(folder: Path, events: int, only: Sequence[str]) -> Iterator[Section]:
    """The parts that were asked for by name, in their order."""
    log, path = folder / "log.db", folder / "log.jsonl"
    measures: Mapping[str, Callable[[], Section]] = {
        OVERHEAD: partial(overhead.measure, folder),
        POSTGRES: partial(_measure_postgres, folder),
        TRANSFER: partial(transfer.measure, log, path),
        VERIFY: lambda: verification.measure(transfer.exported(log, path)),
    }
    for name in (each for each in PARTS if each in only):
        if name in (TRANSFER, VERIFY) and not log.exists():
            print("filling the log", file=sys.stderr)
            asyncio.run(_fill(log, events))
        print(f"measuring: {name}", file=sys.stderr)
        yield measures[name]()


async def _fill(log: Path, events: int) -> None:
    async with filling.running(log) as engine:
        await filling.fill(engine, filling.calls("s", content=_TEXT), events)


def _measure_postgres(folder: Path) -> Section:
    """The part about PostgreSQL, or why this machine has none."""
    missing = "psycopg is not installed; pip install 'psycopg[binary]'"
    if find_spec("psycopg") is not None:
        from benchmarks import postgres  # noqa: PLC0415 - comes with an extra
        from tests.postgres import MISSING, own_server  # noqa: PLC0415 - as it

        server, missing = own_server(), MISSING
        if server is not None:
            return postgres.measure(folder, server)
    nothing = "nothing was measured"
    return Section(name=POSTGRES, title="left out", method=missing, durability=nothing, tables={})


if __name__ == "__main__":
    main()

"""Many tenants in one daemon: `python -m benchmarks.tenants`.

How long a start, a start with another manifest and an end take, and what is in memory meanwhile.
The log is made by the engine itself: one governed call of each tenant.
"""

import asyncio
import gc
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import click

from aegisd import compose, resources
from aegisd.core.capabilities import Capabilities
from aegisd.core.proposal import read
from aegisd.daemon import GARBAGE_OBJECTS, SWITCH_SECONDS
from aegisd.engine.engine import Engine
from aegisd.rego.installation import installation
from aegisd.store.dsn import open_store
from benchmarks.command import benchmark
from benchmarks.process import resident_mb
from benchmarks.report import Row, Section, aim
from drills.daemon import proposal
from tests import postgres

# Calls of different tenants at once.
AT_ONCE = 200

STOP_SECONDS, ACCEPTED_SECONDS = 10.0, 2.0


@benchmark("python -m benchmarks.tenants --tenants 5000")
@click.option("--tenants", default=10_000, show_default=True, help="Tenants in the log.")
@click.option("--on-postgres", is_flag=True, help="On a PostgreSQL server of its own.")
def main(tenants: int, *, on_postgres: bool) -> Sequence[Section]:
    """Seconds until a daemon with many tenants serves, and until it has ended.

    After all of them grew, with nothing to do, and with another manifest for all.
    """
    gc.set_threshold(GARBAGE_OBJECTS)
    sys.setswitchinterval(SWITCH_SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "aegis.db"
        with postgres.database() if on_postgres else nullcontext(str(database)) as dsn:
            rows = asyncio.run(_lives(dsn, Path(folder), tenants))
    return [section(tenants, rows, on_postgres=on_postgres)]


async def _lives(dsn: str, folder: Path, tenants: int) -> Sequence[Row]:
    return [
        await _life("new, all called", dsn, folder, "1", tenants),
        await _life("the same manifest", dsn, folder, "1", 1),
        await _life("another manifest", dsn, folder, "2", 1),
        await _life("all called again", dsn, folder, "2", tenants),
    ]


async def _life(name: str, dsn: str, folder: Path, version: str, calls: int) -> Row:
    store = open_store(dsn)
    judge = installation("auto").judge(store.document)
    engine = compose.engine(
        store,
        judge,
        compose.configured(judge, _manifest(version)),
        on_fatal=click.echo,
        signing=compose.signing(dsn, store, key=str(folder / "key"), guard=str(folder / "guard")),
        snapshot_key=bytes(32),
    )
    started = time.perf_counter()
    await engine.start()
    serving = time.perf_counter()
    for first in range(0, calls, AT_ONCE):
        names = range(first, min(first + AT_ONCE, calls))
        await asyncio.gather(*(_call(engine, f"t{number}") for number in names))
    called, progress, resident = time.perf_counter(), engine.progress(), resident_mb()
    await engine.stop()
    ended = time.perf_counter()
    store.close()
    return {
        "start": name,
        "serves s": serving - started,
        "calls": f"{calls:,}",
        "calls s": called - serving,
        "changed logs": f"{progress.done:,} of {progress.tenants:,}",
        "MB": resident,
        "ends s": ended - called,
    }


async def _call(engine: Engine, tenant_id: str) -> None:
    await engine.append((read(proposal(f"s{time.time_ns()}", tenant_id=tenant_id)),))


def _manifest(version: str) -> Capabilities:
    told = json.loads((resources.manifests() / "quickstart.json").read_bytes())
    return compose.read_manifest({**told, "version": version})


def section(tenants: int, rows: Sequence[Row], *, on_postgres: bool) -> Section:
    """What was measured, held to how long an end and a start with another manifest may take."""
    worst = max(float(str(row["ends s"])) for row in rows)
    changed = next(row for row in rows if row["start"] == "another manifest")
    same = next(row for row in rows if row["start"] == "the same manifest")
    added = float(str(changed["serves s"])) - float(str(same["serves s"]))
    return Section(
        name="tenants",
        title="many tenants in one daemon",
        method=f"{tenants:,} tenants, in-process, one engine after the other on one log, "
        f"checkpoints each 1000 ms or 256 events; {AT_ONCE} calls at once, each of another tenant",
        durability="PostgreSQL, synchronous_commit=on"
        if on_postgres
        else "SQLite WAL, synchronous=FULL",
        tables={"start, calls and end": rows},
        aims=[
            aim("seconds of the longest end", worst, at_most=STOP_SECONDS),
            aim("seconds that another manifest adds to a start", added, at_most=ACCEPTED_SECONDS),
        ],
    )


if __name__ == "__main__":
    main()

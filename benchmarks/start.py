"""A start on a large log: `python -m benchmarks.start`.

Builds a log of many sessions with the engine itself and a judge that allows (the log's size is what
matters here, not the rules), then starts the daemon on it and reports how long that takes, what it
holds in memory, and what the first call into a session nobody has touched yet costs.
"""

import asyncio
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from aegisd.store.sqlite.store import SqliteStore
from benchmarks import filling
from benchmarks.daemon import Daemon

TOUCHES = 200

console = Console()


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: python -m benchmarks.start --sessions 10000",
)
@click.option("--sessions", default=100_000, show_default=True, help="Sessions in the log.")
@click.option("--calls", default=2, show_default=True, help="Governed calls per session.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of lines.")
def main(sessions: int, calls: int, *, as_json: bool) -> None:
    """How long a start on a large log takes, what it holds, and what a first touch costs.

    Three starts: after a kill, after an orderly stop, and without any cached fold. Each is a daemon
    in a process of its own on the same SQLite log (synchronous=FULL).
    """
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "aegis.db"
        built = time.perf_counter()
        asyncio.run(_build(database, sessions, calls))
        figures: dict[str, object] = {
            "sessions": sessions,
            "events": sessions * calls * 2,
            "database_mb": round(database.stat().st_size / 1e6, 1),
            "build_s": round(time.perf_counter() - built, 1),
        }
        figures["after_kill"] = _start(database, sessions)
        figures["after_stop"] = _start(database, sessions)
        _forget(database)
        figures["without_snapshots"] = _start(database, sessions)
    if as_json:
        click.echo(json.dumps(figures, sort_keys=True))
        return
    for name, value in figures.items():
        console.print(f"{name:20} {value}")


async def _build(database: Path, sessions: int, calls: int) -> None:
    store = SqliteStore(str(database))
    engine = filling.engine(store)
    await engine.start()
    proposals = filling.calls(sessions * calls, calls_per_session=calls)
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("building the log", total=sessions * calls)
        await filling.append(engine, proposals, lambda done: progress.advance(task, done))
    # No orderly stop: the first start below finds what a kill leaves behind.
    store.close()


def _start(database: Path, sessions: int) -> dict[str, float]:
    """Seconds until it listens, resident megabytes, and milliseconds of first and later touches."""
    started = time.perf_counter()
    with Daemon(database) as daemon:
        listening = time.perf_counter() - started
        resident = daemon.resident_mb()
        first: list[float] = []
        again: list[float] = []
        for number in range(TOUCHES):
            session = f"s{(number * 7919) % sessions}"
            for times in (first, again):
                at = time.perf_counter()
                daemon.propose("bench", session)
                times.append((time.perf_counter() - at) * 1000)
        return {
            "listening_s": round(listening, 2),
            "resident_mb": round(resident, 1),
            "first_touch_p50_ms": round(statistics.median(first), 2),
            "later_touch_p50_ms": round(statistics.median(again), 2),
        }


def _forget(database: Path) -> None:
    """Delete every cached fold: the next start folds the log from its first event."""
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM snapshots")


if __name__ == "__main__":
    main()

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

from aegisd.core.manifest.capabilities import NONE, Capabilities
from aegisd.core.policy.input import PolicyInput
from aegisd.core.policy.verdict import Verdict
from aegisd.core.proposal import Proposal, read
from aegisd.engine.clock import SystemClock
from aegisd.engine.engine import Configured, Engine
from aegisd.ports import Document
from aegisd.rules_version import rules_version
from aegisd.store.sqlite import SqliteStore
from benchmarks.daemon import Daemon

CONCURRENT = 256
TOUCHES = 200

console = Console()


class Allowing:
    """A judge without rules, so that the log is made in seconds."""

    rules_version = rules_version()

    def evaluator(self) -> tuple[str, str]:
        """No engine."""
        return "none", "0"

    def capabilities(self, _manifest: str) -> Capabilities:
        """No manifest."""
        return NONE

    def judge(self, _bundle: str, _manifest: str, _policy_input: PolicyInput) -> Verdict:
        """Yes."""
        return Verdict(outcome="allow", reason="OK")

    def released(self, _bundle: str) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def bundle(self, _files: object) -> bytes:
        """An empty bundle."""
        return b'{"files":{}}'

    def keep(self, _document: Document) -> None:
        """Nothing to keep."""


@click.command()
@click.option("--sessions", default=100_000, show_default=True)
@click.option("--calls", default=2, show_default=True, help="Governed calls per session.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of lines.")
def main(sessions: int, calls: int, *, as_json: bool) -> None:
    """Measure start, memory and first touch."""
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
    engine = Engine(
        store=SqliteStore(str(database)),
        judge=Allowing(),
        clock=SystemClock(),
        configured=Configured(bundle=b'{"files":{}}', policy_named=False, capabilities=None),
        on_fatal=console.print,
    )
    await engine.start()
    total = sessions * calls
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("building the log", total=total)
        for first in range(0, total, CONCURRENT):
            numbers = range(first, min(first + CONCURRENT, total))
            await asyncio.gather(*(engine.append((_call(n // calls),)) for n in numbers))
            progress.advance(task, len(numbers))
    # No orderly stop: the first start below finds what a kill leaves behind.
    engine.store.close()


def _call(session: int) -> Proposal:
    return read(
        {
            "tenant_id": "bench",
            "session_id": f"s{session}",
            "event_type": "TOOL_CALL_PROPOSED",
            "payload": {"tool_name": "read_file", "args": {"path": "/workspace/notes.txt"}},
        }
    )


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

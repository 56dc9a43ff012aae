"""A decision in the author's own process, and the import: `python -m benchmarks.library`.

`aegis.Gate` (plain code: the engine has a thread of its own) and `aegis.AsyncGate` (the engine on
the caller's loop), with the log in memory and in SQLite (synchronous=FULL, committed before the
answer). The peer's pipeline does its own work beside them: evaluate, execute nothing, write one
audit row. All take turns within each round.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from functools import partial
from pathlib import Path

import click

from aegis import AsyncGate, AsyncSession, Gate, Session
from aegisd import resources
from aegisd.rego.engines import CHOICES, choose
from benchmarks import peer
from benchmarks.figures import Timing, micros, ratio, timing
from benchmarks.process import ROOT
from benchmarks.tables import console, table

CALLS = 500
CALLS_PER_SESSION = 20
IMPORTS = 5
MANIFEST = "quickstart.json"

# Microseconds for half of all decisions on a log in memory, with the native engine.
AIM_US = 150
MEMORY = "Gate, memory"

# What is imported, by name; the peer's package is called like ours.
STATEMENTS = {
    "bare python": "pass",
    "import asyncio": "import asyncio",
    "import aegis": "import aegis",
}

# One round of a contender: microseconds of each call.
Round = Callable[[], list[float]]


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: python -m benchmarks.library --engine regorus --json",
)
@click.option("--rounds", default=5, show_default=True, help="Medians are taken over these.")
@click.option(
    "--engine", type=click.Choice(CHOICES), default="auto", show_default=True,
    help="Which Rego engine judges.",
)  # fmt: skip
@click.option(
    "--peer-venv", type=click.Path(path_type=Path),
    help=f"Environment for {peer.PEER}; made and kept.  [default: .venv-peer in the checkout]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of tables.")
def main(rounds: int, engine: str, peer_venv: Path | None, *, as_json: bool) -> None:
    """In-process decisions on memory and SQLite, sync and async, and import time.

    One call at a time, each judged by the base rules and the quickstart manifest and recorded with
    its decision. Ratios are to the same log of the peer, and to a bare Python that imports nothing.
    """
    python = peer.interpreter(peer_venv)
    imports = _imports(python)
    with tempfile.TemporaryDirectory() as folder:
        costs = _decisions(Path(folder), rounds, engine, python)
    if as_json:
        document = {
            "durability": "memory: none; sqlite: WAL, synchronous=FULL, before the answer",
            "engine": choose(engine).name,
            "method": f"one call at a time, {rounds} rounds of {CALLS} in turns; imports: median "
            f"of {IMPORTS} fresh processes",
            "decisions": {
                name: {"p50_us": cost.p50_us, "p99_us": cost.p99_us, "samples": cost.samples}
                for name, cost in costs.items()
            },
            "import_ms": imports,
        }
        click.echo(json.dumps(document, sort_keys=True))
        return
    _show(costs, choose(engine).name)
    _show_imports(imports)


def _decisions(place: Path, rounds: int, engine: str, python: Path | None) -> Mapping[str, Timing]:
    samples: dict[str, list[list[float]]] = {}
    with asyncio.Runner() as runner, ExitStack() as stack:
        contenders = {
            **_sync(stack, place, engine),
            **_async(stack, runner, place, engine),
            **_peer(place, python),
        }
        for number in range(rounds + 1):
            for name, measure in contenders.items():
                found = measure()
                # The first round compiles the rules and opens the files.
                if number:
                    samples.setdefault(name, []).append(found)
    return {name: timing(found) for name, found in samples.items()}


def _sync(stack: ExitStack, place: Path, engine: str) -> Mapping[str, Round]:
    manifest = resources.manifests() / MANIFEST
    memory = stack.enter_context(Gate(manifest=manifest, engine=engine))
    durable = stack.enter_context(Gate(manifest=manifest, engine=engine, log=place / "sync.db"))

    def measure(gate: Gate) -> list[float]:
        found = []
        for _ in range(CALLS // CALLS_PER_SESSION):
            session = gate.session()
            found += [_timed(session, number) for number in range(CALLS_PER_SESSION)]
        return found

    return {MEMORY: partial(measure, memory), "Gate, SQLite": partial(measure, durable)}


def _async(
    stack: ExitStack, runner: asyncio.Runner, place: Path, engine: str
) -> Mapping[str, Round]:
    manifest = resources.manifests() / MANIFEST
    opened = AsyncExitStack()

    async def enter() -> tuple[AsyncGate, AsyncGate]:
        memory = AsyncGate(manifest=manifest, engine=engine)
        durable = AsyncGate(manifest=manifest, engine=engine, log=place / "async.db")
        return await opened.enter_async_context(memory), await opened.enter_async_context(durable)

    async def measure(gate: AsyncGate) -> list[float]:
        found = []
        for _ in range(CALLS // CALLS_PER_SESSION):
            session = gate.session()
            found += [await _awaited(session, number) for number in range(CALLS_PER_SESSION)]
        return found

    memory, durable = runner.run(enter())
    stack.callback(lambda: runner.run(opened.aclose()))
    return {
        "AsyncGate, memory": lambda: runner.run(measure(memory)),
        "AsyncGate, SQLite": lambda: runner.run(measure(durable)),
    }


def _peer(place: Path, python: Path | None) -> Mapping[str, Round]:
    if python is None:
        return {}
    script = ROOT / "benchmarks" / "peer_runtime.py"

    def measure(database: str) -> list[float]:
        command = [str(python), "-I", str(script), database, str(CALLS)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found: list[float] = json.loads(done.stdout)
        return found

    return {
        f"{peer.PEER}, memory": lambda: measure(":memory:"),
        f"{peer.PEER}, SQLite": lambda: measure(str(place / "peer.db")),
    }


def _timed(session: Session, number: int) -> float:
    args = {"path": f"/workspace/{number}.txt"}
    started = time.perf_counter()
    decision = session.propose("read_file", args)
    elapsed = time.perf_counter() - started
    _must_be_allowed(decision.outcome)
    return elapsed * 1e6


async def _awaited(session: AsyncSession, number: int) -> float:
    args = {"path": f"/workspace/{number}.txt"}
    started = time.perf_counter()
    decision = await session.propose("read_file", args)
    elapsed = time.perf_counter() - started
    _must_be_allowed(decision.outcome)
    return elapsed * 1e6


def _must_be_allowed(outcome: str) -> None:
    if outcome != "allow":
        raise RuntimeError(f"expected allow, got {outcome}")


def _imports(python: Path | None) -> Mapping[str, float]:
    """Milliseconds of a fresh process that imports, the median of `IMPORTS`."""
    commands = {name: [sys.executable, "-I", "-c", s] for name, s in STATEMENTS.items()}
    if python is not None:
        commands[f"import aegis ({peer.PEER})"] = [str(python), "-I", "-c", "import aegis"]
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(IMPORTS + 1):
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, cwd=ROOT)
            # The first one may have to compile.
            if number:
                times[name].append((time.perf_counter() - started) * 1000)
    return {name: round(statistics.median(found), 1) for name, found in times.items()}


def _show(costs: Mapping[str, Timing], engine: str) -> None:
    shown = table(
        f"one decision in-process, {engine}, one call at a time",
        ("gate and log", "p50 us", "p99 us", "of the peer"),
    )
    for name, cost in costs.items():
        beside = costs.get(f"{peer.PEER}, {name.partition(', ')[2]}")
        shown.add_row(
            name,
            micros(cost.p50_us),
            micros(cost.p99_us),
            ratio(cost.p50_us, beside.p50_us if beside else None),
        )
    console.print(shown)
    holds = "holds" if costs[MEMORY].p50_us < AIM_US else "does not hold"
    console.print(f"aim: p50 under {AIM_US} us for {MEMORY} with regorus: {holds}")


def _show_imports(imports: Mapping[str, float]) -> None:
    rows: Sequence[tuple[str, float]] = list(imports.items())
    shown = table(f"a fresh process, median of {IMPORTS}", ("what", "ms", "of bare python"))
    for name, ms in rows:
        shown.add_row(name, f"{ms:.1f}", ratio(ms, rows[0][1]))
    console.print(shown)


if __name__ == "__main__":
    main()

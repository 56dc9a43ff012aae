"""A decision in the author's own process, and the import: `python -m benchmarks.library`.

`aegis.Gate` (plain code: the engine has a thread of its own) and `aegis.AsyncGate` (the engine on
the caller's loop). The peer's pipeline does its own work beside them: evaluate, execute nothing,
write one audit row.
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

from aegis import AsyncGate, Gate
from aegisd import resources
from aegisd.rego.engines import choose
from benchmarks import peer
from benchmarks.command import ENGINE, ROUNDS, benchmark
from benchmarks.figures import in_turns, timing
from benchmarks.process import ROOT, timed
from benchmarks.report import Row, Section, aim
from benchmarks.workloads import CALLS_PER_SESSION

CALLS = 500
IMPORTS = 5
MANIFEST = resources.manifests() / "quickstart.json"

# Microseconds for half of all decisions on a log in memory, with the native engine.
AIM_US = 150
MEMORY = "Gate, memory"

# What is imported, by name; the peer's package is called like ours.
BARE = "bare python"
STATEMENTS = {BARE: "pass", "import asyncio": "import asyncio", "import aegis": "import aegis"}

# One round of a contender: microseconds of each call.
Round = Callable[[], list[float]]


@benchmark("python -m benchmarks.library --engine regorus --json")
@ROUNDS
@ENGINE
def main(rounds: int, engine: str) -> Sequence[Section]:
    """In-process decisions on memory and SQLite, sync and async, and import time.

    One call at a time, each judged by the base rules and the quickstart manifest and recorded with
    its decision. Ratios are to the same log of the peer, and to a bare Python that imports nothing.
    """
    python = peer.interpreter()
    imports = _imports(python)
    with (
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner() as runner,
        ExitStack() as stack,
    ):
        place = Path(folder)
        contenders = {
            **_sync(stack, place, engine),
            **_async(stack, runner, place, engine),
            **_peer(place, python),
        }
        # The first round compiles the rules and opens the files.
        in_turns(contenders, 1)
        found = in_turns(contenders, rounds)
    costs = {name: timing(samples) for name, samples in found.items()}
    rows: list[Row] = []
    for name, cost in costs.items():
        beside = costs.get(f"{peer.PEER}, {name.partition(', ')[2]}")
        of_peer = None if beside is None else cost.p50_us / beside.p50_us
        figures = {"p50 us": cost.p50_us, "p99 us": cost.p99_us, "of the peer": of_peer}
        rows.append({"gate and log": name, **figures})
    return [
        Section(
            name="library",
            title=f"one decision in-process, {choose(engine).name}",
            method=f"one call at a time, {rounds} rounds of {CALLS} in turns; imports: median of "
            f"{IMPORTS} fresh processes; {peer.beside(python)}",
            durability="memory: none; SQLite: WAL, synchronous=FULL, before the answer",
            tables={
                "decisions": rows,
                "a fresh process": [
                    {"what": name, "ms": ms, "of bare python": ms / imports[BARE]}
                    for name, ms in imports.items()
                ],
            },
            aims=[aim(f"p50 us for {MEMORY}, regorus", costs[MEMORY].p50_us, at_most=AIM_US)],
        )
    ]


def _sync(stack: ExitStack, place: Path, engine: str) -> Mapping[str, Round]:
    memory = stack.enter_context(Gate(manifest=MANIFEST, engine=engine))
    durable = stack.enter_context(Gate(manifest=MANIFEST, engine=engine, log=place / "sync.db"))

    def measure(gate: Gate) -> list[float]:
        found = []
        for _ in range(CALLS // CALLS_PER_SESSION):
            session = gate.session()
            for number in range(CALLS_PER_SESSION):
                started = time.perf_counter()
                decision = session.propose("read_file", {"path": f"/workspace/{number}.txt"})
                found.append((time.perf_counter() - started) * 1e6)
                _must_be_allowed(decision.outcome)
        return found

    return {MEMORY: partial(measure, memory), "Gate, SQLite": partial(measure, durable)}


def _async(
    stack: ExitStack, runner: asyncio.Runner, place: Path, engine: str
) -> Mapping[str, Round]:
    opened = AsyncExitStack()
    stack.callback(lambda: runner.run(opened.aclose()))

    async def measure(gate: AsyncGate) -> list[float]:
        found = []
        for _ in range(CALLS // CALLS_PER_SESSION):
            session = gate.session()
            for number in range(CALLS_PER_SESSION):
                started = time.perf_counter()
                decision = await session.propose("read_file", {"path": f"/workspace/{number}.txt"})
                found.append((time.perf_counter() - started) * 1e6)
                _must_be_allowed(decision.outcome)
        return found

    def rounds(log: Path | None) -> Round:
        made = AsyncGate(manifest=MANIFEST, engine=engine, log=log)
        gate = runner.run(opened.enter_async_context(made))
        return lambda: runner.run(measure(gate))

    return {"AsyncGate, memory": rounds(None), "AsyncGate, SQLite": rounds(place / "async.db")}


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
        f"{peer.PEER}, memory": partial(measure, ":memory:"),
        f"{peer.PEER}, SQLite": partial(measure, str(place / "peer.db")),
    }


def _must_be_allowed(outcome: str) -> None:
    if outcome != "allow":
        raise RuntimeError(f"expected allow, got {outcome}")


def _imports(python: Path | None) -> Mapping[str, float]:
    """Milliseconds of a fresh process that imports, the median of `IMPORTS`."""
    commands = {name: [sys.executable, "-I", "-c", s] for name, s in STATEMENTS.items()}
    if python is not None:
        commands[f"import aegis ({peer.PEER})"] = [str(python), "-I", "-c", "import aegis"]
    ways = {
        name: partial(timed, partial(subprocess.run, command, check=True, cwd=ROOT))
        for name, command in commands.items()
    }
    # The first one may have to compile.
    in_turns(ways, 1)
    return {name: statistics.median(s) * 1000 for name, s in in_turns(ways, IMPORTS).items()}


if __name__ == "__main__":
    main()

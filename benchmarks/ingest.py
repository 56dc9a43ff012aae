"""Governed decisions per second, durable, one process: `python -m benchmarks.ingest`.

In one run: a bare Starlette echo, the raw store, and the daemon deciding and committing every call
(SQLite, synchronous=FULL), each measured the same way, and then the cost of each step of a decision
taken alone. Shared cores are noisy, so medians over rounds and ratios are what to read.
"""

import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from aegisd import resources
from aegisd.core.decide import Grounds, decide, decided, record
from aegisd.core.log.canonical import parse
from aegisd.core.log.envelope import seal
from aegisd.core.manifest.capabilities import read as read_manifest
from aegisd.core.policy.input import Moment, Snapshot, build, facts
from aegisd.core.policy.verdict import judge
from aegisd.core.proposal import read
from aegisd.core.state.fold import fact, fold_session, fold_tenant
from aegisd.core.state.model import SessionState, TenantState
from aegisd.core.target import extract
from aegisd.ports import Batch
from aegisd.rego import bundle
from aegisd.rego.regopy_engine import RegopyEvaluator
from aegisd.store.sqlite import SqliteStore
from benchmarks.daemon import Daemon
from benchmarks.load import proposal

ROOT = Path(__file__).parent.parent
BATCH = 32
BUDGETS_US = {
    "decode": 10,
    "findings (hosts, paths, commands)": 40,
    "input and policy": 80,
    "decide and fold": 25,
    "seal of two events": 10,
    "commit (amortised, beside)": 200,
}

console = Console()


@click.command()
@click.option("--connections", default=32, show_default=True)
@click.option("--seconds", default=5.0, show_default=True, help="Length of one round.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of tables.")
def main(connections: int, seconds: float, rounds: int, *, as_json: bool) -> None:
    """Measure ingest beside its peers."""
    figures: dict[str, object] = {"connections": connections, "seconds": seconds, "rounds": rounds}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with _echo() as port:
            figures["echo"] = _rounds(port, connections, seconds, rounds)
        figures["store"] = _raw_store(place / "raw.db")
        with Daemon(place / "ingest.db") as daemon:
            figures["governed"] = _rounds(daemon.port, connections, seconds, rounds)
        figures["steps_us"] = _steps(place / "steps.db")
    if as_json:
        click.echo(json.dumps(figures, sort_keys=True))
    else:
        _show(figures)


def _rounds(port: int, connections: int, seconds: float, rounds: int) -> dict[str, object]:
    command = [sys.executable, "-m", "benchmarks.load", str(port), "/v1/events"]
    results = []
    for number in range(rounds + 1):
        length = seconds if number else 1.0
        done = subprocess.run(
            [*command, str(connections), str(length), f"round{number}"],
            check=True, capture_output=True, text=True, cwd=ROOT,
        )  # fmt: skip
        if number:
            results.append(json.loads(done.stdout))
    middle = sorted(results, key=lambda result: result["per_second"])[len(results) // 2]
    spread = [round(result["per_second"]) for result in results]
    return {**middle, "rounds_per_second": sorted(spread)}


@contextmanager
def _echo() -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks.echo"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield int(process.stdout.readline().split(":")[-1]) if process.stdout else 0
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def _raw_store(database: Path) -> dict[str, object]:
    """Two rows per call, `BATCH` calls per commit, nothing else: what the disk allows."""
    store = SqliteStore(str(database))
    state = SessionState(tenant_id="bench", session_id="s")
    body = proposal("s")(0, 0)
    times = []
    position = 0
    for _ in range(100):
        events = []
        for _ in range(2 * BATCH):
            request = read(parse(body))
            event = seal(record(state, request, Moment(now_ms=1)), position, state.head_hash)
            state = fold_session(state, fact(event))
            events.append(event)
            position += 1
        batch = Batch(tenant_id="bench", first_position=position - 2 * BATCH, events=events)
        started = time.perf_counter()
        store.append(batch)
        times.append(time.perf_counter() - started)
    store.close()
    commit = statistics.median(times)
    return {"per_second": BATCH / commit, "commit_us": commit * 1e6}


def _steps(database: Path) -> dict[str, float]:
    """The median cost of each step of one decision, alone, in microseconds."""
    capabilities = read_manifest((resources.manifests() / "quickstart.json").read_bytes())
    base = bundle.load_directory(resources.policies() / "aegis")
    evaluator = RegopyEvaluator()
    program = evaluator.compile(bundle.build({}, base), capabilities.data)
    body = proposal("s")(0, 0)
    request = read(parse(body))
    session = SessionState(tenant_id="bench", session_id=request.session_id)
    tenant = TenantState(tenant_id="bench")
    moment = Moment(now_ms=1_700_000_000_000)
    across = facts(tenant, request.agent_id)
    args = request.payload["args"] if isinstance(request.payload, dict) else {}
    tool = capabilities.manifest.tools["write_file"]

    def make_input() -> object:
        return build(request, 0, Snapshot(), across, capabilities, moment)

    policy_input = build(request, 0, Snapshot(), across, capabilities, moment)
    verdict = judge(policy_input, program.evaluate)
    grounds = Grounds(
        bundle="0" * 64, manifest=capabilities.digest, evaluator=evaluator.name,
        evaluator_version=evaluator.version, rules_version="0" * 64, moment=moment,
    )  # fmt: skip
    decision = decide(request, 0, verdict, policy_input, grounds)
    envelope = record(session, request, moment)
    event = seal(envelope, 0, b"")
    behind = decided(envelope, decision)
    seen = fact(event)

    def fold_both() -> object:
        made = decide(request, 0, verdict, policy_input, grounds)
        after = fold_session(session, seen)
        return made, fold_session(after, seen), fold_tenant(fold_tenant(tenant, seen), seen)

    steps: dict[str, Callable[[], object]] = {
        "decode": lambda: read(parse(body)),
        "findings (hosts, paths, commands)": lambda: extract(
            args, effects=tool.effects, roles=tool.roles
        ),
        "input, with findings": make_input,
        "policy (regopy)": lambda: judge(policy_input, program.evaluate),
        "decide and fold": fold_both,
        "seal of two events": lambda: (seal(envelope, 0, b""), seal(behind, 1, event.hash)),
    }
    figures = {name: _median_us(step) for name, step in steps.items()}
    commit = _raw_store(database)["commit_us"]
    figures["commit (amortised, beside)"] = float(str(commit)) / BATCH
    figures["input bytes"] = float(len(policy_input.body))
    return figures


def _median_us(step: Callable[[], object]) -> float:
    times = []
    for _ in range(2000):
        started = time.perf_counter()
        step()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e6


def _show(figures: dict[str, object]) -> None:
    echo, store, governed = (figures[name] for name in ("echo", "store", "governed"))
    table = Table(title=f"{figures['connections']} connections, one process, synchronous=FULL")
    for column in ("what", "per second", "p50 ms", "p99 ms", "of echo"):
        table.add_column(column, justify="left" if column == "what" else "right")
    base = _number(echo, "per_second")
    for name, row in (("bare Starlette echo", echo), ("governed decisions", governed)):
        table.add_row(
            name,
            f"{_number(row, 'per_second'):,.0f}",
            f"{_number(row, 'p50_ms'):.2f}",
            f"{_number(row, 'p99_ms'):.2f}",
            f"{_number(row, 'per_second') / base:.0%}",
        )
    raw = _number(store, "per_second")
    table.add_row("raw store, calls of two rows", f"{raw:,.0f}", "", "", f"{raw / base:.0%}")
    console.print(table)
    console.print(f"answers: {governed['statuses']}" if isinstance(governed, dict) else "")
    steps = figures["steps_us"]
    if not isinstance(steps, dict):
        return
    total = sum(us for name, us in steps.items() if name not in _ASIDE)
    table = Table(title="One decision, step by step")
    for column in ("step", "us", "share", "budget us"):
        table.add_column(column, justify="left" if column == "step" else "right")
    for name, us in steps.items():
        share = "" if name in _ASIDE else f"{us / total:.0%}"
        table.add_row(name, f"{us:,.1f}", share, str(BUDGETS_US.get(name, "")))
    console.print(table)


# Not on the deciding thread's path: counted in another row, on another thread, or not a time.
_ASIDE = frozenset(
    {"findings (hosts, paths, commands)", "commit (amortised, beside)", "input bytes"}
)


def _number(row: object, name: str) -> float:
    return float(row[name]) if isinstance(row, dict) else 0.0


if __name__ == "__main__":
    main()

"""Governed decisions over HTTP, durable, one process: `python -m benchmarks.ingest`.

Every contender is a server in a process of its own, loaded by another. What the peer does per call
is said in docs/BENCHMARKS.md; the bare Starlette echo does nothing and is what HTTP itself costs.
"""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import click
from msgspec import Struct

from aegisd.child import Child
from aegisd.rego.engines import CHOICES, choose, installed
from benchmarks import peer, steps
from benchmarks.command import benchmark
from benchmarks.figures import in_turns, span
from benchmarks.load import Loaded, load
from benchmarks.process import ROOT
from benchmarks.report import Row, Section, aim
from drills.daemon import Daemon

ECHO = "bare echo"
EXECUTE = f"{peer.PEER} execute"
NATIVE = "aegis, regorus"
WARM_SECONDS = 0.5

# Requests of 100 events, and connections.
BATCHES = (("calls", 4), ("mixed", 4))

# What must hold with the native engine, and what is aimed at beyond: measurement and connections,
# the figure, its floor or its ceiling.
FLOORS = (
    ("decisions/s at 32 connections, 6,000 wanted", ("call", 32), "per_second", 3_000, None),
    ("p99 ms at 32 connections, 12 wanted", ("call", 32), "p99_ms", None, 25),
    ("p50 ms at 1 connection", ("call", 1), "p50_ms", None, 1.2),
    ("events/s in batches of 100 calls, 40,000 wanted", ("calls", 4), "per_second", 15_000, None),
    ("events/s in mixed batches of 100, 40,000 wanted", ("mixed", 4), "per_second", 15_000, None),
)

TITLES = {
    "call": "one governed call a request",
    "calls": "100 governed calls a request, in events",
    "mixed": "100 events a request, 33 calls proposed, executed, answered",
}

# The manifest's rules for the peer, as far as its rules can say them.
PEER_POLICY = """\
version: "1"
defaults: {risk_level: medium, approval: block}
rules:
  - name: read
    match: {type: read_file}
    conditions: {param_matches: {path: "^/workspace/"}}
    risk_level: low
    approval: auto
  - name: write
    match: {type: write_file}
    conditions: {param_matches: {path: "^/workspace/out/"}}
    risk_level: high
    approval: auto
"""

# What is measured, and at how many connections.
Measured = tuple[str, int]

# The rounds of each measurement of each contender.
Loads = Mapping[tuple[Measured, str], Sequence[Loaded]]


class Contender(Struct, frozen=True, kw_only=True):
    """A server that listens, and what to send it for a measurement (`call`, `calls`, `mixed`)."""

    port: int
    workloads: Mapping[str, str]


@benchmark("python -m benchmarks.ingest --engine regorus --connections 32 --rounds 5")
@click.option(
    "--connections", "connections", multiple=True, type=click.IntRange(1), default=(1, 32, 128),
    show_default=True, help="Connections with one request in flight on each; may be repeated.",
)  # fmt: skip
@click.option(
    "--engine", type=click.Choice((*CHOICES, "both")), default="both", show_default=True,
    help="Which Rego engine judges; both means all that are installed.",
)  # fmt: skip
@click.option("--seconds", default=1.5, show_default=True, help="Length of one measurement.")
@click.option("--rounds", default=3, show_default=True, help="Medians are taken over these.")
def main(
    connections: tuple[int, ...], engine: str, seconds: float, rounds: int
) -> Sequence[Section]:
    """Governed durable decisions over HTTP, beside a peer and a bare echo.

    Single calls of 0.5 KB, then batches of 100 events: judged calls alone, and sessions in which a
    call is proposed, executed and answered. Then the cost of each step of a decision, alone. Cores
    are shared and noisy: medians over rounds and ratios are what to read.
    """
    engines = installed() if engine == "both" else (choose(engine).name,)
    python = peer.interpreter()
    plan = [*(("call", number) for number in connections), *BATCHES]
    with tempfile.TemporaryDirectory() as folder:
        with _contenders(Path(folder), engines, python) as contenders:
            found = _measure(contenders, plan, rounds, seconds)
        store = steps.raw_store(Path(folder) / "raw.db")
    alone = {name: steps.costs(choose(name), store["commit_us"]) for name in engines}
    native = {at: _middle(loads) for (at, name), loads in found.items() if name == NATIVE}
    return [
        Section(
            name="ingest",
            title="governed decisions over HTTP",
            method=f"the median of {rounds} rounds of {seconds:g} s by rate; contenders take "
            f"turns; load in its own process; {peer.beside(python)}. The raw store takes "
            f"{store['per_second']:,.0f} calls of two rows a second, {steps.CALLS_PER_COMMIT} to "
            "a commit",
            durability="aegis: SQLite WAL, synchronous=FULL, committed before the answer; "
            "peer execute: SQLite WAL, synchronous=FULL, a commit per action; peer evaluate: none",
            tables={
                **{f"{TITLES[at[0]]}, {at[1]} connections": _rows(found, at) for at in plan},
                "one decision, step by step, alone": steps.rows(alone),
            },
            aims=[
                aim(f"{what}; native", getattr(native[at], name), at_least=floor, at_most=ceiling)
                for what, at, name, floor, ceiling in FLOORS
                if at in native
            ],
        )
    ]


def _measure(
    contenders: Mapping[str, Contender], plan: Sequence[Measured], rounds: int, seconds: float
) -> Loads:
    names = map("round{}".format, count())

    def turn(contender: Contender, measured: Measured, seconds: float) -> Loaded:
        workload = contender.workloads[measured[0]]
        return load(contender.port, workload, measured[1], seconds, next(names))

    pairs = {
        (measured, name): (contender, measured)
        for measured in plan
        for name, contender in contenders.items()
        if measured[0] in contender.workloads
    }
    in_turns({key: partial(turn, *pair, WARM_SECONDS) for key, pair in pairs.items()}, 1)
    return in_turns({key: partial(turn, *pair, seconds) for key, pair in pairs.items()}, rounds)


@contextmanager
def _contenders(
    place: Path, engines: Sequence[str], python: Path | None
) -> Iterator[Mapping[str, Contender]]:
    """Start every server; they are idle but for their turns."""
    own = {"call": "call", "calls": "calls", "mixed": "mixed"}
    with ExitStack() as stack:
        echo = Child(peer.server(Path(sys.executable)), ROOT, os.environ)
        found = {ECHO: Contender(port=stack.enter_context(echo).port, workloads=own)}
        for engine in engines:
            gate = Daemon(place, "--policy-engine", engine, dsn=str(place / f"{engine}.db"))
            port = stack.enter_context(gate).port
            found[f"aegis, {engine}"] = Contender(port=port, workloads=own)
        if python is not None:
            policy = place / "peer.yaml"
            policy.write_text(PEER_POLICY)
            command = peer.server(python, policy, place / "peer.db")
            port = stack.enter_context(Child(command, ROOT, os.environ)).port
            for verb in ("evaluate", "execute"):
                spelled = {"call": f"peer-{verb}", "calls": f"peer-{verb}-batch"}
                found[f"{peer.PEER} {verb}"] = Contender(port=port, workloads=spelled)
        yield found


def _middle(loads: Sequence[Loaded]) -> Loaded:
    """The round of the median rate."""
    return sorted(loads, key=lambda each: each.per_second)[len(loads) // 2]


def _rows(found: Loads, measured: Measured) -> Sequence[Row]:
    """One measurement of every contender."""
    here = {name: loads for (at, name), loads in found.items() if at == measured}
    echo, execute = _middle(here[ECHO]).per_second, here.get(EXECUTE)
    rows: list[Row] = []
    for name, loads in here.items():
        told = _middle(loads)
        rows.append(
            {
                "contender": name,
                "per second": told.per_second,
                "p50 ms": told.p50_ms,
                "p99 ms": told.p99_ms,
                "of echo": told.per_second / echo,
                "of execute": told.per_second / _middle(execute).per_second if execute else None,
                "rounds": span([each.per_second for each in loads]),
            }
        )
    return rows


if __name__ == "__main__":
    main()

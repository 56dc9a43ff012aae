"""Governed decisions over HTTP, durable, one process: `python -m benchmarks.ingest`.

Every contender is a server in a process of its own, loaded by another, and they take turns within
each round, so that a slow minute of a shared machine slows all of them. Aegis decides, chains and
commits every call before it answers (SQLite, synchronous=FULL); what the peer does per call is said
in `benchmarks/peer.py`; the bare Starlette echo does nothing and is what HTTP itself costs.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
from msgspec import Struct

from aegisd.child import Child
from aegisd.rego.engines import CHOICES, choose, installed
from benchmarks import daemon, peer, steps
from benchmarks.figures import micros, middle, ratio
from benchmarks.process import ROOT
from benchmarks.tables import console, table
from benchmarks.workloads import WORKLOADS

ECHO = "bare echo"
EXECUTE = f"{peer.PEER} execute"
WARM_SECONDS = 0.5

# What must hold with the native engine, and what is aimed at: (what, measurement, connections,
# figure, floor, aim).
FLOORS = (
    ("decisions/s at 32 connections", "call", 32, "per_second", 3_000, 6_000),
    ("p99 ms at 32 connections", "call", 32, "p99_ms", 25, 12),
    ("p50 ms at 1 connection", "call", 1, "p50_ms", 1.2, 1.2),
    ("events/s in batches of 100 calls", "calls", 4, "per_second", 15_000, 40_000),
    ("events/s in mixed batches of 100", "mixed", 4, "per_second", 15_000, 40_000),
)

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


class Contender(Struct, frozen=True, kw_only=True):
    """A server that listens, and what to send it for a measurement (`call`, `calls`, `mixed`)."""

    name: str
    port: int
    workloads: Mapping[str, str]


class Cell(Struct, kw_only=True):
    """One contender under one measurement, over all rounds."""

    contender: str
    measurement: str
    connections: int
    rounds: list[dict[str, float]]

    def figures(self) -> dict[str, object]:
        """The median round, and how far the rounds lie apart."""
        spread = sorted(round(figures["per_second"]) for figures in self.rounds)
        return {
            "contender": self.contender, "measurement": self.measurement,
            "connections": self.connections, "rounds_per_second": spread,
            **middle(self.rounds, "per_second"),
        }  # fmt: skip


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: python -m benchmarks.ingest --engine regorus --connections 32 --rounds 5",
)
@click.option(
    "--connections", "connections", multiple=True, type=click.IntRange(1), default=(1, 32, 128),
    show_default=True, help="Connections with one request in flight on each; may be repeated.",
)  # fmt: skip
@click.option("--batch-connections", default=4, show_default=True, help="The same for batches.")
@click.option(
    "--engine", type=click.Choice((*CHOICES, "both")), default="both", show_default=True,
    help="Which Rego engine judges; both means all that are installed.",
)  # fmt: skip
@click.option("--seconds", default=1.5, show_default=True, help="Length of one measurement.")
@click.option("--rounds", default=3, show_default=True, help="Medians are taken over these.")
@click.option(
    "--peer-venv", type=click.Path(path_type=Path),
    help=f"Environment for {peer.PEER}; made and kept.  [default: .venv-peer in the checkout]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of tables.")
def main(
    connections: tuple[int, ...], batch_connections: int, engine: str, seconds: float,
    rounds: int, peer_venv: Path | None, *, as_json: bool,
) -> None:  # fmt: skip
    """Governed durable decisions over HTTP, beside a peer and a bare echo.

    Single calls of 0.5 KB, then batches of 100 events: judged calls alone, and sessions in which a
    call is proposed, executed and answered. Then the cost of each step of a decision, alone. Cores
    are shared and noisy: medians over rounds and ratios are what to read.
    """
    engines = installed() if engine == "both" else (choose(engine).name,)
    plan = [("call", number) for number in connections]
    plan += [("calls", batch_connections), ("mixed", batch_connections)]
    with tempfile.TemporaryDirectory() as folder:
        cells = _measure(Path(folder), engines, peer_venv, plan, rounds=rounds, seconds=seconds)
        store = steps.raw_store(Path(folder) / "raw.db")
        alone = {name: steps.costs(choose(name), store["commit_us"]) for name in engines}
    if as_json:
        document = {
            "durability": "aegis: SQLite WAL, synchronous=FULL, committed before the answer; "
            "peer execute: SQLite WAL, synchronous=FULL, a commit per action; peer evaluate: none",
            "method": "median round by rate; contenders take turns; load in its own process",
            "rounds": rounds, "seconds": seconds, "raw_store": store, "steps_us": alone,
            "cells": [cell.figures() for cell in cells],
        }  # fmt: skip
        click.echo(json.dumps(document, sort_keys=True))
        return
    _show(cells, plan)
    _show_floors(cells)
    _show_steps(alone)
    console.print(
        f"raw store: {store['per_second']:,.0f} calls of two rows per second, "
        f"{steps.CALLS_PER_COMMIT} to a commit"
    )


def _measure(
    place: Path, engines: Sequence[str], environment: Path | None,
    plan: Sequence[tuple[str, int]], *, rounds: int, seconds: float,
) -> Sequence[Cell]:  # fmt: skip
    cells: dict[tuple[str, str, int], Cell] = {}
    with _contenders(place, engines, environment) as contenders:
        for contender in contenders:
            for measurement in contender.workloads:
                _load(contender, measurement, 1, WARM_SECONDS, "warm")
        for number in range(rounds):
            for measurement, connections in plan:
                for contender in contenders:
                    if measurement not in contender.workloads:
                        continue
                    name = f"round{number}-{connections}-{measurement}"
                    figures = _load(contender, measurement, connections, seconds, name)
                    cell = cells.setdefault(
                        (contender.name, measurement, connections),
                        Cell(
                            contender=contender.name, measurement=measurement,
                            connections=connections, rounds=[],
                        ),
                    )  # fmt: skip
                    _count(cell, figures)
    return list(cells.values())


def _load(
    contender: Contender, measurement: str, connections: int, seconds: float, name: str
) -> dict[str, object]:
    workload = contender.workloads[measurement]
    command = [sys.executable, "-m", "benchmarks.load", str(contender.port), workload]
    done = subprocess.run(
        [*command, str(connections), str(seconds), name],
        check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    figures: dict[str, object] = json.loads(done.stdout)
    statuses = figures["statuses"]
    if not isinstance(statuses, dict) or set(statuses) - {"200", "201"}:
        raise RuntimeError(f"{contender.name}: expected 200 or 201 alone, got {statuses}")
    return {**figures, "events": WORKLOADS[workload].events}


def _count(cell: Cell, figures: Mapping[str, object]) -> None:
    """Add a round. Rates count events, not requests."""
    numbers = {name: float(v) for name, v in figures.items() if isinstance(v, int | float)}
    numbers["per_second"] *= numbers.pop("events")
    cell.rounds.append(numbers)


@contextmanager
def _contenders(
    place: Path, engines: Sequence[str], environment: Path | None
) -> Iterator[Sequence[Contender]]:
    """Start every server; they are idle but for their turns."""
    own = {"call": "call", "calls": "calls", "mixed": "mixed"}
    with ExitStack() as stack:
        echo = Child([sys.executable, "-m", "benchmarks.echo"], ROOT, os.environ)
        found = [Contender(name=ECHO, port=stack.enter_context(echo).port, workloads=own)]
        for engine in engines:
            gate = stack.enter_context(daemon.started(place / f"{engine}.db", engine=engine))
            found.append(Contender(name=f"aegis, {engine}", port=gate.port, workloads=own))
        python = peer.interpreter(environment)
        if python is not None:
            policy = place / "peer.yaml"
            policy.write_text(PEER_POLICY)
            command = peer.server(python, policy, place / "peer.db")
            port = stack.enter_context(Child(command, ROOT, os.environ)).port
            for verb in ("evaluate", "execute"):
                spelled = {"call": f"peer-{verb}", "calls": f"peer-{verb}-batch"}
                found.append(Contender(name=f"{peer.PEER} {verb}", port=port, workloads=spelled))
        yield found


def _show(cells: Sequence[Cell], plan: Sequence[tuple[str, int]]) -> None:
    titles = {
        "call": "one governed call a request, {} connections",
        "calls": "100 governed calls a request, {} connections (events per second)",
        "mixed": "100 events a request, 33 calls proposed, executed, answered, {} connections",
    }
    for measurement, connections in plan:
        here = [c for c in cells if (c.measurement, c.connections) == (measurement, connections)]
        medians = {cell.contender: middle(cell.rounds, "per_second") for cell in here}
        rates = {contender: figures["per_second"] for contender, figures in medians.items()}
        shown = table(
            titles[measurement].format(connections),
            ("contender", "per second", "p50 ms", "p99 ms", "of echo", "of execute", "rounds"),
        )
        for cell in here:
            figures, spread = medians[cell.contender], cell.figures()["rounds_per_second"]
            shown.add_row(
                cell.contender,
                f"{figures['per_second']:,.0f}",
                f"{figures['p50_ms']:.2f}",
                f"{figures['p99_ms']:.2f}",
                ratio(figures["per_second"], rates[ECHO]),
                ratio(figures["per_second"], rates.get(EXECUTE)),
                f"{spread[0]:,}-{spread[-1]:,}" if isinstance(spread, list) else "",
            )
        console.print(shown)
    if not any(cell.contender.startswith(peer.PEER) for cell in cells):
        console.print(f"{peer.PEER} is missing, so it is not in the tables.")


def _show_floors(cells: Sequence[Cell]) -> None:
    shown = table("floors, native engine", ("what", "found", "floor", "aim", "holds"))
    by_key = {(c.contender, c.measurement, c.connections): c for c in cells}
    for what, measurement, connections, name, floor, aim in FLOORS:
        cell = by_key.get(("aegis, regorus", measurement, connections))
        if cell is None:
            continue
        found = middle(cell.rounds, "per_second")[name]
        holds = found >= floor if name == "per_second" else found < floor
        digits = 0 if name == "per_second" else 2
        shown.add_row(
            what, f"{found:,.{digits}f}", f"{floor:,}", f"{aim:,}", "yes" if holds else "no"
        )
    if shown.row_count:
        console.print(shown)


def _show_steps(alone: Mapping[str, Mapping[str, float]]) -> None:
    columns = [column for engine in alone for column in (f"{engine} us", "share")]
    shown = table("one decision, step by step, alone", ("step", *columns, "budget us"))
    for name in next(iter(alone.values())):
        row = []
        for costs in alone.values():
            share = "" if name in steps.ASIDE else f"{costs[name] / steps.total_us(costs):.0%}"
            row += [micros(costs[name]), share]
        shown.add_row(name, *row, str(steps.BUDGETS_US.get(name, "")))
    totals = [cell for costs in alone.values() for cell in (micros(steps.total_us(costs)), "")]
    shown.add_row("deciding thread, in all", *totals, "")
    console.print(shown)


if __name__ == "__main__":
    main()

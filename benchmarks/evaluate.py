"""One policy evaluation, in-process, by number of rules: `python -m benchmarks.evaluate`.

Rule i of each side denies tool i on paths below a folder of its own. Judged are a call that no rule
matches and one that the last rule denies. Aegis judges its base rules and the manifest beside them,
and its verdict names every rule that denies; the peer stops at the first match. Every contender has
a process of its own and the same timing loop, and they take turns within each round.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
from msgspec import Struct

from aegisd.rego.engines import installed
from benchmarks import peer
from benchmarks.figures import micros, percentile, ratio, timing
from benchmarks.process import ROOT
from benchmarks.tables import console, table

RULES = (10, 100, 1_000)
EXPECTED = {"none": "allow", "last": "deny"}
PEER, CACHED = "agent-aegis", "agent-aegis cached"


class Cell(Struct, kw_only=True):
    """One contender on one call, over all rounds."""

    contender: str
    call: str
    rules: int
    prepare_ms: float
    rounds_us: list[list[float]]

    def figures(self) -> dict[str, object]:
        """What `--json` prints of it."""
        cost = timing(self.rounds_us)
        medians = sorted(percentile(samples, 0.5) for samples in self.rounds_us)
        return {
            "contender": self.contender, "call": self.call, "rules": self.rules,
            "p50_us": cost.p50_us, "p99_us": cost.p99_us, "samples": cost.samples,
            "prepare_ms": self.prepare_ms, "rounds_p50_us": medians,
        }  # fmt: skip


class Worker:
    """A contender's process: asked one measurement at a time."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, rules: int, call: str, seconds: float) -> dict[str, object]:
        """One measurement. Raises `RuntimeError` on another outcome than the call's own."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the worker has no pipes")
        asked = {"rules": rules, "call": call, "seconds": seconds}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the worker ended; its reason is above")
        answer: dict[str, object] = json.loads(line)
        if answer["outcome"] != EXPECTED[call]:
            raise RuntimeError(f"{call}: expected {EXPECTED[call]}, got {answer['outcome']}")
        return answer


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: python -m benchmarks.evaluate --rounds 3 --json",
)
@click.option("--rounds", default=5, show_default=True, help="Medians are taken over these.")
@click.option("--seconds", default=0.3, show_default=True, help="Of one measurement in one round.")
@click.option(
    "--peer-venv", type=click.Path(path_type=Path),
    help=f"Environment for {peer.PEER}; made and kept.  [default: .venv-peer in the checkout]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of tables.")
def main(rounds: int, seconds: float, peer_venv: Path | None, *, as_json: bool) -> None:
    """One policy evaluation with 10, 100 and 1,000 operator's rules, beside a peer.

    Both engines of Aegis judge a prepared policy input; agent-aegis evaluates a prepared action
    against YAML rules that mean the same, without and with its cache. Nothing is stored and no
    network is involved. Read the ratios: cores are shared and noisy.
    """
    cells: dict[tuple[str, str, int], Cell] = {}
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(_worker(name, python))
            for name, python in _contenders(peer_venv).items()
        }
        for _ in range(rounds):
            _round(workers, cells, seconds)
    if as_json:
        document = {
            "method": "median of rounds' p50, p99 of all; contenders take turns in each round",
            "durability": "none: nothing is stored",
            "peer": peer.PEER if PEER in workers else None,
            "rounds": rounds, "seconds": seconds,
            "cells": [cell.figures() for cell in cells.values()],
        }  # fmt: skip
        click.echo(json.dumps(document, sort_keys=True))
    else:
        _show(cells)


def _contenders(environment: Path | None) -> Mapping[str, Path]:
    python = peer.interpreter(environment)
    ours = dict.fromkeys(installed(), Path(sys.executable))
    return ours if python is None else {**ours, PEER: python, CACHED: python}


@contextmanager
def _worker(contender: str, python: Path) -> Iterator[Worker]:
    script = ROOT / "benchmarks" / "evaluate_worker.py"
    command = [str(python), "-I", str(script), contender]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as process:
        # Leaving closes the pipes, at which the worker ends.
        yield Worker(process)


def _round(
    workers: Mapping[str, Worker], cells: dict[tuple[str, str, int], Cell], seconds: float
) -> None:
    for rules in RULES:
        for call in EXPECTED:
            for contender, worker in workers.items():
                answer = worker.ask(rules, call, seconds)
                samples, prepare_ms = answer["samples_us"], answer["prepare_ms"]
                if not isinstance(samples, list) or not isinstance(prepare_ms, float):
                    raise TypeError("the worker's answer is not what it promises")
                key = (contender, call, rules)
                cell = cells.setdefault(
                    key,
                    Cell(
                        contender=contender, call=call, rules=rules,
                        prepare_ms=prepare_ms, rounds_us=[],
                    ),
                )  # fmt: skip
                cell.rounds_us.append(samples)


def _show(cells: Mapping[tuple[str, str, int], Cell]) -> None:
    for call, outcome in EXPECTED.items():
        what = "a call no rule matches" if call == "none" else "a call the last rule denies"
        shown = table(
            f"{what} ({outcome}): one evaluation, in-process, nothing stored",
            ("contender", "rules", "p50 us", "p99 us", "of 10 rules", "of the peer", "load ms"),
        )
        for contender in dict.fromkeys(cell.contender for cell in cells.values()):
            for rules in RULES:
                row = _row(cells, cells[contender, call, rules])
                shown.add_row(*row, end_section=rules == RULES[-1])
        console.print(shown)
    if not any(cell.contender == PEER for cell in cells.values()):
        console.print(f"{peer.PEER} is missing, so there is no ratio to it.")


def _row(cells: Mapping[tuple[str, str, int], Cell], cell: Cell) -> Sequence[str]:
    cost = timing(cell.rounds_us)
    first = timing(cells[cell.contender, cell.call, RULES[0]].rounds_us)
    beside = cells.get((PEER, cell.call, cell.rules))
    return (
        cell.contender,
        f"{cell.rules:,}",
        micros(cost.p50_us),
        micros(cost.p99_us),
        ratio(cost.p50_us, first.p50_us),
        ratio(cost.p50_us, timing(beside.rounds_us).p50_us if beside else None),
        micros(cell.prepare_ms),
    )


if __name__ == "__main__":
    main()

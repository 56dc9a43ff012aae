"""One policy evaluation, in-process, by number of rules: `python -m benchmarks.evaluate`.

Rule i of each side denies tool i on paths below a folder of its own. Judged are a call that no rule
matches and one that the last rule denies. Aegis judges its base rules and the manifest beside them,
and its verdict names every rule that denies; the peer stops at the first match.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from aegisd.rego.engines import installed
from benchmarks import peer
from benchmarks.command import ROUNDS, benchmark
from benchmarks.figures import Timing, in_turns, timing
from benchmarks.process import ROOT
from benchmarks.report import Row, Section

RULES = (10, 100, 1_000)
EXPECTED = {"none": "allow", "last": "deny"}
TITLES = {"none": "a call no rule matches (allow)", "last": "a call the last rule denies (deny)"}
PEER, CACHED = "agent-aegis", "agent-aegis cached"


class Answer(Struct):
    """What a worker found: the outcome, and each sample."""

    outcome: str
    samples_us: list[float]


# Call, contender and number of rules.
Key = tuple[str, str, int]


def ask(worker: "subprocess.Popen[str]", rules: int, call: str, seconds: float) -> Answer:
    """One measurement of a worker. Raises `RuntimeError` on another outcome than the call's own."""
    if worker.stdin is None or worker.stdout is None:
        raise RuntimeError("the worker has no pipes")
    asked = {"rules": rules, "call": call, "seconds": seconds}
    worker.stdin.write(json.dumps(asked) + "\n")
    worker.stdin.flush()
    line = worker.stdout.readline()
    if not line:
        raise RuntimeError("the worker ended; its reason is above")
    answer = msgspec.json.decode(line, type=Answer)
    if answer.outcome != EXPECTED[call]:
        raise RuntimeError(f"{call}: expected {EXPECTED[call]}, got {answer.outcome}")
    return answer


@benchmark("python -m benchmarks.evaluate --rounds 3 --json")
@ROUNDS
@click.option("--seconds", default=0.3, show_default=True, help="Of one measurement in one round.")
def main(rounds: int, seconds: float) -> Sequence[Section]:
    """One policy evaluation with 10, 100 and 1,000 operator's rules, beside a peer.

    Both engines of Aegis judge a prepared policy input; agent-aegis evaluates a prepared action
    against YAML rules that mean the same, without and with its cache. Nothing is stored and no
    network is involved. Read the ratios: cores are shared and noisy.
    """
    python = peer.interpreter()
    contenders = dict.fromkeys(installed(), Path(sys.executable))
    if python is not None:
        contenders |= {PEER: python, CACHED: python}
    with ExitStack() as stack:
        workers = {name: stack.enter_context(_worker(name, at)) for name, at in contenders.items()}
        answers = in_turns(
            {
                (call, name, rules): partial(ask, worker, rules, call, seconds)
                for call in EXPECTED
                for name, worker in workers.items()
                for rules in RULES
            },
            rounds,
        )
    costs = {key: timing([each.samples_us for each in found]) for key, found in answers.items()}
    rows = {key: _row(costs, *key) for key in answers}
    return [
        Section(
            name="evaluate",
            title="one evaluation, in-process",
            method=f"median of {rounds} rounds' p50, p99 of all; {peer.beside(python)}",
            durability="none: nothing is stored",
            tables={
                title: [row for key, row in rows.items() if key[0] == call]
                for call, title in TITLES.items()
            },
        )
    ]


def _worker(contender: str, python: Path) -> "subprocess.Popen[str]":
    """A contender's process: asked one measurement at a time, and ended by leaving it."""
    script = ROOT / "benchmarks" / "evaluate_worker.py"
    command = [str(python), "-I", str(script), contender]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT)


def _row(costs: Mapping[Key, Timing], call: str, contender: str, rules: int) -> Row:
    cost, beside = costs[call, contender, rules], costs.get((call, PEER, rules))
    return {
        "contender": contender,
        "rules": rules,
        "p50 us": cost.p50_us,
        "p99 us": cost.p99_us,
        "of 10 rules": cost.p50_us / costs[call, contender, RULES[0]].p50_us,
        "of the peer": None if beside is None else cost.p50_us / beside.p50_us,
    }


if __name__ == "__main__":
    main()

"""OPA's own test cases, and regorus's, on both engines: where they agree with Rego and each other.

    python -m drills.opa

The cases are not part of this repository. They are looked for in ../shared/data/opa-rego, or where
`--data` says: `opa_v1_cases.jsonl.gz`, one case a line, and `regorus_interpreter_cases.tar.gz`.
"""

import json
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any  # A case's documents are JSON of any shape.

import click
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.progress import track

from aegisd.core.errors import EvaluatorFailed, PolicyInvalid
from aegisd.rego import builtins, portable, recursion
from aegisd.rego.engines import choose, installed
from aegisd.rego.module import Module, read
from aegisd.rego.query import compiled
from drills.opa_cases import Case, opa_cases, regorus_cases

ENGINES = ("regopy", "regorus")
DATA = Path(__file__).parent.parent.parent / "shared" / "data" / "opa-rego"
OPA_CASES, REGORUS_CASES = "opa_v1_cases.jsonl.gz", "regorus_interpreter_cases.tar.gz"

# Seconds for one case. The slowest takes a tenth of one.
CASE_SECONDS_MAX = 10

RULE = "data.aegis_case.result"

# What a case came to on one engine.
PASS, ERROR = "pass", "error as wanted"
FAIL, FAILED = "other answer", "error, answer wanted"
ANSWERED = "answer, error wanted"
STRICT = "error where OPA lets it be undefined"
NUMBER = "answer with a fraction or large number, which the gate refuses"
UNSUPPORTED = "calls a function the gate refuses"
CRASHED, HUNG = "killed its process", "did not end"
GOOD = frozenset({PASS, ERROR})


# How often a result came about, by suite and engine.
Counts = dict[str, dict[str, Counter[str]]]


class CaseOutcome(Struct, frozen=True, kw_only=True):
    """A case on both engines. `loads` says that the gate would load such rules."""

    suite: str
    category: str
    note: str
    results: dict[str, str]
    answers: dict[str, str]
    loads: bool

    @property
    def differs(self) -> bool:
        """Whether the engines did different things, or gave two wrong answers."""
        return len(set(self.results.values())) > 1 or len(set(self.answers.values())) > 1


class OpaReport(Struct, frozen=True, kw_only=True):
    """Everything, as `--json` prints it.

    `one_refuses` and `two_answers` are differences in rules that the gate would load,
    `refused_at_load` counts those in rules that it would not.
    """

    engines: dict[str, str]
    left_out: Counter[str]
    totals: Counts
    refused_at_load: int
    one_refuses: list[CaseOutcome]
    two_answers: list[CaseOutcome]


# ── asking ───────────────────────────────────────────────────────────────────────────────────────


def ask(engine: str, case: Case) -> tuple[str, str]:
    """What the case comes to on an engine, in this process, and an answer that was not wanted."""
    files = {f"case{number}.rego": text for number, text in enumerate(case.modules)}
    # A list of all values, so that a query without one is an empty list and not an error.
    files["asked.rego"] = f"package aegis_case\n\nresult := [x | x := {case.query}]\n"
    try:
        rules = compiled(engine, files, json.dumps(case.data).encode(), [RULE])
        told = json.loads(rules(RULE, json.dumps(case.input).encode()))
    except (EvaluatorFailed, PolicyInvalid) as error:
        if case.wanted is None:
            return ERROR, ""
        if "whole numbers" in error.message:
            return NUMBER, ""
        return (STRICT if case.wanted == [] and not case.strict else FAILED), ""
    answer = _unordered(told)
    if case.wanted is None:
        return ANSWERED, json.dumps(answer, sort_keys=True)
    if answer == _unordered(case.wanted):
        return PASS, ""
    return FAIL, json.dumps(answer, sort_keys=True)


def _unordered(value: Any) -> Any:  # noqa: ANN401 - JSON
    """The value with every array sorted: a set leaves as an array, in each engine's own order."""
    if isinstance(value, dict):
        return {str(key): _unordered(member) for key, member in value.items()}
    if isinstance(value, list):
        return sorted((_unordered(member) for member in value), key=json.dumps)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _serve(engine: str, connection: Connection) -> None:
    """A child: answer cases until the parent goes. What the engine prints is nobody's."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    with suppress(EOFError):
        while True:
            connection.send(ask(engine, connection.recv()))


class Asker:
    """An engine in a child process, started again where a case has killed it."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        arguments = (self._engine, theirs)
        self._child = context.Process(target=_serve, args=arguments, daemon=True)
        self._child.start()
        theirs.close()

    def ask(self, case: Case) -> tuple[str, str]:
        """What the case comes to, also where it ends the child."""
        self._connection.send(case)
        try:
            if self._connection.poll(CASE_SECONDS_MAX):
                result, answer = self._connection.recv()
                return str(result), str(answer)
            outcome = HUNG
        except (EOFError, ConnectionError):
            outcome = CRASHED
        self._child.kill()
        self._child.join()
        self._start()
        return outcome, ""

    def close(self) -> None:
        """End the child."""
        self._connection.close()
        self._child.join(CASE_SECONDS_MAX)


# ── what the gate makes of it ────────────────────────────────────────────────────────────────────


def refusal(case: Case) -> str:
    """Why the gate would not load such rules, or nothing. Paths that are read are not looked at."""
    try:
        modules = [read(f"rules/{number}.rego", text) for number, text in enumerate(case.modules)]
        portable.check(modules)
        recursion.check(modules)
    except PolicyInvalid as error:
        return error.message
    functions = frozenset().union(*(module.functions for module in modules))
    calls = {name for module in modules for name in _calls(module, functions)}
    if calls - builtins.ALLOWED:
        return f"calls {', '.join(sorted(calls - builtins.ALLOWED))}"
    if any(item.reference.root == "input" for module in modules for item in module.imports):
        return "an import of input"
    if any(token.text == "with" for module in modules for token in module.tokens):
        return "`with` outside of a test"
    return ""


def _calls(module: Module, functions: frozenset[str]) -> Iterator[str]:
    for reference in module.references:
        if reference.called and reference.root != "data" and reference.root not in functions:
            yield reference.dotted


def is_silent(results: Mapping[str, str]) -> bool:
    """Whether both engines answer and at most one answers what Rego says."""
    return all(result in (PASS, FAIL, ANSWERED) for result in results.values())


# ── the report ───────────────────────────────────────────────────────────────────────────────────


def measure(folder: Path, *, quiet: bool) -> OpaReport:
    """Ask everything."""
    found = [*opa_cases(folder / OPA_CASES), *regorus_cases(folder / REGORUS_CASES)]
    cases = [case for case in found if isinstance(case, Case)]
    askers = {engine: Asker(engine) for engine in ENGINES}
    hidden = quiet or not sys.stderr.isatty()
    asking = track(cases, "asking", console=Console(stderr=True), disable=hidden)
    outcomes = [_outcome(case, askers) for case in asking]
    for asker in askers.values():
        asker.close()
    return _report(outcomes, Counter(case for case in found if isinstance(case, str)))


def _outcome(case: Case, askers: Mapping[str, Asker]) -> CaseOutcome:
    why = refusal(case)
    told = {engine: asker.ask(case) for engine, asker in askers.items()}
    kept = (*GOOD, CRASHED, HUNG)
    return CaseOutcome(
        suite=case.suite,
        category=case.category,
        note=case.note,
        results={
            engine: UNSUPPORTED if why.startswith("calls ") and result not in kept else result
            for engine, (result, _) in told.items()
        },
        answers={engine: answer for engine, (_, answer) in told.items()},
        loads=not why,
    )


def _report(outcomes: list[CaseOutcome], left_out: Counter[str]) -> OpaReport:
    totals: Counts = {}
    for outcome in outcomes:
        for engine, result in outcome.results.items():
            totals.setdefault(outcome.suite, {}).setdefault(engine, Counter())[result] += 1
    differing = [outcome for outcome in outcomes if outcome.differs]
    loading = [outcome for outcome in differing if outcome.loads]
    return OpaReport(
        engines={name: choose(name).version for name in ENGINES},
        left_out=left_out,
        totals=totals,
        refused_at_load=len(differing) - len(loading),
        one_refuses=[outcome for outcome in loading if not is_silent(outcome.results)],
        two_answers=[outcome for outcome in loading if is_silent(outcome.results)],
    )


def show(report: OpaReport) -> None:
    """Print a report for people."""
    console = Console(width=None if sys.stdout.isatty() else 118)
    for suite, row in report.totals.items():
        for engine, counts in row.items():
            told = ", ".join(f"{number} {result}" for result, number in counts.most_common())
            console.print(f"{suite} on {engine} {report.engines[engine]}: {told}", soft_wrap=True)
    told = ", ".join(f"{number} {why}" for why, number in report.left_out.items())
    console.print(f"left out: {told}", soft_wrap=True)
    console.print(f"{report.refused_at_load} differ, and the gate refuses such rules")
    console.print(f"{len(report.one_refuses)} differ and load: one engine refuses or fails")
    _show_outcomes(console, report.one_refuses)
    console.print(f"{len(report.two_answers)} differ and load: two answers")
    _show_outcomes(console, report.two_answers)


def _show_outcomes(console: Console, outcomes: list[CaseOutcome]) -> None:
    for outcome in outcomes:
        told = ", ".join(f"{engine} {result}" for engine, result in outcome.results.items())
        console.print(f"  {outcome.category}/{outcome.note}: {told}", soft_wrap=True)


@click.command(epilog="Example: python -m drills.opa --json > cases.json")
@click.option("--data", type=click.Path(path_type=Path), default=DATA, help="Folder of the cases.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def main(data: Path, *, as_json: bool) -> None:
    """Run OPA's and regorus's own cases on both engines and list what differs.

    Exit 0: no rules that the gate loads get two answers. 1: some do. 2: no cases, or an engine is
    missing.
    """
    missing = [
        str(data / name) for name in (OPA_CASES, REGORUS_CASES) if not (data / name).is_file()
    ]
    missing += [name for name in ENGINES if name not in installed()]
    if missing:
        click.echo(f"missing: {', '.join(missing)}; see docs/ENGINES.md", err=True)
        sys.exit(2)
    report = measure(data, quiet=as_json)
    if as_json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        show(report)
    sys.exit(1 if report.two_answers else 0)


if __name__ == "__main__":
    main()

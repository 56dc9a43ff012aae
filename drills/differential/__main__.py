"""Two engines, one answer: generated policy inputs judged by rego-cpp and by regorus, and compared.

    python -m drills.differential --inputs 200000

Rules are the base rules, alone and with each of policies/examples, and those of
drills/differential/rules, which call every function that a new policy may call. Exits 0 where every
difference is one that docs/ENGINES.md explains, 1 where one is not, 2 where an engine is missing.
"""

import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import repeat
from pathlib import Path
from random import Random

import click
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.progress import track

from aegisd import resources
from aegisd.core.errors import EvaluatorFailed, PolicyInvalid
from aegisd.core.log.canonical import encode
from aegisd.core.policy.verdict import Verdict, failed, read
from aegisd.ports import Program
from aegisd.rego import bundle
from aegisd.rego.check import check
from aegisd.rego.engines import choose, installed
from drills.differential import inputs

ENGINES = ("regopy", "regorus")
OWN_RULES = Path(__file__).parent / "rules"

# Manifests a set of rules is compiled with; compiling takes a thousand times what judging does.
MANIFESTS = 6

# Inputs that one process judges before it reports: a second's work.
CHUNK = 2_000

# Differences that are shown whole; behind them there is mostly one cause.
SHOWN_MAX = 5

# rego-cpp turns numbers from here on into noise, and in places rounds fractions to so many decimals
# and digits.
HUGE, DECIMALS, DIGITS = 1e21, 6, 15

# Lists that rules go through with `some … in`.
_ITERATED = ("args_errors", "effects", "hosts", "paths", "problems", "commands", "recipients")


class Difference(Struct, frozen=True, kw_only=True):
    """One input that got two verdicts. `explanation` is empty where nobody knows why."""

    rules: str
    manifest: int
    input: str
    verdicts: dict[str, str]
    explanation: str


class DifferentialReport(Struct, frozen=True, kw_only=True):
    """The outcome of a run. `kinds` counts differences by explanation."""

    inputs: int
    seed: int
    engines: dict[str, str]
    seconds: float
    kinds: dict[str, int]
    verdicts: dict[str, int]
    unexplained: list[Difference]


def operators_rules() -> dict[str, dict[str, str]]:
    """Sets of operators' files by name, the empty set first."""
    examples = sorted((resources.policies() / "examples").iterdir())
    found: dict[str, dict[str, str]] = {"base": {}}
    found |= {path.name: bundle.load_directory(path) for path in examples}
    for path in sorted(OWN_RULES.glob("*.rego")):
        found[path.stem] = {path.name: path.read_text(encoding="utf-8")}
    return found


@cache
def programs(rules: str, manifest: int) -> Mapping[str, Program] | None:
    """Both engines' programs; None where one of them refuses the manifest, as it may."""
    base = bundle.load_directory(resources.policies() / "aegis")
    body = bundle.build(operators_rules()[rules], base)
    random = Random(f"manifest {manifest}")  # noqa: S311 - seeded, to be run again
    data = encode(inputs.MANIFEST if manifest == 0 else inputs.manifest(random))
    try:
        return {name: choose(name).compile(body, data) for name in ENGINES}
    except PolicyInvalid:
        return None


@cache
def looks_inside(rules: str) -> bool:
    """Whether operators' rules call a function that rego-cpp gets wrong on escapes."""
    files = {f"rules/{path}": text for path, text in operators_rules()[rules].items()}
    return bool(check(files).plain_text)


def compare(rules: str, manifest: int, document: inputs.Json) -> tuple[Verdict, Difference | None]:
    """Judge on both engines; regorus's verdict, and the difference if there is one."""
    held = programs(rules, manifest)
    if held is None:
        return failed("error"), None
    body = encode(document)
    verdicts = {name: _verdict(program.evaluate, body) for name, program in held.items()}
    one, other = verdicts.values()
    if one == other or (one.fault is not None and other.fault is not None):
        return other, None
    return other, Difference(
        rules=rules,
        manifest=manifest,
        input=body.decode(),
        verdicts={name: msgspec.json.encode(said).decode() for name, said in verdicts.items()},
        explanation=explain(rules, document, body, one, other),
    )


def explain(
    rules: str, document: inputs.Json, body: bytes, regopy: Verdict, regorus: Verdict
) -> str:
    """Which paragraph of docs/ENGINES.md the difference is, or nothing."""
    if regopy.fault is not None and looks_inside(rules) and b"\\" in body:
        return "text with escapes"
    if any(_is_extreme(found) for found in _floats(document)):
        return "extreme numbers"
    call = document.get("call", {})
    scalar = any(not isinstance(call.get(name, []), list | dict) for name in _ITERATED)
    if regorus.fault is not None and scalar:
        return "a plain value where a list is gone through"
    return ""


def run(first: int, count: int, seed: int) -> tuple[Counter[str], Counter[str], list[Difference]]:
    """Judge `count` inputs: differences by kind, verdicts by reason, and what is unexplained."""
    kinds: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    unexplained: list[Difference] = []
    names = list(operators_rules())
    for index in range(first, first + count):
        random = Random(f"{seed} {index}")  # noqa: S311 - seeded, to be run again
        document = inputs.policy_input(random)
        verdict, difference = compare(random.choice(names), random.randrange(MANIFESTS), document)
        verdicts[verdict.reason] += 1
        if difference is not None:
            kinds[difference.explanation or "unexplained"] += 1
            if not difference.explanation and len(unexplained) < SHOWN_MAX:
                unexplained.append(difference)
    return kinds, verdicts, unexplained


def _verdict(evaluate: Callable[[bytes], bytes], body: bytes) -> Verdict:
    try:
        return read(evaluate(body))
    except EvaluatorFailed:
        return failed("error")


def _is_extreme(number: float) -> bool:
    rounded = round(number, DECIMALS) != number or float(f"{number:.{DIGITS}g}") != number
    return rounded or abs(number) >= HUGE


def _floats(node: inputs.Json) -> Iterator[float]:
    if isinstance(node, float) and math.isfinite(node):
        yield node
    elif isinstance(node, dict | list):
        for below in node.values() if isinstance(node, dict) else node:
            yield from _floats(below)


def measure(count: int, seed: int, processes: int, *, quiet: bool) -> DifferentialReport:
    """Judge `count` inputs in some processes and add up."""
    started = time.perf_counter()
    firsts = range(0, count, CHUNK)
    counts = [min(CHUNK, count - first) for first in firsts]
    kinds: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    unexplained: list[Difference] = []
    with ProcessPoolExecutor(processes) as pool:
        progress = track(
            pool.map(run, firsts, counts, repeat(seed)),
            "judging",
            total=len(firsts),
            console=Console(stderr=True),
            disable=quiet or not sys.stderr.isatty(),
        )
        for found_kinds, found_verdicts, found in progress:
            kinds += found_kinds
            verdicts += found_verdicts
            unexplained += found[: SHOWN_MAX - len(unexplained)]
    return DifferentialReport(
        inputs=count,
        seed=seed,
        engines={name: choose(name).version for name in ENGINES},
        seconds=round(time.perf_counter() - started, 1),
        kinds=dict(kinds.most_common()),
        verdicts=dict(verdicts.most_common()),
        unexplained=unexplained,
    )


def show(report: DifferentialReport) -> None:
    """Print a report for people."""
    named = " and ".join(f"{name} {version}" for name, version in report.engines.items())
    print(f"{report.inputs} inputs, seed {report.seed}, {named}, {report.seconds} s")
    print("verdicts: " + ", ".join(f"{code} {n}" for code, n in report.verdicts.items()))
    explained = sum(n for kind, n in report.kinds.items() if kind != "unexplained")
    print(f"differences: {explained} explained, {report.kinds.get('unexplained', 0)} not")
    for kind, number in report.kinds.items():
        print(f"  {number:>8}  {kind}")
    for difference in report.unexplained:
        print(f"\nrules {difference.rules}, manifest {difference.manifest}")
        print(f"  input    {difference.input}")
        for name, verdict in difference.verdicts.items():
            print(f"  {name:<8} {verdict}")


@click.command(epilog="Example: python -m drills.differential --inputs 200000 --seed 7")
@click.option("--inputs", "count", type=click.IntRange(1), default=20_000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, other inputs.")
@click.option("--processes", type=click.IntRange(1, 64), default=2, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def main(count: int, seed: int, processes: int, *, as_json: bool) -> None:
    """Judge generated policy inputs by both engines and compare the verdicts.

    Exit 0: docs/ENGINES.md explains every difference. 1: not all of them. 2: an engine is missing.
    """
    missing = set(ENGINES) - set(installed())
    if missing:
        click.echo(f"not installed: {', '.join(sorted(missing))}; see docs/ENGINES.md", err=True)
        sys.exit(2)
    report = measure(count, seed, processes, quiet=as_json)
    if as_json:
        print(msgspec.json.encode(report).decode())
    else:
        show(report)
    sys.exit(1 if report.kinds.get("unexplained") else 0)


if __name__ == "__main__":
    main()

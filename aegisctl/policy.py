"""`aegisctl policy`: what the daemon would say to operators' rules, before it is asked."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from aegisctl import activations, options
from aegisctl.display import coloured, count, table, tell
from aegisctl.exits import BROKEN, HOLDS
from aegisd.audit import rules
from aegisd.core.errors import PolicyInvalid
from aegisd.core.policy.release import OPERATOR_PREFIX
from aegisd.printable import shown
from aegisd.rego.bundle import BASE_PREFIX, build, decode, load_directory
from aegisd.rego.coverage import FileCoverage, percent
from aegisd.rego.engines import installed
from aegisd.rego.installation import base_folder
from aegisd.rego.lowered import WAITING
from aegisd.rego.query import OPINIONS, engines
from aegisd.rego.testing import Report, TestOutcome, report


class Coverage(Struct, frozen=True, kw_only=True):
    """What the tests reached of every file, of which those whose path starts with `scope` count.

    `minimum` is a percentage, None where nobody asked for one.
    """

    files: list[FileCoverage]
    scope: str
    minimum: float | None

    @property
    def percent(self) -> float:
        """Reached lines of the files that count, in percent."""
        return percent([each for each in self.files if each.file.startswith(self.scope)])

    @property
    def holds(self) -> bool:
        """Whether the tests reach as much as they must."""
        return self.minimum is None or self.percent >= self.minimum

    def document(self) -> dict[str, object]:
        """The report as JSON values; docs/RULES.md describes them."""
        return {
            "files": [
                {"percent": each.percent, **msgspec.to_builtins(each)} for each in self.files
            ],
            "holds": self.holds,
            "minimum": self.minimum,
            "percent": self.percent,
            "scope": self.scope,
        }

    def lines(self) -> Iterator[str]:
        """The report for a person."""
        rows = [
            (shown(each.file), f"{each.percent:.1f} %", _ranges(each.uncovered))
            for each in self.files
        ]
        yield from table(("file", "reached", "lines that no test reached"), rows)
        told = f"{self.percent:.1f} % of the lines below {self.scope} were reached"
        if self.holds:
            yield told
        else:
            yield f"{coloured('short', 'bad')}: {told}, expected {self.minimum:g} %"


@click.group("policy", cls=options.Verbs)
def command() -> None:
    """Check or test operators' Rego rules.

    Examples:
      aegisctl policy check rules/
      aegisctl policy test rules/

    """


command.add_command(activations.activate)
command.add_command(activations.policies)
command.add_command(activations.show)


@command.command("check")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--engine",
    type=click.Choice(OPINIONS),
    help="Compile on this engine, or on both.  [default: every installed one]",
)
@options.as_json
def check(folder: Path, engine: str | None, *, as_json: bool) -> int:
    """Say whether the daemon would load the rules of FOLDER.

    Rules are Rego v1 in package `aegis.rules`. Refused is what does not compile, reads an input
    path that does not exist, is read by nothing, or names a built-in whose answer differs from run
    to run. A warning names what loads and will fail on ordinary text.

    Examples:
      aegisctl policy check policies/examples
      aegisctl policy check rules/ --engine both

    Exit codes: 0 loads, 1 would be refused, 2 the engine is not installed.

    """
    problem, told, warnings = None, None, []
    said: dict[str, str | None] = {}
    try:
        built = rules.bundle(folder)
        told = built.digest.hex()
        names = installed() if engine is None else engines(engine)
        said = {name: rules.refusal(built, folder, name) for name in names}
        refusals = [f"{words} (engine {name})" for name, words in said.items() if words]
        problem = "; ".join(refusals) or None
        # Without a word, of the engine that a daemon would judge by here.
        judging = installed()[:1] if engine is None else names
        warnings = [words for name in judging if (words := rules.warning(built, folder, name))]
    except PolicyInvalid as error:
        problem = error.message
    if problem is None:
        loads = coloured("loads", "good")
        line = f"{loads}: {shown(str(folder))} as bundle {told} (on {' and '.join(said)})"
    else:
        told, line = None, _refused(problem)
    document = {
        "loads": problem is None,
        "problem": problem,
        "bundle": told,
        "engines": said,
        "warnings": warnings,
    }
    lines = [line, *(f"{coloured('warning', 'doubt')}: {shown(each, None)}" for each in warnings)]
    tell(document, lines, as_json=as_json)
    return HOLDS if problem is None else BROKEN


@command.command("test")
@click.argument(
    "folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@options.engine(
    OPINIONS, "Run the tests on this engine; with `both` a test passes only if it does on each."
)
@click.option("--coverage", is_flag=True, help="Say which lines of the rules no test reached.")
@click.option(
    "--coverage-min",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Fail where the tests reach less of FOLDER's lines (without FOLDER, the base rules').",
)
@options.as_json
def test(
    folder: Path | None,
    engine: str,
    coverage_min: float | None,
    *,
    coverage: bool,
    as_json: bool,
) -> int:
    """Run the Rego tests of the base rules, and those of FOLDER beside them.

    A test is a rule named `test_…` in a `*_test.rego` file; it passes when it is true. A
    `todo_test_…` is listed and not counted. Coverage needs the engine regorus; --coverage-min asks
    for it too.

    Examples:
      aegisctl policy test policies/examples
      aegisctl policy test rules/ --engine both --coverage-min 90

    Exit codes: 0 all passed, 1 one did not, the rules do not load, or coverage is below the
    minimum; 2 could not tell: an engine is not installed.

    """
    names = engines(engine)
    problem: str | None = None
    told = Report([], None)
    try:
        told = _report(folder, engine, coverage=coverage or coverage_min is not None)
    except PolicyInvalid as error:
        problem = error.message
    scope = BASE_PREFIX if folder is None else OPERATOR_PREFIX
    reached = (
        None
        if told.coverage is None
        else Coverage(files=told.coverage, scope=scope, minimum=coverage_min)
    )
    passed = problem is None and all(each.passed for each in told.outcomes)
    document = {
        "coverage": None if reached is None else reached.document(),
        "engines": names,
        "passed": passed,
        "problem": problem,
        "tests": msgspec.to_builtins(told.outcomes),
    }
    lines = [*_lines(told.outcomes), *(() if reached is None else reached.lines())]
    tell(document, lines if problem is None else [_refused(problem)], as_json=as_json)
    return HOLDS if passed and (reached is None or reached.holds) else BROKEN


def _report(folder: Path | None, engine: str, *, coverage: bool) -> Report:
    """Run the tests of the base rules and of a folder. Raises `PolicyInvalid`."""
    base = base_folder()
    folders = [(BASE_PREFIX, base)] + ([] if folder is None else [(OPERATOR_PREFIX, folder)])
    tests = {
        prefix + path: text
        for prefix, place in folders
        for path, text in load_directory(place, tests=True).items()
    }
    own = {} if folder is None else load_directory(folder)
    try:
        files = decode(build(own, load_directory(base)))
        return report(files, tests, engine, coverage=coverage)
    except PolicyInvalid as error:
        raise PolicyInvalid(rules.in_folder(error.message, folder or base)) from None


def _refused(problem: str) -> str:
    return f"{coloured('refused', 'bad')}: {shown(problem, None)}"


def _lines(outcomes: Sequence[TestOutcome]) -> Iterator[str]:
    failed = [each for each in outcomes if not each.passed]
    waiting = [each for each in outcomes if each.name.startswith(WAITING)]
    for each in waiting:
        yield f"{coloured('todo', 'doubt')}    {each.file}: {each.name}"
    for each in failed:
        why = shown(each.detail, None)
        yield f"{coloured('FAILED', 'bad')}  {each.file}: {each.name}: {why}"
    passed = len(outcomes) - len(failed) - len(waiting)
    yield f"{count(passed, 'test')} passed, {len(failed)} failed, {len(waiting)} to do"


def _ranges(lines: Sequence[int]) -> str:
    """Sorted line numbers as `3, 7-9`."""
    ranges: list[tuple[int, int]] = []
    for line in lines:
        if ranges and ranges[-1][1] == line - 1:
            ranges[-1] = (ranges[-1][0], line)
        else:
            ranges.append((line, line))
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)

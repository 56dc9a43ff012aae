"""`aegisctl policy test`: the Rego tests of a folder, and what they reached."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from aegisctl import options
from aegisctl.display import coloured, count, table, tell
from aegisctl.exits import BROKEN, HOLDS
from aegisd.audit import rules
from aegisd.core.errors import PolicyInvalid
from aegisd.core.policy.release import OPERATOR_PREFIX
from aegisd.printable import shown
from aegisd.rego.bundle import BASE_PREFIX, TABLE_SUFFIX, build, decode, load_directory
from aegisd.rego.coverage import FileCoverage, percent
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


@click.command("test", cls=options.Verb)
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
@click.option("--base", is_flag=True, help="Run the tests of the base rules as well.")
@options.as_json
def test(
    folder: Path | None,
    engine: str,
    coverage_min: float | None,
    *,
    coverage: bool,
    base: bool,
    as_json: bool,
) -> int:
    """Run the Rego tests of FOLDER; without it, those of the base rules.

    A test is a rule named `test_…` in a `*_test.rego` file; it passes when it is true. A
    `todo_test_…` is listed and not counted. Coverage needs the engine regorus; --coverage-min asks
    for it too.

    Examples:
      aegisctl policy test policies/examples
      aegisctl policy test rules/ --engine both --coverage-min 90
      aegisctl policy test rules/ --base

    Exit codes: 0 all passed, 1 one did not, the rules do not load, or coverage is below the
    minimum; 2 could not tell: an engine is not installed.

    """
    names = engines(engine)
    problem: str | None = None
    told = Report([], None)
    try:
        told = _report(folder, engine, base=base, coverage=coverage or coverage_min is not None)
    except PolicyInvalid as error:
        problem = error.message
    scope = BASE_PREFIX if folder is None else f"{folder}/"
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


def _report(folder: Path | None, engine: str, *, base: bool, coverage: bool) -> Report:
    """Run the tests of a folder or of the base rules, or both. Raises `PolicyInvalid`.

    Files are named as they were typed.
    """
    ours = base_folder()
    wanted = [] if folder is None else [(OPERATOR_PREFIX, folder)]
    if base or folder is None:
        wanted.append((BASE_PREFIX, ours))
    tests = {
        prefix + path: text
        for prefix, place in wanted
        for path, text in load_directory(place, tests=True).items()
    }
    own = {} if folder is None else load_directory(folder)
    try:
        files = decode(build(own, load_directory(ours)))
        # Data has no lines to reach.
        prefixes = tuple(prefix for prefix, _ in wanted)
        measured = {
            path: text
            for path, text in files.items()
            if path.startswith(prefixes) and not path.endswith(TABLE_SUFFIX)
        }
        told = report(files, tests, engine, coverage=measured if coverage else None)
        if folder is not None and not told.outcomes:
            _compile(folder, engine)
    except PolicyInvalid as error:
        raise PolicyInvalid(rules.in_folder(error.message, folder or ours)) from None
    return told if folder is None else _named(told, folder)


def _compile(folder: Path, engine: str) -> None:
    """Rules that no test asks for compile all the same. Raises `PolicyInvalid`."""
    built = rules.bundle(folder)
    for name in engines(engine):
        if problem := rules.refusal(built, folder, name):
            raise PolicyInvalid(problem)


def _named(told: Report, folder: Path) -> Report:
    """The report with the folder's files named where they lie."""
    outcomes = [
        replace(
            each,
            file=rules.in_folder(each.file, folder),
            detail=rules.in_folder(each.detail, folder),
            engines={name: rules.in_folder(why, folder) for name, why in each.engines.items()},
        )
        for each in told.outcomes
    ]
    files = told.coverage and [
        replace(each, file=rules.in_folder(each.file, folder)) for each in told.coverage
    ]
    return Report(outcomes, files)


def _refused(problem: str) -> str:
    return f"{coloured('refused', 'bad')}: {shown(problem, None)}"


def _lines(outcomes: Sequence[TestOutcome]) -> Iterator[str]:
    failed = [each for each in outcomes if not each.passed]
    waiting = [each for each in outcomes if each.name.startswith(WAITING)]
    for each in waiting:
        yield f"{coloured('todo', 'doubt')}    {_where(each)}"
    for each in failed:
        yield f"{coloured('FAILED', 'bad')}  {_where(each)}: {shown(each.detail, None)}"
    if not outcomes:
        yield "no tests: rules called test_… in files called …_test.rego are"
    passed = len(outcomes) - len(failed) - len(waiting)
    yield f"{count(passed, 'test')} passed, {len(failed)} failed, {len(waiting)} to do"


def _where(outcome: TestOutcome) -> str:
    return f"{shown(outcome.file, None)}:{outcome.line}: {outcome.name}"


def _ranges(lines: Sequence[int]) -> str:
    """Sorted line numbers as `3, 7-9`."""
    ranges: list[tuple[int, int]] = []
    for line in lines:
        if ranges and ranges[-1][1] == line - 1:
            ranges[-1] = (ranges[-1][0], line)
        else:
            ranges.append((line, line))
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)

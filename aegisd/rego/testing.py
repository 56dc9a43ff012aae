"""Run the `test_` rules of `*_test.rego` files on one engine or on both.

What is run is the form that `lowered` gives a test, the same for every engine.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from aegisd.core.errors import EvaluatorFailed, PolicyInvalid
from aegisd.core.log.canonical import encode
from aegisd.core.policy.release import OPERATOR_PREFIX
from aegisd.rego.bundle import TABLE_SUFFIX, table
from aegisd.rego.check import check
from aegisd.rego.coverage import FileCoverage, Meter
from aegisd.rego.failing import FAILED, Failing, located
from aegisd.rego.lowered import TABLES, Case, lower
from aegisd.rego.query import Query, compiled, engines

_WAITS = "waits"


class World(Struct, frozen=True):
    """What a test's `with` make: data and input as JSON bytes, and data files by path."""

    data: bytes
    input: bytes
    tables: tuple[tuple[str, str], ...] = ()

    def beside(self, modules: Mapping[str, str]) -> dict[str, str]:
        """The modules with its data files in the place of theirs."""
        return {**modules, **dict(self.tables)}


class TestOutcome(Struct, frozen=True):
    """One test rule. `detail` says why it did not pass, or that it waits (`todo_test_`).

    `engines` has what each engine found wrong, empty where the test holds on it; no entry of a test
    that waits. `disagree` tells that it holds on one and not on another.
    """

    file: str
    line: int
    package: str
    name: str
    passed: bool
    detail: str
    engines: dict[str, str]
    disagree: bool


class Report(Struct, frozen=True):
    """Tests in the order of their files. `coverage` is None where nobody asked for it."""

    outcomes: list[TestOutcome]
    coverage: list[FileCoverage] | None


def report(
    files: Mapping[str, str],
    test_files: Mapping[str, str],
    opinion: str = "auto",
    *,
    coverage: Mapping[str, str] | None = None,
) -> Report:
    """Run every test of `test_files` on the policy `files`; both are sources by path.

    A test passes when its value is true on every engine that `opinion` means: `auto`, `regorus`,
    `regopy` or `both`. False, undefined and an error fail it. With `coverage`, those of `files`
    that regorus measures whichever engines run the tests, tells which of their lines some test
    reached.

    Raises `PolicyInvalid` when something does not compile or a test cannot be read, `ConfigInvalid`
    for an engine that is not installed.
    """
    cases: list[Case] = []
    modules = dict(files)
    for path in sorted(test_files):
        first = sum(len(case.mocks) for case in cases)
        found, modules[path] = lower(path, test_files[path], first)
        cases += found
    _check_names(cases)
    meter = None if coverage is None else Meter(coverage, modules)
    plain_text = check(files).plain_text
    benches = [
        _Bench(name, files, modules, cases, plain_text=bool(plain_text) and name == "regopy")
        for name in engines(opinion)
    ]
    outcomes = [_outcome(case, benches) for case in cases]
    if meter is None:
        return Report(outcomes, None)
    for case, world in _Worlds("regorus", modules, cases).known():
        meter.run(case.rule, world.data, world.input, dict(world.tables))
    return Report(outcomes, meter.read())


def _check_names(cases: Iterable[Case]) -> None:
    """Two of one name in one package would be one rule, which holds where either does."""
    named: dict[str, Case] = {}
    for case in cases:
        other = named.setdefault(case.rule, case)
        if other.file != case.file:
            raise PolicyInvalid(
                f"{case.file}:{case.line}: {case.name} has the name of a test in {other.file}, of "
                "the same package; give it another one"
            )


def _outcome(case: Case, benches: Sequence["_Bench"]) -> TestOutcome:
    package = ".".join(case.package)
    if case.waits:
        return TestOutcome(case.file, case.line, package, case.name, True, _WAITS, {}, False)  # noqa: FBT003
    said = {bench.engine: bench.complaint(case) for bench in benches}
    disagree = len({complaint == "" for complaint in said.values()}) > 1
    detail = next(iter(said.values()))
    if disagree:
        detail = "the engines disagree: " + "; ".join(
            f"{engine}: {complaint or 'holds'}" for engine, complaint in said.items()
        )
    passed = not any(said.values())
    return TestOutcome(case.file, case.line, package, case.name, passed, detail, said, disagree)


class _Worlds:
    """The input and data that each test asks for, by one engine's values of its `with`."""

    def __init__(self, engine: str, modules: Mapping[str, str], cases: Sequence[Case]) -> None:
        self._cases, self._modules = cases, modules
        rules = [case.beside(mock.rule) for case in cases for mock in case.mocks]
        self._values: dict[str, object] = {}
        if not rules:
            return
        asked = compiled(engine, modules, b'{"manifest":{}}', rules)
        for rule in rules:
            try:
                self._values[rule] = msgspec.json.decode(asked(rule, b"{}"))
            except EvaluatorFailed:
                continue

    def of(self, case: Case) -> World | str:
        """The world of a test, or the name of what it replaces by nothing."""
        world: dict[str, object] = {"input": {}, "data": {"manifest": {}}}
        tables: list[tuple[str, str]] = []
        for mock in case.mocks:
            rule = case.beside(mock.rule)
            if rule not in self._values:
                return ".".join(mock.target)
            if mock.target[:-1] == TABLES:
                tables.append(self._table(mock.target[-1], self._values[rule]))
            else:
                _place(world, mock.target, self._values[rule])
        data, document = msgspec.json.encode(world["data"]), msgspec.json.encode(world["input"])
        return World(data, document, tuple(sorted(tables)))

    def _table(self, name: str, value: object) -> tuple[str, str]:
        """The file of a data file's rules, wherever it lies, with another value."""
        named = (path for path in self._modules if path.endswith(f"/{name}{TABLE_SUFFIX}"))
        path = next(named, f"{OPERATOR_PREFIX}{name}{TABLE_SUFFIX}")
        return path, table(name, encode(value).decode())

    def known(self) -> Iterator[tuple[Case, World]]:
        """The tests that run, each with its world."""
        for case in self._cases:
            world = self.of(case)
            if not case.waits and not isinstance(world, str):
                yield case, world


class _Bench:
    """Everything compiled by one engine, once for each data that a test asks for."""

    def __init__(
        self,
        engine: str,
        files: Mapping[str, str],
        modules: Mapping[str, str],
        cases: Sequence[Case],
        *,
        plain_text: bool,
    ) -> None:
        self.engine = engine
        self._files, self._modules = files, modules
        self._plain_text = plain_text
        self._rules = sorted({case.rule for case in cases})
        self._compiled: dict[tuple[bytes, tuple[tuple[str, str], ...]], Query] = {}
        self._worlds = _Worlds(engine, modules, cases)

    def complaint(self, case: Case) -> str:
        """Empty when the test holds, else why not."""
        world = self._worlds.of(case)
        if isinstance(world, str):
            return f"the value for {world} is undefined or holds a fraction"
        if self._plain_text and b"\\" in world.data + world.input:
            return (
                "the engine regopy cannot look inside text with escapes; see the policy reference"
            )
        key = world.data, world.tables
        if key not in self._compiled:
            modules = world.beside(self._modules)
            self._compiled[key] = compiled(self.engine, modules, world.data, self._rules)
        try:
            value = self._compiled[key](case.rule, world.input)
        except EvaluatorFailed as error:
            return self._named(error.message, world)
        return "" if value == b"true" else "expected true, found another value"

    def _named(self, why: str, world: World) -> str:
        """Why a test failed, with the failing rule's file, line and name where it is found."""
        if FAILED not in why:
            return why
        told = located(why, self._modules)
        if told != why:
            return told
        return Failing(self.engine, world.beside(self._files), world.data).named(why, world.input)


def _place(world: dict[str, object], target: Sequence[str], value: object) -> None:
    """Put a value at a path of names, making objects on the way."""
    node = world
    for name in target[:-1]:
        below = node.get(name)
        if not isinstance(below, dict):
            below = node[name] = {}
        node = below
    node[target[-1]] = value

"""Which lines of the rules some test reached, as regorus counts them.

A line counts when an expression stands on it: braces, comments and heads without a value do not.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from aegisd.core.errors import ConfigInvalid, PolicyInvalid
from aegisd.rego.complaint import explain
from aegisd.rego.engines import installed
from aegisd.rego.module import read

if TYPE_CHECKING:
    import aegis_regorus

# A rule put below the last line of a file: regorus tells nothing of a file of which no line ran.
_MARK = "aegis_mark_"


class FileCoverage(Struct, frozen=True):
    """One file. Line numbers count from 1; together `covered` and `uncovered` are what counts."""

    file: str
    covered: list[int]
    uncovered: list[int]

    @property
    def percent(self) -> float:
        """Of the lines that count, how many were reached; 100 of a file in which none does."""
        return percent([self])


class _Lines(Struct, frozen=True):
    path: str
    covered: list[int]
    not_covered: list[int]


class _Told(Struct, frozen=True):
    files: list[_Lines]


def percent(files: list[FileCoverage]) -> float:
    """Reached lines of all that count in the files, 0 to 100, cut to a tenth.

    Cut and not rounded, so that 100 means every line.
    """
    covered = sum(len(each.covered) for each in files)
    lines = covered + sum(len(each.uncovered) for each in files)
    return 100.0 if lines == 0 else covered * 1000 // lines / 10


class Meter:
    """Runs rules and remembers which lines of the measured files they reached."""

    def __init__(self, measured: Mapping[str, str], modules: Mapping[str, str]) -> None:
        """Measure the files `measured` within all `modules`; both are sources by path.

        Raises `ConfigInvalid` where regorus is not installed.
        """
        if "regorus" not in installed():
            raise ConfigInvalid(
                "coverage is measured by the engine regorus, whose module aegis_regorus is not "
                "installed; build it with `pip install ./native` (needs Rust)"
            )
        self._ends = {path: source.count("\n") + 1 for path, source in measured.items()}
        self._sources = {**modules}
        self._marks: list[str] = []
        for number, (path, source) in enumerate(measured.items()):
            self._sources[path] = f"{source}\n{_MARK}{number} := true\n"
            self._marks.append(".".join(("data", *read(path, source).package, f"{_MARK}{number}")))
        self._engines: dict[tuple[bytes, tuple[tuple[str, str], ...]], aegis_regorus.Coverage] = {}

    def run(
        self, rule: str, data: bytes, document: bytes, instead: Mapping[str, str] | None = None
    ) -> None:
        """Ask a rule for an input, with data; what it answers is for others to judge.

        `instead` are files in the place of others that are not measured.
        """
        key = data, tuple(sorted((instead or {}).items()))
        if key not in self._engines:
            self._engines[key] = _interpreter({**self._sources, **dict(key[1])}, data)
        _run(self._engines[key], rule, document)

    def read(self) -> list[FileCoverage]:
        """What was reached so far, by path."""
        if not self._engines:
            self._engines[b"{}", ()] = _interpreter(self._sources, b"{}")
        covered: dict[str, set[int]] = {path: set() for path in self._ends}
        every: dict[str, set[int]] = {path: set() for path in self._ends}
        for engine in self._engines.values():
            for mark in self._marks:
                _run(engine, mark, b"{}")
            for told in msgspec.json.decode(engine.report(), type=_Told).files:
                if told.path in self._ends:
                    covered[told.path].update(told.covered)
                    every[told.path].update(told.covered, told.not_covered)
        return [
            FileCoverage(
                path,
                sorted(line for line in covered[path] if line <= end),
                sorted(line for line in every[path] - covered[path] if line <= end),
            )
            for path, end in sorted(self._ends.items())
        ]


def _interpreter(sources: Mapping[str, str], data: bytes) -> "aegis_regorus.Coverage":
    """Regorus's interpreter with its record of lines. Raises `PolicyInvalid`."""
    import aegis_regorus  # noqa: PLC0415 - a wheel without it must import this file

    try:
        return aegis_regorus.Coverage(list(sources.items()), data)
    except aegis_regorus.CompileError as error:
        raise PolicyInvalid(explain(str(error))) from None


def _run(engine: "aegis_regorus.Coverage", rule: str, document: bytes) -> None:
    """Ask a rule; a failure and an undefined value have reached lines too."""
    from aegis_regorus import EvaluationError  # noqa: PLC0415 - as above

    with suppress(EvaluationError):
        engine.evaluate(rule, document)

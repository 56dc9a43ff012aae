"""Which statement of an operator's rules fails on an input, where the engine does not tell.

regorus names file and line, but not the rule. For rego-cpp each statement gets a copy with a name
of its own, and a rule that asks for it. Looked for after a failure alone, and only where that is
short: whoever waits is denied all the same.
"""

import re
import time
from collections.abc import Iterator, Mapping

from msgspec import Struct

from aegisd.core.errors import AegisError, EvaluatorFailed, PolicyInvalid
from aegisd.core.policy.release import OPERATOR_PREFIX
from aegisd.rego.module import Module, read
from aegisd.rego.query import Query, compiled

# Statements of an operator that are asked one by one, each some milliseconds.
STATEMENTS_MAX = 64

# Milliseconds of processor time for all of them: a fifth of what one evaluation may take.
SEARCH_MS_MAX = 200


# How engines begin to tell of a rule that failed.
FAILED = "a rule failed"

# `file:line: ` before what regorus says of a rule that failed.
_PLACED = re.compile(r"(?P<path>[^\n:]+):(?P<line>[0-9]+): (?P<said>a rule failed.*)")


class Statement(Struct, frozen=True):
    """One statement: the file and line where it stands, the rule it defines, and who asks it.

    A rule with several values is asked as a whole too: each of its statements holds alone.
    """

    path: str
    line: int
    rule: str
    probe: str
    is_whole: bool = False


class Failing:
    """Finds the statement of one bundle with one manifest. Compiles at the first question."""

    def __init__(self, engine: str, files: Mapping[str, str], data: bytes) -> None:
        self._engine, self._files, self._data = engine, files, data
        self._ready: tuple[list[Statement], Query] | None = None

    def named(self, why: str, policy_input: bytes) -> str:
        """What an engine said, after the failing statement as `file:line: rule NAME: `.

        As it was said where no statement of an operator is found.
        """
        placed = _PLACED.match(why)
        if placed is None or not placed["path"].startswith(OPERATOR_PREFIX):
            return self.place(policy_input) + (placed["said"] if placed else why)
        return located(why, self._files)

    def place(self, policy_input: bytes) -> str:
        """The failing statement as `file:line: rule NAME: `; empty where it is not found."""
        started_s = time.process_time()
        try:
            statements, query = self._ready or self._prepared()
        except AegisError:
            return ""
        for each in statements:
            if (time.process_time() - started_s) * 1000 > SEARCH_MS_MAX:
                break
            try:
                query(each.probe, policy_input)
            except EvaluatorFailed:
                return f"{each.path}:{each.line}: rule {each.rule}: "
        return ""

    def _prepared(self) -> tuple[list[Statement], Query]:
        files = dict(self._files)
        statements: list[Statement] = []
        for path in sorted(files):
            if path.startswith(OPERATOR_PREFIX):
                module = read(path, files[path])
                for statement, text in _probes(module, files[path], len(statements)):
                    statements.append(statement)
                    files[path] += text
        if len(statements) > STATEMENTS_MAX:
            raise PolicyInvalid("too many statements to look for the one that fails")
        # What other rules read fails in them too, and is named before them; a statement that fails
        # alone is named before the rule it is one of.
        statements.sort(key=lambda each: (each.rule in _SPOKEN, each.is_whole))
        query = compiled(self._engine, files, self._data, [each.probe for each in statements])
        self._ready = statements, query
        return self._ready


_SPOKEN = ("advise", "constrain", "deny", "oblige", "require_approval")


def located(why: str, files: Mapping[str, str]) -> str:
    """What an engine said, with the rule's name behind the file and line that it tells, if any."""
    placed = _PLACED.match(why)
    if placed is None or placed["path"] not in files:
        return why
    path, line = placed["path"], int(placed["line"])
    module = read(path, files[path])
    starts = [start for start in module.statements if module.tokens[start].line <= line]
    if not starts:
        return why
    name = module.tokens[module.head(starts[-1])].text
    return f"{path}:{line}: rule {name}: {placed['said']}"


def _probes(module: Module, source: str, number: int) -> Iterator[tuple[Statement, str]]:
    """Each statement and rule that can be asked for alone, with what to add to its file."""
    package = ".".join(("data", *module.package))
    whole: set[str] = set()
    for start, end in module.spans():
        head, following = module.tokens[start], module.tokens[start + 1 : start + 2]
        after = following[0].text if following else ""
        if after == "(" or head.text in ("package", "import", "default"):
            continue
        body = source[head.end : module.tokens[end - 1].end]
        copy, probe = f"aegis_copy_{number}", f"aegis_probe_{number}"
        statement = Statement(module.path, head.line, head.text, f"{package}.{probe}")
        yield statement, f"\n{copy}{body}\n\n{probe} contains 1 if {copy}\n"
        number += 1
        # Of a set no two values are too many.
        if after != "contains" and head.text not in whole:
            whole.add(head.text)
            probe = f"aegis_probe_{number}"
            statement = Statement(
                module.path, head.line, head.text, f"{package}.{probe}", is_whole=True
            )
            yield statement, f"\n{probe} contains 1 if {head.text}\n"
            number += 1

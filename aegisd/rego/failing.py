"""Which statement of an operator's rules fails on an input: engines tell only that one does.

Each statement gets a copy with a name of its own, and a rule that asks for it. Looked for after a
failure alone, and only where that is short: whoever waits is denied all the same.
"""

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


class Statement(Struct, frozen=True):
    """One statement: the file and line where it stands, the rule it defines, and who asks it."""

    path: str
    line: int
    rule: str
    probe: str


class Failing:
    """Finds the statement of one bundle with one manifest. Compiles at the first question."""

    def __init__(self, engine: str, files: Mapping[str, str], data: bytes) -> None:
        self._engine, self._files, self._data = engine, files, data
        self._ready: tuple[list[Statement], Query] | None = None

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
                for statement, text in _copies(module, files[path], len(statements)):
                    statements.append(statement)
                    files[path] += text
        if len(statements) > STATEMENTS_MAX:
            raise PolicyInvalid("too many statements to look for the one that fails")
        # What other rules read fails in them too, and is named before them.
        statements.sort(key=lambda each: each.rule in _SPOKEN)
        query = compiled(self._engine, files, self._data, [each.probe for each in statements])
        self._ready = statements, query
        return self._ready


_SPOKEN = ("advise", "constrain", "deny", "oblige", "require_approval")


def _copies(module: Module, source: str, number: int) -> Iterator[tuple[Statement, str]]:
    """Each statement that can be asked for alone, with what to add to its file."""
    for start, end in module.spans():
        head, following = module.tokens[start], module.tokens[start + 1 : start + 2]
        called = bool(following) and following[0].text == "("
        if called or head.text in ("package", "import", "default"):
            continue
        copy, probe = f"aegis_copy_{number}", f"aegis_probe_{number}"
        body = source[head.end : module.tokens[end - 1].end]
        package = ".".join(("data", *module.package))
        yield (
            Statement(module.path, head.line, head.text, f"{package}.{probe}"),
            f"\n{copy}{body}\n\n{probe} contains 1 if {copy}\n",
        )
        number += 1

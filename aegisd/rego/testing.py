"""Run the `test_` rules of `*_test.rego` files.

Tests are written as for OPA: `test_x if { data.aegis.rules.deny with input as {…} }`. rego-cpp
1.5.2 dies on `with` as soon as a replaced rule refers to another, so `with` is carried out here:
its values are evaluated first, become the input and the data, and the test's body runs without it.
One test therefore replaces things once for its whole body; two bodies are two tests.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from aegisd.core.errors import EvaluatorFailed, PolicyInvalid
from aegisd.rego.check import check, check_test
from aegisd.rego.machine import Machine
from aegisd.rego.module import Module, statements
from aegisd.rego.tokens import Kind, Token

TEST = "test_"
WAITING = "todo_test_"

_MOCK = "aegis_mock_"


class TestOutcome(Struct, frozen=True):
    """One test rule. `detail` says why it did not pass, or that it waits (`todo_test_`)."""

    file: str
    package: str
    name: str
    passed: bool
    detail: str


class _Mock(Struct, frozen=True):
    """One `with`: what it replaces, as names from `input` or `data` on, and the value's source."""

    target: tuple[str, ...]
    source: str


class _Case(Struct, frozen=True):
    file: str
    package: tuple[str, ...]
    name: str
    mocks: tuple[_Mock, ...]
    first_mock: int

    def entrypoint(self, name: str) -> str:
        """Where the engine finds a rule of this file's package."""
        return "/".join((*self.package, name))


def run_tests(files: Mapping[str, str], test_files: Mapping[str, str]) -> list[TestOutcome]:
    """Run every test of `test_files` on the policy `files`; both are sources by path.

    A test passes when its value is true; false, undefined and an error fail it. Raises
    `PolicyInvalid` when something does not compile or a test cannot be read.
    """
    cases: list[_Case] = []
    lowered: dict[str, str] = {}
    for path in sorted(test_files):
        found, source = _lower(path, test_files[path])
        cases += found
        lowered[path] = source
    return _Bench({**files, **lowered}, cases, plain_text=check(files).plain_text).run()


def _lower(path: str, source: str) -> tuple[list[_Case], str]:
    """The tests of one file, and its source with each `with` cut out and kept as a rule."""
    module = check_test(path, source)
    cases: list[_Case] = []
    cuts: list[tuple[int, int]] = []
    rules: list[str] = []
    for start, end in _spans(module):
        name = module.tokens[start].text
        withs = list(_withs(module, source, start, end))
        cuts += [span for span, _ in withs]
        if not name.startswith((TEST, WAITING)):
            _check_no_with(path, module.tokens[start], withs)
            continue
        mocks = tuple(dict.fromkeys(mock for _, mock in withs))
        _check_one_value_each(path, module.tokens[start], mocks)
        cases.append(_Case(path, module.package, name, mocks, len(rules)))
        rules += [f"{_MOCK}{len(rules) + n} := {mock.source}" for n, mock in enumerate(mocks)]
    return cases, "\n".join([_blank(source, cuts), *rules, ""])


def _spans(module: Module) -> Iterator[tuple[int, int]]:
    """Token ranges of the file's statements."""
    heads = list(statements(module.tokens))
    yield from zip(heads, [*heads[1:], len(module.tokens)], strict=True)


def _withs(
    module: Module, source: str, start: int, end: int
) -> Iterator[tuple[tuple[int, int], _Mock]]:
    """Each `with target as value` between two tokens, and where in the source it stands."""
    found = module.tokens
    for index in range(start, end):
        if found[index].text != "with" or found[index].kind is not Kind.WORD:
            continue
        middle = next(
            (i for i in range(index, end) if found[i].kind is Kind.WORD and found[i].text == "as"),
            None,
        )
        if middle is None:
            raise PolicyInvalid(f"{module.path}:{found[index].line}: expected `as` after `with`")
        last = _value_end(found, middle + 1, end)
        target = tuple(
            token.text for token in found[index + 1 : middle] if token.kind is not Kind.SIGN
        )
        value = source[found[middle].end : found[last].end].strip()
        yield (found[index].start, found[last].end), _Mock(target, value)


def _value_end(found: Sequence[Token], first: int, end: int) -> int:
    """The last token of a value: before the next `with`, a new line, `;`, or the body's end."""
    depth = found[first].depth
    last = first
    for index in range(first, end):
        token = found[index]
        outside = token.depth == depth and token.text not in ")]}"
        stops = token.text in ("with", ";") or token.line > found[last].line
        if token.depth < depth or (index > first and outside and stops):
            break
        last = index
    return last


def _check_no_with(path: str, head: Token, withs: Sequence[tuple[tuple[int, int], _Mock]]) -> None:
    if withs:
        raise PolicyInvalid(
            f"{path}:{head.line}: `with` belongs in the body of a rule called {TEST}…, found it in "
            f"{head.text}"
        )


def _check_one_value_each(path: str, head: Token, mocks: Sequence[_Mock]) -> None:
    targets = [mock.target for mock in mocks]
    if len(set(targets)) != len(targets):
        raise PolicyInvalid(
            f"{path}:{head.line}: {head.text} replaces one thing by two values; make it two tests"
        )
    for target in targets:
        if target[:1] != ("input",) and target[:2] != ("data", "manifest"):
            raise PolicyInvalid(
                f"{path}:{head.line}: expected `with input…` or `with data.manifest…`, found "
                f"{'.'.join(target)}"
            )


def _blank(source: str, cuts: Sequence[tuple[int, int]]) -> str:
    """Replace ranges by white space, so that engine messages still name the right line."""
    for start, end in cuts:
        blank = "".join("\n" if character == "\n" else " " for character in source[start:end])
        source = source[:start] + blank + source[end:]
    return source


class _Bench:
    """Everything compiled, once for each `data.manifest` that a test asks for."""

    def __init__(
        self, modules: Mapping[str, str], cases: Sequence[_Case], *, plain_text: bool
    ) -> None:
        self._modules = modules
        self._cases = cases
        self._plain_text = plain_text
        self._entrypoints = sorted({case.entrypoint(case.name) for case in cases})
        self._machines: dict[bytes, Machine] = {}
        self._values = self._mock_values()

    def run(self) -> list[TestOutcome]:
        """Run the tests in order."""
        outcomes: list[TestOutcome] = []
        for case in self._cases:
            detail = "waits" if case.name.startswith(WAITING) else self._complaint(case)
            passed = not detail or detail == "waits"
            package = ".".join(case.package)
            outcomes.append(TestOutcome(case.file, package, case.name, passed, detail))
        return outcomes

    def _mock_values(self) -> dict[str, object]:
        """The value of each `with`, by entry point. One that has none is left out."""
        entrypoints = [mock for case in self._cases for mock in _mock_entrypoints(case)]
        values: dict[str, object] = {}
        if not entrypoints:
            return values
        machine = Machine(self._modules, b'{"manifest":{}}', entrypoints)
        for entrypoint in entrypoints:
            try:
                values[entrypoint] = msgspec.json.decode(machine.ask(entrypoint, b"{}"))
            except EvaluatorFailed:
                continue
        return values

    def _complaint(self, case: _Case) -> str:
        """Empty when the test holds, else why not."""
        world: dict[str, object] = {"input": {}, "data": {"manifest": {}}}
        for mock, entrypoint in zip(case.mocks, _mock_entrypoints(case), strict=True):
            if entrypoint not in self._values:
                return f"the value for {'.'.join(mock.target)} is undefined or holds a fraction"
            _place(world, mock.target, self._values[entrypoint])
        data, document = (msgspec.json.encode(world[root]) for root in ("data", "input"))
        if self._plain_text and b"\\" in data + document:
            return (
                "the gate's engine cannot look inside text with escapes; see the policy reference"
            )
        if data not in self._machines:
            self._machines[data] = Machine(self._modules, data, self._entrypoints)
        try:
            value = self._machines[data].ask(case.entrypoint(case.name), document)
        except EvaluatorFailed as error:
            return error.message
        return "" if value == b"true" else "expected true, found another value"


def _mock_entrypoints(case: _Case) -> list[str]:
    return [case.entrypoint(f"{_MOCK}{case.first_mock + n}") for n in range(len(case.mocks))]


def _place(world: dict[str, object], target: Sequence[str], value: object) -> None:
    """Put a value at a path of names, making objects on the way."""
    node = world
    for name in target[:-1]:
        below = node.get(name)
        if not isinstance(below, dict):
            below = node[name] = {}
        node = below
    node[target[-1]] = value

"""Tests with their `with` carried out: what each replaces, and its body without it.

Tests are written as for OPA: `test_x if { data.aegis.rules.deny with input as {…} }`. rego-cpp
1.5.2 dies on `with` as soon as a replaced rule refers to another, so the values of `with` become
rules of their own, which are asked first and become the input and the data of the test's body.
Every engine is given this one form. One test therefore replaces things once for its whole body; two
bodies are two tests. A data file is replaced as a whole.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from aegisd.core.errors import PolicyInvalid
from aegisd.rego.check import check_test
from aegisd.rego.module import Module
from aegisd.rego.tokens import Kind, Token

TEST = "test_"
WAITING = "todo_test_"

# Where data files stand, each under its name.
TABLES = ("data", "aegis", "rules", "tables")

_MOCK = "aegis_mock_"

# Characters of a source, the first and one past the last.
Span = tuple[int, int]

# The target of a `with` as names, and its value as it is written.
Written = tuple[tuple[str, ...], str]


class Mock(Struct, frozen=True):
    """One `with`: what it replaces, as names from `input` or `data` on, and its value's rule."""

    target: tuple[str, ...]
    rule: str


class Case(Struct, frozen=True):
    """One test: its file and line, its package as names, its name, and what it replaces."""

    file: str
    line: int
    package: tuple[str, ...]
    name: str
    mocks: tuple[Mock, ...]

    @property
    def rule(self) -> str:
        """Where an engine finds the test."""
        return self.beside(self.name)

    def beside(self, name: str) -> str:
        """Where an engine finds a rule of the test's file."""
        return ".".join(("data", *self.package, name))

    @property
    def waits(self) -> bool:
        """Whether the test is for rules that are not written yet."""
        return self.name.startswith(WAITING)


def lower(path: str, source: str, first: int = 0) -> tuple[list[Case], str]:
    """The tests of one file, and its source with each `with` cut out and kept as a rule.

    Those rules are numbered from `first` on, since files of one package share their names.
    Raises `PolicyInvalid` when a test cannot be carried out.
    """
    module = check_test(path, source)
    cases: list[Case] = []
    cuts: list[Span] = []
    rules: list[str] = []
    for start, end in module.spans():
        name = module.tokens[start].text
        withs = list(_withs(module, source, start, end))
        cuts += [span for span, _ in withs]
        if not name.startswith((TEST, WAITING)):
            _check_no_with(path, module.tokens[start], withs)
            continue
        written = list(dict.fromkeys(each for _, each in withs))
        _check_one_value_each(path, module.tokens[start], [target for target, _ in written])
        mocks: list[Mock] = []
        for target, value in written:
            mocks.append(Mock(target, f"{_MOCK}{first + len(rules)}"))
            rules.append(f"{mocks[-1].rule} := {value}")
        line = module.tokens[start].line
        cases.append(Case(path, line, module.package, name, tuple(mocks)))
    return cases, "\n".join([_blank(source, cuts), *rules, ""])


def _withs(module: Module, source: str, start: int, end: int) -> Iterator[tuple[Span, Written]]:
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
        yield (found[index].start, found[last].end), (target, value)


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


def _check_no_with(path: str, head: Token, withs: Sequence[tuple[Span, Written]]) -> None:
    if withs:
        raise PolicyInvalid(
            f"{path}:{head.line}: `with` belongs in the body of a rule called {TEST}…, found it in "
            f"{head.text}"
        )


def _check_one_value_each(path: str, head: Token, targets: Sequence[tuple[str, ...]]) -> None:
    if len(set(targets)) != len(targets):
        raise PolicyInvalid(
            f"{path}:{head.line}: {head.text} replaces one thing by two values; make it two tests"
        )
    for target in targets:
        is_table = target[:-1] == TABLES
        if target[:1] != ("input",) and target[:2] != ("data", "manifest") and not is_table:
            raise PolicyInvalid(
                f"{path}:{head.line}: expected `with input…`, `with data.manifest…` or `with "
                f"{'.'.join(TABLES)}.NAME`, found {'.'.join(target)}"
            )


def _blank(source: str, cuts: Sequence[Span]) -> str:
    """Replace ranges by white space, so that engine messages still name the right line."""
    for start, end in cuts:
        blank = "".join("\n" if character == "\n" else " " for character in source[start:end])
        source = source[:start] + blank + source[end:]
    return source

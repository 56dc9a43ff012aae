"""One Rego file as the load checks see it: its package, imports, references and calls.

Not a parser: a reader of token sequences that cannot be led astray by white space, comments or the
bracket spelling of a field. What it cannot place it reports, and the checks refuse.
"""

from collections.abc import Container, Iterator, Sequence
from functools import lru_cache

from msgspec import Struct

from aegisd.core.errors import PolicyInvalid
from aegisd.rego.tokens import Kind, Token, tokens

_KEYWORDS = frozenset(
    {"as", "contains", "default", "else", "every", "false", "if", "import", "in", "not", "null"}
    | {"package", "some", "true", "with"}
)

# Files that are read once: the base rules are a dozen, and they are in every bundle.
REMEMBERED_MAX = 64

# Characters of a file that is remembered, each some forty bytes of tokens. The longest of the base
# rules has 3,000.
REMEMBERED_CHARACTERS_MAX = 8_192

# What a statement cannot end with, so that a word on the next line still belongs to it.
_OPEN = _KEYWORDS - {"false", "null", "true"}

# What a statement cannot start with.
_CONTINUES = frozenset({"else", "if", "with"})


class Reference(Struct, frozen=True):
    """A chain such as `input.call.hosts[i].host`; `i`, computed by the policy, is the step None.

    `called` says that an opening parenthesis follows, wherever it stands. `token` is the index of
    the chain's first token, `end` one past its last.
    """

    root: str
    steps: tuple[str | None, ...]
    called: bool
    line: int
    token: int
    end: int

    @property
    def dotted(self) -> str:
        """The chain in its plain spelling."""
        return ".".join([self.root, *(step if step is not None else "[…]" for step in self.steps)])


class Import(Struct, frozen=True):
    """`import chain as alias`; the alias is the chain's last name unless another is given."""

    reference: Reference
    alias: str


class Module(Struct, frozen=True):
    """A file's package as names, and everything in it that can reach outside of the file.

    `statements` are the indexes of the tokens that start one; see `_statements`.
    """

    path: str
    tokens: tuple[Token, ...]
    package: tuple[str, ...]
    imports: tuple[Import, ...]
    references: tuple[Reference, ...]
    statements: tuple[int, ...]

    @property
    def rules(self) -> frozenset[str]:
        """Names defined here: the word that starts a statement, or the one after `default`."""
        heads = map(self.head, self.statements)
        return frozenset(self.tokens[index].text for index in heads if index < len(self.tokens))

    def head(self, start: int) -> int:
        """The index of the word that a statement defines, given that of its first word."""
        return start + 1 if self.tokens[start].text == "default" else start

    def spans(self) -> Iterator[tuple[int, int]]:
        """Ranges of the indexes of each statement's tokens."""
        ends = (*self.statements[1:], len(self.tokens))
        yield from zip(self.statements, ends, strict=True)

    @property
    def functions(self) -> frozenset[str]:
        """Those of `rules` that are functions: the word is called where it starts a statement."""
        heads = set(self.statements)
        return frozenset(
            reference.root
            for reference in self.references
            if reference.called and not reference.steps and reference.token in heads
        )


def read(path: str, source: str) -> Module:
    """Read one file. Raises `PolicyInvalid`, naming `path` and line."""
    return (_remembered if len(source) <= REMEMBERED_CHARACTERS_MAX else _read)(path, source)


def _read(path: str, source: str) -> Module:
    found = tokens(path, source)
    if len(found) < 2 or not _is(found[0], Kind.WORD, "package"):  # noqa: PLR2004 - a name follows
        raise PolicyInvalid(f"{path}:1: expected `package` and a name first")
    package = _chain(found, 1)
    if None in package.steps or package.called:
        raise PolicyInvalid(f"{path}:{package.line}: expected a package of plain names")
    imports: list[Import] = []
    references: list[Reference] = []
    called: set[int] = set()
    index = package.end
    while index < len(found):
        token = found[index]
        if _is(token, Kind.WORD, "import"):
            imports.append(_import(path, found, index))
            index = imports[-1].reference.end - 1
        elif _starts_chain(found, index):
            references.append(_chain(found, index))
            if references[-1].called:
                called.add(references[-1].end)
        elif _is(token, Kind.SIGN, "(") and _is(found[index - 1], Kind.SIGN, "]"):
            _check_orphan(path, found, index, called)
        index += 1
    names = (package.root, *(step for step in package.steps if step is not None))
    return Module(
        path, tuple(found), names, tuple(imports), tuple(references), tuple(_statements(found))
    )


_remembered = lru_cache(REMEMBERED_MAX)(_read)


def _statements(found: Sequence[Token]) -> Iterator[int]:
    """The indexes of the words that start a statement of a file, `else` branches not counted.

    A word that opens a line outside of brackets, unless what stands before it is not finished.
    """
    line = 0
    for index, token in enumerate(found):
        fresh = token.line != line
        line = token.line
        outside = token.depth == 0 and token.kind is Kind.WORD
        if fresh and outside and token.text not in _CONTINUES and not _is_open(found, index - 1):
            yield index


def _is_open(found: Sequence[Token], index: int) -> bool:
    """Whether a statement cannot end with the token at `index`, which may be before the first."""
    if index < 0:
        return False
    token = found[index]
    if token.kind is Kind.SIGN:
        return token.text not in ")]}"
    field = index > 0 and _is(found[index - 1], Kind.SIGN, ".")
    return token.kind is Kind.WORD and token.text in _OPEN and not field


def _import(path: str, found: Sequence[Token], index: int) -> Import:
    if not _starts_chain(found, index + 1):
        raise PolicyInvalid(f"{path}:{found[index].line}: expected a name after `import`")
    chain = _chain(found, index + 1)
    alias = chain.steps[-1] if chain.steps else chain.root
    after = found[chain.end : chain.end + 2]
    if len(after) == 2 and _is(after[0], Kind.WORD, "as"):  # noqa: PLR2004 - `as` and a name
        alias = after[1].text
    if alias is None or chain.called:
        raise PolicyInvalid(f"{path}:{chain.line}: expected an import of plain names")
    return Import(chain, alias)


def _starts_chain(found: Sequence[Token], index: int) -> bool:
    """Whether a word stands here that is neither a keyword nor a field of what is before it."""
    if index >= len(found) or found[index].kind is not Kind.WORD:
        return False
    if index > 0 and _is(found[index - 1], Kind.SIGN, "."):
        return False
    called = index + 1 < len(found) and _is(found[index + 1], Kind.SIGN, "(")
    return found[index].text not in _KEYWORDS or (called and found[index].text == "contains")


def _chain(found: Sequence[Token], index: int) -> Reference:
    """Follow fields and brackets from the word at `index`, over white space and comments.

    A bracket on a later line starts a statement of its own; a dot or parenthesis cannot.
    """
    first = found[index]
    steps: list[str | None] = []
    end = index + 1
    while end + 1 < len(found):
        sign, after = found[end], found[end + 1]
        if _is(sign, Kind.SIGN, ".") and after.kind is Kind.WORD:
            steps.append(after.text)
            end += 2
        elif _is(sign, Kind.SIGN, "[") and sign.line == found[end - 1].line:
            close = _closing(found, end)
            named = close == end + 2 and after.kind is Kind.STRING
            steps.append(after.text if named else None)
            end = close + 1
        else:
            break
    called = end < len(found) and _is(found[end], Kind.SIGN, "(")
    return Reference(first.text, tuple(steps), called, first.line, index, end)


def _closing(found: Sequence[Token], opening: int) -> int:
    depth = found[opening].depth
    return next(
        index
        for index in range(opening + 1, len(found))
        if found[index].kind is Kind.SIGN
        and found[index].depth == depth
        and found[index].text in ")]}"
    )


def _check_orphan(path: str, found: Sequence[Token], index: int, called: Container[int]) -> None:
    """A parenthesis right after a bracket calls a function; some chain must have seen it."""
    if index not in called:
        raise PolicyInvalid(
            f"{path}:{found[index].line}: expected a function's name before this parenthesis"
        )


def _is(token: Token, kind: Kind, text: str) -> bool:
    return token.kind is kind and token.text == text

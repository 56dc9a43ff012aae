"""Members of the sets that the gate reads, as far as they are written out.

A member with a misspelt key, such as `{"mesage": …}`, says something nobody can read, which denies
whatever it holds for; here its author is told before.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from aegisd.core.errors import PolicyInvalid
from aegisd.core.nearest import nearest
from aegisd.rego.module import Module
from aegisd.rego.tokens import Kind, Token


class Shape(Struct, frozen=True):
    """The keys that a member must have, and those it may; None for any."""

    must: frozenset[str]
    may: frozenset[str] | None


_CLAIM = Shape(frozenset({"message"}), frozenset({"message", "rule", "where"}))
_TYPED = Shape(frozenset({"type"}), None)

SHAPES = {
    "advise": _TYPED,
    "constrain": Shape(frozenset({"name", "value"}), frozenset({"name", "value"})),
    "deny": _CLAIM,
    "oblige": _TYPED,
    "require_approval": _CLAIM,
}


def check(module: Module) -> None:
    """Raise `PolicyInvalid`, naming file, line, rule and key, for a member nobody could read."""
    for start, end in module.spans():
        words = [token.text for token in module.tokens[start : start + 3]]
        if words[:1] and words[0] in SHAPES and words[1:] == ["contains", "{"]:
            _check(module.path, words[0], list(_keys(module.tokens[start + 2 : end])))


def _keys(tokens: Sequence[Token]) -> Iterator[Token | None]:
    """The keys of the object that begins here, None for one that is computed."""
    depth = tokens[0].depth + 1
    fresh = True
    for index, token in enumerate(tokens[1:-1], 1):
        if token.depth < depth:
            return
        if fresh and token.depth == depth:
            is_key = token.kind is Kind.STRING and tokens[index + 1].text == ":"
            yield token if is_key else None
        fresh = token.kind is Kind.SIGN and token.text == "," and token.depth == depth


def _check(path: str, rule: str, keys: Sequence[Token | None]) -> None:
    shape = SHAPES[rule]
    written = [key for key in keys if key is not None]
    for key in written:
        if shape.may is not None and key.text not in shape.may:
            raise PolicyInvalid(
                f"{path}:{key.line}: a member of {rule} has no {key.text}, so nobody could read "
                f"it: expected {', '.join(sorted(shape.may))}; the nearest is "
                f"{nearest(key.text, shape.may)}"
            )
    missing = shape.must - {key.text for key in written}
    if missing and written and len(written) == len(keys):
        raise PolicyInvalid(
            f"{path}:{written[0].line}: a member of {rule} needs {' and '.join(sorted(missing))}, "
            "or nobody could read it"
        )

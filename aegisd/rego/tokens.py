"""Rego source to tokens, as far as load checks need to see: words, strings, numbers, signs.

Stricter than any engine. What two engines read differently is refused here: a string or number
not spelled as RFC 8785 spells it, a character outside Rego's alphabet, brackets that do not match.
"""

import json
import re
from contextlib import suppress
from enum import Enum

import rfc8785
from msgspec import Struct

from aegisd.core.errors import PolicyInvalid
from aegisd.core.quoting import CHARACTERS_MAX

# Brackets inside brackets. People write three or four; engines parse by recursion, and a native
# stack that runs out takes the process with it.
NESTING_MAX = 64

_PATTERN = re.compile(
    r"""
    (?P<space>[ \t\r\n]+|\#[^\n]*)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>[0-9][0-9A-Za-z_.]*(?:(?<=[eE])[+-][0-9]+)?)
    |(?P<string>"(?:[^"\\\x00-\x1f]|\\.)*")
    |(?P<raw>`[^`]*`)
    |(?P<sign>:=|==|!=|<=|>=|[-+*/%&|<>=,;:.()\[\]{}])
    """,
    re.VERBOSE,
)
_PAIRS = {")": "(", "]": "[", "}": "{"}


class Kind(Enum):
    """What a token is. Both quotings are strings."""

    WORD = "word"
    NUMBER = "number"
    STRING = "string"
    SIGN = "sign"


class Token(Struct, frozen=True):
    """One token. `text` is as written, or a string's value; `depth` counts the brackets around it.

    `line` counts from 1; `start` and `end` are character offsets into the source.
    """

    kind: Kind
    text: str
    line: int
    start: int
    end: int
    depth: int


def tokens(path: str, source: str) -> list[Token]:
    """Every token of one file, comments left out. Raises `PolicyInvalid` with `path` and line."""
    found: list[Token] = []
    brackets: list[str] = []
    position, line = 0, 1
    while position < len(source):
        match = _PATTERN.match(source, position)
        if match is None:
            raise PolicyInvalid(f"{path}:{line}: expected Rego, found {_shown(source[position])}")
        kind, text = str(match.lastgroup), match.group()
        if kind != "space":
            depth = _enter(brackets, text, f"{path}:{line}") if kind == "sign" else len(brackets)
            found.append(_token(f"{path}:{line}", match, line, depth))
        line += text.count("\n")
        position = match.end()
    if brackets:
        raise PolicyInvalid(f"{path}:{line}: expected {brackets[-1]!r} to be closed, found the end")
    return found


def _token(place: str, match: re.Match[str], line: int, depth: int) -> Token:
    kind, text = str(match.lastgroup), match.group()
    if kind == "raw":
        kind, text = "string", text[1:-1]
        if "\r" in text or "\0" in text:
            raise PolicyInvalid(f"{place}: expected no CR or NUL inside a raw string")
    elif kind == "string":
        text = _value(place, text)
    elif kind == "number":
        _check_number(place, text)
    return Token(Kind(kind), text, line, match.start(), match.end(), depth)


def _enter(brackets: list[str], sign: str, place: str) -> int:
    """Follow one sign into or out of brackets; the depth outside of the bracket itself."""
    if sign in _PAIRS.values():
        if len(brackets) == NESTING_MAX:
            raise PolicyInvalid(f"{place}: nested deeper than NESTING_MAX = {NESTING_MAX}")
        brackets.append(sign)
        return len(brackets) - 1
    if sign in _PAIRS and (not brackets or brackets.pop() != _PAIRS[sign]):
        raise PolicyInvalid(f"{place}: found {sign!r} that closes nothing")
    return len(brackets)


def _value(place: str, literal: str) -> str:
    """The value of a double-quoted string.

    Engines compare a literal with data as it is spelled, so there is one spelling: RFC 8785's.
    """
    value = canonical = ""
    # Not JSON, or half of a surrogate pair: there is no right spelling to offer.
    with suppress(ValueError, rfc8785.CanonicalizationError):
        value = json.loads(literal)
        canonical = rfc8785.dumps(value).decode()
    if canonical != literal:
        raise _other_spelling(place, "string", "another escape", canonical)
    return value


def _check_number(place: str, text: str) -> None:
    canonical = ""
    with suppress(ValueError, rfc8785.CanonicalizationError):
        canonical = rfc8785.dumps(int(text) if text.isdigit() else float(text)).decode()
    if canonical != text:
        raise _other_spelling(place, "number", "another form", canonical)


def _other_spelling(place: str, what: str, found: str, canonical: str) -> PolicyInvalid:
    short = 0 < len(canonical) <= CHARACTERS_MAX
    wanted = f"; write {canonical}" if short else ""
    return PolicyInvalid(f"{place}: expected a {what} as RFC 8785 spells it, found {found}{wanted}")


def _shown(character: str) -> str:
    return repr(character) if character.isprintable() else f"U+{ord(character):04X}"

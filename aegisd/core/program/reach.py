"""What a command reaches for, before any target is read from it."""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from aegisd.core.program.word import UNKNOWN, Word

# `far` is a command, and `far_line` a line, that another machine or a container runs: its programs
# and hosts count here, and its files do not. `typed`: the program acts on what its standard input
# holds, as a person would have typed it. `usual` is a registry that it asks without being told.
Access = Literal["read", "load", "write", "delete"]

Kind = Literal[
    "read",
    "load",
    "write",
    "delete",
    "host",
    "url",
    "usual",
    "argv",
    "far",
    "line",
    "far_line",
    "typed",
    "problem",
]

# Streams that every process has, which are no places.
_STREAMS = frozenset({"-", "/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr"})


class Reach(Struct, frozen=True):
    """One thing a command reaches for: a file, a host, a URL, or a command inside it.

    `text` is a file, an authority (`user@host:port`), a URL, a line or the code of a problem;
    `words` are a command's.
    """

    kind: Kind
    text: str = ""
    words: tuple[Word, ...] = ()


def file(access: Access, text: str) -> Iterator[Reach]:
    """A file, unless it is one of the streams that every process has."""
    if access == "write" and text.startswith("|"):
        yield problem("code")  # some programs start what stands behind the sign
    elif access == "load" and text in _STREAMS:
        yield problem("input")
    elif text not in _STREAMS:
        yield from known(access, text)


def known(kind: Kind, text: str) -> Iterator[Reach]:
    """A text that names something; a problem where a part of it is not known."""
    yield problem("unknown") if UNKNOWN in text else Reach(kind, text)


def problem(code: str, option: str = "") -> Reach:
    """A word that is refused. `code` is a key of `target.model.PROBLEMS`; `option` names one."""
    return Reach("problem", code, (Word(option),) if option else ())

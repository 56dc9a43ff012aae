"""POSIX shell words (IEEE 1003.1 Shell Command Language, 2.2 and 2.3): quotes, and no more.

Everything else a shell would act on makes the line not plain. The words are still told apart as
well as they can be, so that a refusal can name the programs in it.
"""

import re
from functools import lru_cache

from msgspec import Struct

_TOKEN = re.compile(
    r"""
      (?P<blank>[ \t]+)
    | (?P<plain>[^\x00-\x20\x7f'"\\|&;<>()$`*?\[\]{}!\#~=]+)
    | '(?P<single>[^']*)'
    | "(?P<double>(?:[^"\\]|\\.)*+)"
    | (?P<continued>\\\n)
    | \\(?P<escaped>.)
    | (?P<redirect>[<>]+&?)
    | (?P<operator>[|&;()\n]+)
    | (?P<soft>[=~\#])
    | (?P<active>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED_IN_DOUBLE = re.compile(r"\\([$`\"\\\n])")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?")


class Line(Struct, frozen=True, kw_only=True):
    """A command line taken apart: each simple command's words, quotes removed.

    `plain` is False when a shell would do more than split it: then it must be refused, and words
    whose text is not certain as a program name start no command.
    """

    commands: tuple[tuple[str, ...], ...]
    plain: bool


# Kept, because one text may be the arguments of every program named beside it.
@lru_cache(maxsize=8)
def split(line: str) -> Line:
    """Split a command line. Never raises; linear in its length."""
    splitter = _Splitter()
    for token in _TOKEN.finditer(line.strip("\n")):
        kind = token.lastgroup or "active"
        splitter.take(kind, token[kind])
    splitter.end_command()
    return Line(commands=tuple(splitter.commands), plain=splitter.plain)


class _Splitter:
    """The words so far. One line only, then thrown away."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, ...]] = []
        self.plain = True
        self._words: list[str] = []
        self._parts: list[str] | None = None  # None between words; [] inside an empty quoted word
        self._is_certain = True
        self._is_assignment = False
        self._is_redirected = False
        self._is_lost = False

    def take(self, kind: str, text: str) -> None:
        """Take one token."""
        if kind == "blank":
            self._end_word()
        elif kind == "operator":
            self.plain = False
            self.end_command()
        elif kind == "redirect":
            self.plain = False
            self._end_word()
            self._is_redirected = True
        elif kind == "continued":
            return
        elif kind == "double":
            self._double(text)
        elif kind == "soft":
            self._soft(text)
        else:
            self._is_certain = self._is_certain and kind != "active"
            self.plain = self.plain and kind != "active"
            self._add(text)

    def _add(self, text: str) -> None:
        self._parts = self._parts if self._parts is not None else []
        self._parts.append(text)

    def _double(self, text: str) -> None:
        """Inside double quotes only $ and ` stay active; a backslash escapes five characters."""
        unescaped = _ESCAPED_IN_DOUBLE.sub("", text)
        if "$" in unescaped or "`" in unescaped:
            self.plain = self._is_certain = False
        self._add(_ESCAPED_IN_DOUBLE.sub(lambda match: match[1].strip("\n"), text))

    def _soft(self, text: str) -> None:
        """`~`, `#` and `=` act at the start of a word, `~` behind = and : too; `NAME=` assigns."""
        parts = self._parts or []
        is_named = len(parts) == 1 and _NAME.fullmatch(parts[0]) is not None
        is_assigned = text == "=" and not self._words and is_named
        is_home = text == "~" and parts and parts[-1].endswith(("=", ":"))
        if not parts or is_assigned or is_home:
            self.plain = self._is_certain = False
        self._is_assignment = self._is_assignment or is_assigned
        self._add(text)

    def _end_word(self) -> None:
        """Keep the word, unless it is an assignment or a redirection's file."""
        if self._parts is None:
            return
        word = "".join(self._parts)
        if not self._is_redirected and not self._is_assignment:
            self._is_lost = self._is_lost or (not self._words and not self._is_certain)
            self._words.append(word)
        self._parts, self._is_certain = None, True
        self._is_redirected = self._is_assignment = False

    def end_command(self) -> None:
        """Keep the command, unless its program's name is not certain."""
        self._end_word()
        if self._words and not self._is_lost:
            self.commands.append(tuple(self._words))
        self._words, self._is_lost, self._is_redirected = [], False, False

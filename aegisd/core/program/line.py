"""A shell line -> its simple commands: the part of POSIX that people live by, and no more.

Read are quotes, comments, `a && b`, `a || b`, `a; b`, `a | b`, `a &`, redirections to files and
between streams, `NAME=value` before a program, variables inside double quotes, names with `*`, and
here-documents whose mark is quoted (IEEE 1003.1, Shell Command Language, 2.2 to 2.7, 2.9, 2.10).
Everything else a shell would act on makes the line not plain, and that denies. The commands are
still told apart as well as they can be, so that a refusal can name the programs in it.
"""

import re
from functools import lru_cache

from msgspec import Struct

from aegisd.core.program.reach import Access
from aegisd.core.program.word import UNKNOWN, Word

# Variables whose value is known: every line starts where its relative paths do.
_KNOWN = {"PWD": "."}

_TOKEN = re.compile(
    r"""
      (?P<blank>[ \t]+)
    | (?P<stream>[0-9]*(?:>&[0-9]+|>&-|<&-)(?![^ \t\n;|&<>]))
    | (?P<redirect>[0-9]*(?:>>|>\||>(?![&(])|<(?![<>&(]))|&>>?)
    | (?P<here><<-?[ \t]*(?:'\w+'|"\w+")(?![^ \t\n;|&<>]))
    | (?P<operator>&&|\|\||[|&;\n])
    | (?P<plain>[^\x00-\x20\x7f'"\\|&;<>()$`*?\[\]{}\#=0-9]+|[0-9]+)
    | '(?P<single>[^']*)'
    | "(?P<double>(?:[^"\\]|\\.)*+)"
    | (?P<continued>\\\n)
    | \\(?P<escaped>.)
    | (?P<hash>\#)
    | (?P<equals>=)
    | (?P<glob>[*?\[\]])
    | (?P<brace>[{}])
    | (?P<dollar>\$(?=[ \t\n/:.,+%=^\]}\\]|\Z))
    | (?P<active>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_IN_DOUBLE = re.compile(
    r"""
      \\(?P<escaped>[$`"\\\n])
    | \$(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*)\})
    | (?P<active>`|\$(?=[^\x00-\x20\x22%-&+,./:;<=>\\\]^|}~)']))
    """,
    re.VERBOSE,
)
# Words that begin or end more than one command, where a command's program would stand.
_RESERVED = frozenset(
    [
        "!",
        "{",
        "}",
        "[[",
        "]]",
        "case",
        "coproc",
        "do",
        "done",
        "elif",
        "else",
        "esac",
        "fi",
        "for",
        "function",
        "if",
        "in",
        "select",
        "then",
        "until",
        "while",
    ]
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?")
_HERE = re.compile(r"<<(-?)[ \t]*['\"](\w+)")


class Simple(Struct, frozen=True, kw_only=True):
    """One simple command: what it sets, its words, and the files its streams come from or go to.

    `assignments` are (name, value), `files` (access, name), access being read or write. `behind`
    and `ahead` are the operators around it, `is_fed` tells of a standard input that the line gives.
    """

    assignments: tuple[tuple[str, Word], ...] = ()
    words: tuple[Word, ...] = ()
    files: tuple[tuple[Access, Word], ...] = ()
    behind: str = ""
    ahead: str = ""
    is_fed: bool = False


class Line(Struct, frozen=True, kw_only=True):
    """A line taken apart. `plain` is False when a shell would do more than is read here."""

    commands: tuple[Simple, ...]
    plain: bool


# Kept, because one text may be the arguments of every program named beside it.
@lru_cache(maxsize=8)
def split(line: str) -> Line:
    """Split a command line. Never raises; linear in its length."""
    splitter = _Splitter(line)
    at = 0
    while token := _TOKEN.match(line, at):
        at = splitter.take(token.lastgroup or "active", token)
    splitter.end_command()
    return Line(commands=tuple(splitter.commands), plain=splitter.plain and not splitter.marks)


class _Splitter:
    """The words so far. One line only, then thrown away."""

    def __init__(self, line: str) -> None:
        self.commands: list[Simple] = []
        self.plain = True
        self.marks: list[tuple[str, str]] = []  # of here-documents that begin behind this line
        self._line = line
        self._assignments: list[tuple[str, Word]] = []
        self._words: list[Word] = []
        self._files: list[tuple[Access, Word]] = []
        self._access: Access | None = None  # of the file that the next word names
        self._behind = ""  # the operator before this command
        self._is_fed = False
        self._begin()

    def _begin(self) -> None:
        self._parts: list[str] | None = None  # None between words; [] inside an empty quoted word
        self._name = ""  # of the variable that this word sets
        self._is_bare = True  # nothing quoted in it so far
        self._is_named = False  # what stands before its first `=` was looked at
        self._is_glob = self._is_braced = False

    def take(self, kind: str, token: re.Match[str]) -> int:
        """Take one token; give where the next one starts."""
        text = token[kind]
        if kind == "blank":
            self._end_word()
        elif kind == "operator":
            self.end_command(text)
            return self._behind_documents(token.end()) if text == "\n" else token.end()
        elif kind in {"stream", "redirect"}:
            return self._redirect(kind, token)
        elif kind == "here":
            self._end_word()
            self._is_fed = True
            dash, mark = _HERE.match(text).groups()  # type: ignore[union-attr]
            self.marks.append((dash, mark))
        elif kind == "hash" and self._parts is None:
            end = self._line.find("\n", token.end())
            return len(self._line) if end < 0 else end
        elif kind == "double":
            self._double(text)
        elif kind != "continued":
            self._take_text(kind, text)
        return token.end()

    def _take_text(self, kind: str, text: str) -> None:
        if kind in {"single", "escaped"}:
            self._is_bare = False
        elif kind == "active":
            self.plain = False
            text = UNKNOWN
        elif kind == "glob":
            self._is_glob = True
        elif kind == "brace":
            self._is_braced = self._is_braced or text == "{"
        elif kind == "equals":
            self._equals()
        elif self._is_braced and ("," in text or ".." in text):
            self.plain = False  # `{a,b}` is two words; `{}` and `@{0}` are letters
        self._add(text)

    def _add(self, text: str) -> None:
        self._parts = self._parts if self._parts is not None else []
        self._parts.append(text)

    def _double(self, text: str) -> None:
        """Inside double quotes only $ and ` stay active; a backslash escapes five characters."""
        self._is_bare = False
        found = [match.lastgroup for match in _IN_DOUBLE.finditer(text)]
        if "active" in found:
            self.plain = False
        self._add(_IN_DOUBLE.sub(_value, text))

    def _equals(self) -> None:
        """`NAME=` before the program sets a variable; `=name` is a program's place in some."""
        if self._parts is None:
            self.plain = False
        elif self._is_bare and not (self._words or self._access or self._name or self._is_named):
            text = "".join(self._parts)
            self._name = text if _NAME.fullmatch(text) else ""
            self._is_named = True

    def _redirect(self, kind: str, token: re.Match[str]) -> int:
        """Digits right before the sign are a stream's number, unless they end a word."""
        text = token[kind]
        digits = len(text) - len(text.lstrip("0123456789"))
        if digits and self._parts is not None:
            self._add(text[:digits])
            return token.start() + digits
        self._end_word()
        if kind == "redirect":
            self.plain = self.plain and not self._access
            self._access = "read" if text.endswith("<") else "write"
        return token.end()

    def _behind_documents(self, at: int) -> int:
        """Give where the line goes on behind the here-documents that begin at `at`."""
        while self.marks:
            dash, mark = self.marks[0]
            tabs = "\t*" if dash else ""
            end = re.compile(rf"^{tabs}{mark}$", re.MULTILINE).search(self._line, at)
            if end is None:
                return len(self._line)
            at = min(end.end() + 1, len(self._line))
            del self.marks[0]
        return at

    def _end_word(self) -> None:
        """Keep the word: as a variable's value, a stream's file or a word of the command."""
        if self._parts is None:
            return
        text = "".join(self._parts)
        bracket = self._is_bare and text in {"[", "]"}
        word = Word(text, self._is_glob and not bracket)
        # A name made of a pattern may begin with a dash, and then it is an option.
        self.plain = self.plain and not (word.glob and text[:1] in "-*?[")
        if self._access:
            self.plain = self.plain and not word.glob
            self._files.append((self._access, word))
            self._access = None
        elif self._name:
            value = text[len(self._name) + 1 :]
            self._assignments.append((self._name.removesuffix("+"), Word(value)))
        else:
            self._words.append(word)
        self._begin()

    def end_command(self, operator: str = "") -> None:
        """Keep the command; the operator stands behind it."""
        self._end_word()
        self.plain = self.plain and not self._access
        while self._words and self._words[0].text in _RESERVED:
            self.plain = False
            del self._words[0]
        if self._words or self._assignments or self._files:
            self.commands.append(
                Simple(
                    assignments=tuple(self._assignments),
                    words=tuple(self._words),
                    files=tuple(self._files),
                    behind=self._behind,
                    ahead=operator,
                    is_fed=self._is_fed or "read" in dict(self._files),
                )
            )
        elif operator == "\n":
            return  # a line may end behind an operator
        self._assignments, self._words, self._files, self._access = [], [], [], None
        self._behind, self._is_fed = operator, operator == "|"


def _value(match: re.Match[str]) -> str:
    """What stands for an escape or a variable inside double quotes."""
    if match["escaped"] is not None:
        return match["escaped"].strip("\n")
    if match["active"] is not None:
        return UNKNOWN
    return _KNOWN.get(match["name"] or match["braced"], UNKNOWN)

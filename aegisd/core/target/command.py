"""Command lines and argument vectors -> every program they run, and what its words reach for."""

import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from aegisd.core.manifest.model import Binary
from aegisd.core.program.line import Simple, split
from aegisd.core.program.reach import Reach, file
from aegisd.core.program.reading import assigned, grammar_of, reaches
from aegisd.core.program.word import Word
from aegisd.core.target import stranger
from aegisd.core.target.host import Names, reached, text
from aegisd.core.target.model import PROGRAM_CHARS_MAX, Command, Host, PathTarget, Problem
from aegisd.core.target.node import Node, children
from aegisd.core.target.path import path

# Commands inside commands. `sudo env timeout 5 bash -c "nice git log"` has five; more hides.
COMMAND_NESTING_MAX = 8

# Places where a line's relative names may start. Every name is judged from each of them.
PLACES_MAX = 8

# Characters of one shell line: MAX_ARG_STRLEN of Linux, past which `sh -c` cannot be started.
LINE_CHARS_MAX = 131_072

# Words of one command. Nobody reviews more, and every one is compared with every pattern.
WORDS_MAX = 4_096

# Words of all commands of a call. One text may be the arguments of every program beside it, and a
# wrapped command is read again at each wrapper, so there may be more words than the call has.
CALL_WORDS_MAX = 16_384

# An option's name, without the value that may be joined to it.
_OPTION = re.compile(r"[-+]{1,2}[A-Za-z0-9][A-Za-z0-9-]{0,39}")

# Parameters whose text is one program, not a line.
_PROGRAMS = frozenset({"bin", "binary", "executable", "program"})
# Parameters that hold the arguments of a program named beside them.
_ARGUMENTS = (
    *("args", "arguments", "argv", "cmd_args", "command_args", "extra_args"),
    *("params", "parameters", "flags", "options", "opts"),
)

Found = Command | Host | PathTarget | Problem


class Programs(Struct, frozen=True, kw_only=True):
    """What the manifest says of programs.

    `binaries` are those that may be run, by name. `files` says that files are limited to roots, and
    `hosts` that hosts are to domains: where they are not, words are not read for them.
    """

    binaries: Mapping[str, Binary]
    files: bool = False
    hosts: bool = False


def commands(
    nodes: Iterable[Node], roles: Mapping[str, str], programs: Programs, names: Names
) -> Iterator[Found]:
    """Yield every command that non-content nodes name with all it reaches for, and problems."""
    reader = _Reader(programs, names)
    for node in nodes:
        if not node.is_key and node.means("command"):
            reader.where = node.where
            yield from reader.node(node, roles)
        if reader.is_full:
            return


class _Reader:
    """What was read of one call. Its words are counted over all nodes."""

    def __init__(self, programs: Programs, names: Names) -> None:
        self._programs, self._names = programs, names
        self._words = 0
        self._places: tuple[str, ...] = (".",)  # where relative names may start, behind a `cd`
        self._moved: tuple[str, ...] = ()  # where the last command would take them
        self._is_fed = False  # whether the line gives a standard input
        self._program = ""  # whose words are read
        self.where = ""

    @property
    def is_full(self) -> bool:
        return self._words > CALL_WORDS_MAX

    def node(self, node: Node, roles: Mapping[str, str]) -> Iterator[Found]:
        """Read one node: a line, a program or an argument vector, with the arguments beside it."""
        value, self._program = node.value, ""
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield self._problem("not_text")
        elif isinstance(value, str | list | tuple) and not _is_part(node, roles):
            simples, codes = _lines(node)
            arguments, more_codes = _arguments(node, roles)
            for code in (*codes, *more_codes):
                yield self._problem(code)
            last = simples[-1] if simples else Simple()
            whole = Simple(
                assignments=last.assignments,
                words=(*last.words, *arguments),
                files=last.files,
                behind=last.behind,
                is_fed=last.is_fed,
            )
            self._places = (".",)
            yield from self._line((*simples[:-1], whole), 0, near=True)

    def _line(self, simples: Iterable[Simple], depth: int, *, near: bool) -> Iterator[Found]:
        """Yield what the commands of a line reach for, wherever a `cd` among them may have led.

        Only `cd x && ...` surely leads there: others may fail, be skipped or run in a subshell.
        """
        is_fed, is_sure, seen = self._is_fed, True, self._places
        for simple in simples:
            is_sure = simple.behind not in {"||", "|"} and (is_sure or simple.behind != "&&")
            self._is_fed = is_fed or simple.is_fed
            yield from self._simple(simple, depth, near=near)
            seen = tuple(dict.fromkeys((*seen, *self._moved)))
            if self._moved and is_sure and simple.words[0].text == "cd":
                self._places = self._moved
            elif self._moved:
                self._places = seen
            if simple.ahead != "&&" or not is_sure:
                self._places = seen
            if len(seen) > PLACES_MAX:
                yield self._problem("nesting")
                break
        self._is_fed, self._places, self._moved = is_fed, seen, seen

    def _simple(self, simple: Simple, depth: int, *, near: bool) -> Iterator[Found]:
        self._moved, self._program = (), ""
        for name, value in simple.assignments:
            for reach in assigned(name, value):
                yield from self._found(reach, depth, near=near)
        for access, word in simple.files:
            # A shell opens these itself, whether or not files are limited.
            for reach in file(access, word.text):
                yield from self._file(reach, near=near)
        yield from self._command(simple.words, depth, near=near)

    def _command(self, words: tuple[Word, ...], depth: int, *, near: bool) -> Iterator[Found]:
        """Yield a command and, one level deeper each, what it runs; and all it reaches for."""
        if not words:
            return
        self._words += len(words)
        if len(words) > WORDS_MAX or self.is_full:
            self._words = CALL_WORDS_MAX + 1
            yield self._problem("too_long")
            return
        binary, *arguments = (word.text for word in words)
        self._program = binary
        yield Command(binary=binary, args=tuple(arguments), where=self.where)
        if any("\0" in word.text for word in words):
            yield self._problem("control")
        grammar = grammar_of(binary)
        if grammar is None:
            yield from self._unread(binary, arguments, near=near)
            return
        for reach in reaches(words[1:], grammar):
            self._program = binary
            yield from self._found(reach, depth, near=near)
        if binary == "cd":
            name = arguments[-1] if arguments else "~"
            self._moved = tuple(_joined(place, name) for place in self._places)

    def _found(self, reach: Reach, depth: int, *, near: bool) -> Iterator[Found]:
        """What one thing that a command reaches for is as a target."""
        kind = reach.kind
        if kind == "problem":
            yield self._problem(reach.text, reach.words)
        elif kind == "typed":
            if self._is_fed:
                yield self._problem("input")
        elif kind in {"read", "load", "write", "delete"}:
            if self._programs.files:
                yield from self._file(reach, near=near)
        elif kind in {"host", "url"} or (kind == "usual" and self._programs.hosts):
            yield from reached(reach.text, self.where, self._names, is_url=kind == "url")
        elif kind != "usual":
            yield from self._inside(reach, depth, near=near)

    def _inside(self, reach: Reach, depth: int, *, near: bool) -> Iterator[Found]:
        """A command or a line that a command runs."""
        kind = reach.kind
        if depth == COMMAND_NESTING_MAX:
            yield self._problem("nesting")
        elif kind in {"argv", "far"}:
            yield from self._command(reach.words, depth + 1, near=near and kind == "argv")
        else:
            simples, codes = _split(reach.text)
            for code in codes:
                yield self._problem(code)
            yield from self._line(simples, depth + 1, near=near and kind == "line")

    def _file(self, reach: Reach, *, near: bool) -> Iterator[Found]:
        """A file; what another machine or a container opens is none of ours."""
        if reach.kind == "problem":
            yield self._problem(reach.text)
        elif near:
            for place in self._places:
                yield from path(_joined(place, reach.text), reach.kind, self.where)

    def _unread(self, binary: str, arguments: list[str], *, near: bool) -> Iterator[Found]:
        """A program that no table describes: the manifest says how it reaches the net."""
        declared = self._programs.binaries.get(binary)
        if declared is None:
            return  # and so it does not run
        net = declared.net
        if net is None and self._programs.hosts:
            yield self._problem("undeclared")
        elif net is None:
            for word in (binary, *arguments):
                yield from text(word, self.where, self._names)
        elif not isinstance(net, str):
            for value in stranger.hosts(arguments, net):
                yield from reached(value, self.where, self._names, is_url=False)
        if near and self._programs.files:
            for word in arguments:
                for part in stranger.files(word):
                    yield from path(part, "write", self.where)

    def _problem(self, code: str, named: tuple[Word, ...] = ()) -> Problem:
        option = _OPTION.match(named[0].text) if named else None
        return Problem(
            target="command",
            code=code,
            where=self.where,
            program=self._program[:PROGRAM_CHARS_MAX],
            option=option[0] if option else "",
        )


def _joined(place: str, name: str) -> str:
    return name if place == "." or name.startswith(("/", "~")) else f"{place}/{name}"


def _is_part(node: Node, roles: Mapping[str, str]) -> bool:
    """Tell whether another node is read together with this one: its list, or its program."""
    if node.parent is None or not isinstance(node.parent.value, dict):
        return isinstance(node.value, str)
    return node.key in _ARGUMENTS and any(
        isinstance(beside.value, str | list | tuple)
        and not beside.is_key
        and beside.key not in _ARGUMENTS
        and beside.means("command")
        for beside in children(node.parent, roles)
    )


def _lines(node: Node) -> tuple[tuple[Simple, ...], list[str]]:
    """Give the commands in one value, and problem codes."""
    if isinstance(node.value, str) and node.key.lower() in _PROGRAMS:
        return (Simple(words=(Word(node.value),)),), []
    return _split(node.value)


def _arguments(node: Node, roles: Mapping[str, str]) -> tuple[list[Word], list[str]]:
    """Give the arguments that stand beside a program, unless they are declared content."""
    words: list[Word] = []
    codes: list[str] = []
    if node.parent is None or not isinstance(node.parent.value, dict):
        return words, codes
    for name in _ARGUMENTS:
        is_content = node.parent.parent is None and roles.get(name) == "content"
        if name in node.parent.value and name != node.key and not is_content:
            value = node.parent.value[name]
            # Behind a program, so that a sign or an assignment is read as it would be there.
            simples, more_codes = _split(f". {value}" if isinstance(value, str) else value)
            words += simples[0].words[isinstance(value, str) :] if simples else ()
            codes += more_codes
            if len(simples) > 1 or any(each.files for each in simples):
                codes.append("shell_syntax")
    return words, codes


def _split(value: object) -> tuple[tuple[Simple, ...], list[str]]:
    """Give the commands of a line or a vector, and problem codes; other values have none."""
    if isinstance(value, list | tuple):
        if len(value) > WORDS_MAX:
            return (), ["too_long"]
        words = tuple(Word(item) for item in value if isinstance(item, str))
        is_nested = not words and all(isinstance(item, list | tuple | dict) for item in value)
        is_text = len(words) == len(value) or is_nested
        return (Simple(words=words),), [] if is_text else ["not_text"]
    if not isinstance(value, str):
        return (), []
    if len(value) > LINE_CHARS_MAX:
        return (), ["too_long"]
    line = split(value)
    return line.commands, [] if line.plain else ["shell_syntax"]

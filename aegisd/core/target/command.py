"""Command lines and argument vectors -> every program they run, wrappers and wrapped alike."""

from collections.abc import Iterable, Iterator, Mapping

from aegisd.core.target.model import Command, Problem
from aegisd.core.target.node import Node, children
from aegisd.core.target.shell import split
from aegisd.core.target.wrapper import unwrap

# Commands inside commands. `sudo env timeout 5 bash -c "nice git log"` has five; more hides.
COMMAND_NESTING_MAX = 8

# Characters of one shell line: MAX_ARG_STRLEN of Linux, past which `sh -c` cannot be started.
LINE_CHARS_MAX = 131_072

# Words of one command. Nobody reviews more, and every one is compared with every pattern.
WORDS_MAX = 4_096

# Words of all commands of a call. One text may be the arguments of every program beside it, and a
# wrapped command is read again at each wrapper, so there may be more words than the call has.
CALL_WORDS_MAX = 16_384

# Parameters whose text is one program, not a line.
_PROGRAMS = frozenset({"bin", "binary", "executable", "program"})
# Parameters that hold the arguments of a program named beside them.
_ARGUMENTS = (
    *("args", "arguments", "argv", "cmd_args", "command_args", "extra_args"),
    *("params", "parameters", "flags", "options", "opts"),
)

# A command found, of one word or more, or the code of a problem.
Found = tuple[str, ...] | str


def commands(nodes: Iterable[Node], roles: Mapping[str, str]) -> Iterator[Command | Problem]:
    """Yield every command that non-content nodes name, and a problem for each text refused."""
    words = 0
    for node in nodes:
        if node.is_key or not node.means("command"):
            continue
        for found in _read(node, roles):
            # What was too long was read as far as that.
            words += WORDS_MAX if found == "too_long" else len(found)
            if words > CALL_WORDS_MAX:
                yield Problem(target="command", code="too_long", where=node.where)
                return
            if isinstance(found, str):
                yield Problem(target="command", code=found, where=node.where)
            else:
                yield Command(binary=found[0], args=found[1:], where=node.where)


def _read(node: Node, roles: Mapping[str, str]) -> Iterator[Found]:
    """Read one node: a line, a program or an argument vector, with the arguments beside it."""
    value = node.value
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield "not_text"
    elif isinstance(value, str | list | tuple) and not _is_part(node, roles):
        lines, codes = _lines(node)
        arguments, more_codes = _arguments(node, roles)
        yield from (*codes, *more_codes)
        for words in lines[:-1]:
            yield from _argv(words, 0)
        yield from _argv((*(lines[-1] if lines else ()), *arguments), 0)


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


def _lines(node: Node) -> tuple[list[tuple[str, ...]], list[str]]:
    """Give the words of each command in one value, and problem codes."""
    if isinstance(node.value, str) and node.key.lower() in _PROGRAMS:
        return [(node.value,)], []
    return _split(node.value)


def _arguments(node: Node, roles: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Give the arguments that stand beside a program, unless they are declared content."""
    words: list[str] = []
    codes: list[str] = []
    if node.parent is None or not isinstance(node.parent.value, dict):
        return words, codes
    for name in _ARGUMENTS:
        is_content = node.parent.parent is None and roles.get(name) == "content"
        if name in node.parent.value and name != node.key and not is_content:
            lines, more_codes = _split(node.parent.value[name])
            words += [word for line in lines for word in line]
            codes += more_codes
    return words, codes


def _split(value: object) -> tuple[list[tuple[str, ...]], list[str]]:
    """Give the words of a line or a vector, and problem codes; other values have none."""
    if isinstance(value, list | tuple):
        if len(value) > WORDS_MAX:
            return [], ["too_long"]
        words = tuple(item for item in value if isinstance(item, str))
        is_nested = not words and all(isinstance(item, list | tuple | dict) for item in value)
        is_text = len(words) == len(value) or is_nested
        return [words], [] if is_text else ["not_text"]
    if not isinstance(value, str):
        return [], []
    if len(value) > LINE_CHARS_MAX:
        return [], ["too_long"]
    line = split(value)
    return list(line.commands), [] if line.plain else ["shell_syntax"]


def _argv(argv: tuple[str, ...], depth: int) -> Iterator[Found]:
    """Yield a command and, one level deeper each, what it wraps."""
    if not argv:
        return
    if len(argv) > WORDS_MAX:
        yield "too_long"
        return
    yield argv
    if any("\0" in word for word in argv):
        yield "control"
    for inner in unwrap(argv):
        if depth == COMMAND_NESTING_MAX:
            yield "nesting"
        elif inner is None:
            yield "wrapper"
        elif isinstance(inner, tuple):
            yield from _argv(inner, depth + 1)
        else:
            lines, codes = _split(inner)
            yield from codes
            for words in lines:
                yield from _argv(words, depth + 1)

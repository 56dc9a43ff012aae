"""Programs that run another program: what is inside them, where their grammar is plain.

A wrapper is always listed itself; this module only adds what it wraps. Programs whose own work is
something else (git, tar, awk, editors) can start others too: their argument patterns must judge it.
"""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

# What a wrapper runs: the words of a command, a shell line, or None for what cannot be told.
Inner = tuple[str, ...] | str | None


class Grammar(Struct, frozen=True, kw_only=True):
    """The plain part of a wrapper's options; any other option makes the inside untellable.

    `flags` are one-letter options alone, `valued` those with a value, `ends` those after which
    nothing is a command. `line` is the flag that makes the first word a shell line. `operands`
    words stand before the inner command. `rest` says what follows: argv, line, or script (a
    program in another language, named by file and judged by the wrapper's own arguments).
    `needs_rest` wrappers read commands from elsewhere when nothing follows.
    """

    flags: str = ""
    valued: str = ""
    ends: str = ""
    line: str = ""
    long: tuple[str, ...] = ()
    operands: int = 0
    assignments: bool = False
    rest: str = "argv"
    needs_rest: bool = False


_PLAIN = Grammar()
_SHELL = Grammar(
    flags="aefhklmnpruvxBCEHPT",
    valued="oO",
    line="c",
    long=("--login", "--noprofile", "--norc", "--posix"),
    needs_rest=True,
)
_PYTHON = Grammar(flags="bBdEIOPqsSuvx", valued="WX", ends="hmV", rest="script", needs_rest=True)
_SCRIPT = Grammar(ends="v", rest="script", needs_rest=True)

GRAMMARS: Mapping[str, Grammar] = {
    **dict.fromkeys(("ash", "bash", "csh", "dash", "ksh", "mksh", "rbash"), _SHELL),
    **dict.fromkeys(("sh", "tcsh", "zsh"), _SHELL),
    **dict.fromkeys(("builtin", "busybox", "coproc", "fakeroot", "nocorrect"), _PLAIN),
    **dict.fromkeys(("noglob", "nohup", "toybox"), _PLAIN),
    ".": Grammar(needs_rest=True),
    "caffeinate": Grammar(flags="dimsu", valued="tw"),
    "chroot": Grammar(operands=1, needs_rest=True),
    "command": Grammar(flags="pvV"),
    "doas": Grammar(flags="n", valued="u", needs_rest=True),
    "env": Grammar(
        flags="i0v", valued="uC", long=("--ignore-environment", "--null"), assignments=True
    ),
    "eval": Grammar(rest="line"),
    "exec": Grammar(flags="cl", valued="a"),
    "ionice": Grammar(flags="t", valued="cn"),
    "nice": Grammar(valued="n"),
    "setsid": Grammar(flags="cfw", long=("--fork", "--wait")),
    "source": Grammar(needs_rest=True),
    "ssh": Grammar(
        flags="46AaCgKkqTtVvXxYy", valued="bcilmp", operands=1, rest="line", needs_rest=True
    ),
    "stdbuf": Grammar(valued="ioe"),
    "sudo": Grammar(flags="bEHkKnPSA", valued="ugCDRTrth", assignments=True, needs_rest=True),
    "time": Grammar(flags="apqvV", valued="fo"),
    "timeout": Grammar(
        flags="fpv", valued="ks", long=("--foreground", "--preserve-status"), operands=1
    ),
    "unbuffer": Grammar(flags="p"),
    "watch": Grammar(flags="bcdegptw", valued="n", rest="line"),
    "xargs": Grammar(flags="0oprtx", valued="ILnPsEda", long=("--no-run-if-empty", "--null")),
    **dict.fromkeys(("pypy", "python", "pythonw"), _PYTHON),
    **dict.fromkeys(("Rscript", "bun", "elixir", "groovy", "julia", "lua"), _SCRIPT),
    **dict.fromkeys(("luajit", "osascript", "scala"), _SCRIPT),
    **dict.fromkeys(
        ("node", "nodejs"), Grammar(flags="c", ends="hv", rest="script", needs_rest=True)
    ),
    "perl": Grammar(flags="aclnpstTuUwWX", valued="I", ends="v", rest="script", needs_rest=True),
    "php": Grammar(flags="CHnq", ends="ilmv", rest="script", needs_rest=True),
    "ruby": Grammar(flags="alnpsvw", valued="CI", rest="script", needs_rest=True),
}

# Wrappers whose grammar is not plain at all.
_OPAQUE = (
    "at batch bwrap chrt cmd dbus-run-session entr expect firejail fish flock ltrace mosh nsenter"
    " parallel pkexec powershell proxychains pwsh rlwrap rsh runuser screen script setpriv sshpass"
    " strace su systemd-run taskset tmux torsocks unshare xvfb-run"
)
OPAQUE = frozenset(_OPAQUE.split())

_ASKS_ONLY = frozenset({("--help",), ("--version",)})
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_FIND_RUNS = frozenset({"-exec", "-execdir", "-ok", "-okdir"})


def unwrap(argv: tuple[str, ...]) -> Iterator[Inner]:
    """Yield what a command runs inside itself; nothing for a command that is no wrapper.

    A wrapper is known by the last segment of its path, with or without a version behind it. One
    asked only for its help or version runs nothing.
    """
    name, words = _known_name(argv[0]), argv[1:]
    if words in _ASKS_ONLY:
        return
    if name == "find":
        yield from _inside_find(words)
    elif name in OPAQUE:
        yield None
    elif name in GRAMMARS:
        yield from _inside(words, GRAMMARS[name])


def _known_name(binary: str) -> str:
    name = binary.rpartition("/")[2]
    return name if name in GRAMMARS else name.rstrip("0123456789.")


def _inside(words: tuple[str, ...], grammar: Grammar) -> Iterator[Inner]:
    """Yield what follows a wrapper's options and operands."""
    options = _options(words, grammar)
    if options is None:
        yield None
        return
    count, is_line, is_ended = options
    rest = words[count + grammar.operands :]
    while grammar.assignments and rest and _ASSIGNMENT.match(rest[0]):
        rest = rest[1:]
    if is_ended:
        return
    if not rest:
        yield from (None,) if grammar.needs_rest else ()
    elif rest[0].startswith("-"):
        yield None  # some wrappers go on reading options here, others would run it
    elif is_line:
        yield rest[0]
    elif grammar.rest == "line":
        yield " ".join(rest)
    elif grammar.rest == "argv":
        yield rest


def _options(words: tuple[str, ...], grammar: Grammar) -> tuple[int, bool, bool] | None:
    """Read leading options; give (words used, line flag seen, end reached), None if not plain."""
    at, is_line = 0, False
    while at < len(words) and words[at].startswith("-"):
        word = words[at]
        at += 1
        if word == "--":
            break
        if word in grammar.long:
            continue
        if word == "-" or word.startswith("--"):
            return None
        for place, letter in enumerate(word[1:], start=2):
            is_last = place == len(word)
            if letter in grammar.ends:
                return at, is_line, True
            if letter in grammar.valued and (is_last or not grammar.line):
                at += is_last
                break
            if letter not in grammar.flags + grammar.line:
                return None
            is_line = is_line or letter in grammar.line
    return at, is_line, False


def _inside_find(words: tuple[str, ...]) -> Iterator[Inner]:
    """Yield the commands of find's -exec and its kin, each up to `;` or `{} +`."""
    start: int | None = None
    for at, word in enumerate(words):
        if start is None:
            start = at + 1 if word in _FIND_RUNS else None
        elif word == ";" or (word == "+" and words[at - 1] == "{}"):
            yield words[start:at] or None
            start = None
    if start is not None:
        yield None

"""The table of programs as data: what each option takes, and what each word means.

One program, or one of its subcommands, is a head line and the lines below it, which are indented:

    cp: read... write
        flag    -a -r --recursive
        write!  -t --target-directory

Behind the colon stand the meanings of the words that are no options; `...` marks the one that may
come any number of times. Below stand options behind the meanings of the words they take: `flag`
takes none, `text?` takes one only where it is joined to the option, `text text` takes two, one with
`!` takes the place of the word that comes once, and `given` says that it is the code. A
subcommand's head names its program first: `git commit: ...`. `-#` is a number as an option. The
meanings are public functions of `meaning`, `script`, `dependency` and `container`. Traits are:

    all         the options of the program may also stand behind its subcommands
    code        without words it reads code from its standard input
    typed       it acts on its standard input as if a person had typed it
    statements  so it does without statements or a file of them
    single      its long options have one dash
    bundled     its first word is options, with a dash or without
    expands     a word with `@` stands for words in a file
    npm         npm installs it, so that `npx` may start it
"""

from collections.abc import Iterator, Mapping
from typing import Self

from msgspec import Struct

# Meanings of options that take no word.
ALONE = frozenset({"flag", "given", "writes", "deletes"})

_TRAITS = frozenset({"all", "bundled", "code", "expands", "npm", "single", "statements", "typed"})


class Option(Struct, frozen=True, kw_only=True):
    """What an option takes: the meanings of its words, in order.

    `joined` says that it takes its word only as part of itself. `replaces` says that the word that
    comes once is not there then. `raises` is what the program does to what it else reads; `gives`
    that it is told the code that it else reads from its standard input.
    """

    takes: tuple[str, ...] = ()
    joined: bool = False
    replaces: bool = False
    raises: str = ""
    gives: bool = False


class Grammar(Struct, kw_only=True):
    """How one program reads its words. `before` and `after` stand around what may repeat."""

    name: str
    options: dict[str, Option]
    before: tuple[str, ...] = ()
    repeated: str = ""
    after: tuple[str, ...] = ()
    commands: dict[str, Self]
    traits: frozenset[str] = frozenset()

    def option(self, name: str, above: "Grammar | None") -> Option | None:
        """What an option takes; where this does not have it, what the program above says."""
        found = self.options.get(name)
        if found is None and above is not None and "all" in above.traits:
            found = above.options.get(name)
        return found


class Table(Mapping[str, Grammar]):
    """The programs of a table by name. One is made ready when it is first asked for.

    Raises `ValueError` then, where its lines contradict each other.
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[str, list[str]] = {}
        self._ready: dict[str, Grammar] = {}
        programs: set[str] = set()
        for line in text.splitlines():
            if line and not line[0].isspace():
                programs = {head.split()[0] for head in _heads(line)}
            for program in programs:
                self._lines.setdefault(program, []).append(line)

    def __getitem__(self, program: str) -> Grammar:
        if program not in self._ready:
            self._ready[program] = _read(program, self._lines[program])
        return self._ready[program]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)


def _heads(line: str) -> list[str]:
    return line.rpartition(": ")[0].split(", ") if ": " in line else line.rstrip(":").split(", ")


def _read(program: str, lines: list[str]) -> Grammar:
    programs: dict[str, Grammar] = {}
    here: list[Grammar] = []
    for line in lines:
        if line and not line[0].isspace():
            names = [head.split() for head in _heads(line)]
            meanings = line.rpartition(": ")[2].split() if ": " in line else []
            here = [_begun(programs, each, meanings) for each in names if each[0] == program]
        elif line.strip():
            for grammar in here:
                _describe(grammar, line.split())
    return programs[program]


def _begun(programs: dict[str, Grammar], names: list[str], meanings: list[str]) -> Grammar:
    """A new grammar in its place. Every grammar above it is there already."""
    around = programs
    for name in names[:-1]:
        around = around[name].commands
    if names[-1] in around:
        raise ValueError(f"{' '.join(names)} is described twice")
    marks = [at for at, meaning in enumerate(meanings) if meaning.endswith("...")]
    cut = marks[0] if marks else len(meanings)
    around[names[-1]] = grammar = Grammar(
        name=" ".join(names),
        options={},
        before=tuple(meanings[:cut]),
        repeated=meanings[cut].removesuffix("...") if marks else "",
        after=tuple(meanings[cut + 1 :]),
        commands={},
    )
    return grammar


def _describe(grammar: Grammar, words: list[str]) -> None:
    """Take one indented line: traits, or options behind what they take."""
    if set(words) <= _TRAITS:
        grammar.traits |= frozenset(words)
        return
    options = [word for word in words if word.startswith("-")]
    option = _option([word for word in words if not word.startswith("-")])
    for name in options:
        if name in grammar.options:
            raise ValueError(f"{name} of {grammar.name} is described twice")
        grammar.options[name] = option


def _option(meanings: list[str]) -> Option:
    takes = [meaning.rstrip("?!") for meaning in meanings if meaning.rstrip("?!") not in ALONE]
    raised = [each for each in meanings if each in {"writes", "deletes"}]
    return Option(
        takes=tuple(takes),
        joined=any(each.endswith("?") for each in meanings),
        replaces=any(each.endswith("!") for each in meanings),
        raises={"writes": "write", "deletes": "delete"}[raised[0]] if raised else "",
        gives="given" in meanings,
    )


def every(programs: Mapping[str, Grammar]) -> Iterator[Grammar]:
    """Every grammar of the programs, subcommands too."""
    for grammar in programs.values():
        yield grammar
        yield from every(grammar.commands)

"""The words of one command, read by the grammar of its program."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from aegisd.core.program import container, dependency, meaning, script
from aegisd.core.program.grammar import Grammar, Option
from aegisd.core.program.meaning import Meaning
from aegisd.core.program.reach import Reach, file, known, problem
from aegisd.core.program.registry import USUAL
from aegisd.core.program.table import PROGRAMS, VARIABLES
from aegisd.core.program.word import UNKNOWN, Word

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_VERSION = "0123456789."

# What asked only for this runs nothing.
_ASKS_ONLY = frozenset({("--help",), ("--version",)})

# A public function of these modules is the meaning of its name.
MEANINGS: Mapping[str, Meaning] = {
    name: function
    for module in (meaning, script, dependency, container)
    for name, function in vars(module).items()
    if callable(function) and function.__module__ == module.__name__ and name[0] != "_"
}

# Meanings of words that are options themselves, of another program.
_DASHED = frozenset({"compiled", "linked"})

# Meanings that hang on nothing but how a text begins.
_OPAQUE = frozenset({"text", "data", "undashed", "value"})

# Meanings that take all words from where they stand.
REST = frozenset({"argv", "tool", "fed", "far", "line", "far_line", "rest", "sources"})


def grammar_of(binary: str) -> Grammar | None:
    """The grammar of a program, known by the last part of its path, with or without a version."""
    name = binary.rpartition("/")[2]
    return PROGRAMS.get(name) or PROGRAMS.get(name.rstrip(_VERSION))


def reaches(words: Sequence[Word], grammar: Grammar) -> Iterator[Reach]:
    """Yield what the words behind a program's name reach for. Total, and linear in the words."""
    if tuple(word.text for word in words) not in _ASKS_ONLY:
        yield from _Reading(grammar, None).read(words)


class _Reading:
    """The words of one grammar so far. One command only, then thrown away."""

    def __init__(self, grammar: Grammar, above: Grammar | None) -> None:
        self._grammar, self._above = grammar, above
        self._words: list[Word] = []
        self._raised = ""
        self._is_replaced = self._is_ended = self._has_rest = self._has_registry = False

    def read(self, words: Sequence[Word]) -> Iterator[Reach]:
        """Read all words."""
        at = 0
        if "bundled" in self._grammar.traits and words and words[0].text[:1] != "-":
            words = self._unbundled(*words)
        while at < len(words):
            word = words[at]
            if self._is_option(word):
                used, found = self._option(words, at)
                yield from found
                at += used
                continue
            meant = self._next(word)
            if word.text.startswith(UNKNOWN) and not self._is_ended and meant != "rest":
                yield problem("unknown")  # it may be an option
            if self._grammar.commands and not self._words:
                below = self._grammar.commands.get(word.text)
                if below is not None:
                    inside = _Reading(below, self._grammar)
                    inside._has_registry = self._has_registry
                    yield from inside.read(words[at + 1 :])
                    return
                if not (self._grammar.before or self._grammar.repeated):
                    yield problem("subcommand")
                    return
            if meant in REST:
                yield from self._rest(meant, words[at:])
                break
            self._words.append(word)
            at += 1
        if "expands" in self._grammar.traits and any(word.text.startswith("@") for word in words):
            yield problem("word")
        yield from self._end()

    def _unbundled(self, bundle: Word, *words: Word) -> list[Word]:
        """Give each letter a dash, and behind it what it takes of the words behind the bundle.

        A letter that nobody described is refused as an option, and so is the sign of a pattern.
        """
        apart: list[Word] = []
        behind = list(words)
        for letter in f"{bundle.text}*" if bundle.glob else bundle.text:
            option = self._grammar.options.get(f"-{letter}", Option())
            count = len(option.takes)
            apart += [Word(f"-{letter}"), *behind[:count]]
            del behind[:count]
        return [*apart, *behind]

    def _is_option(self, word: Word) -> bool:
        if self._is_ended or not word.text.startswith("-") or word.text == "-":
            return False
        if word.text == "--":
            return True
        return self._next(word) not in {"rest", "sources"}

    def _next(self, word: Word) -> str:
        """What the next word that is no option means, as far as that hangs on those before it."""
        grammar, before, count = self._grammar, self._before(), len(self._words)
        if count < len(before):
            return before[count]
        if grammar.repeated == "variable" and not _ASSIGNMENT.match(word.text):
            return grammar.after[0] if grammar.after else grammar.repeated
        return grammar.repeated

    def _before(self) -> tuple[str, ...]:
        """The meanings of the words before those that may repeat; an option may replace one."""
        return self._grammar.before[1:] if self._is_replaced else self._grammar.before

    def _option(self, words: Sequence[Word], at: int) -> tuple[int, list[Reach]]:
        """Read the option at a place; give how many words it has, and what it reaches for."""
        text = words[at].text
        if text == "--":
            self._is_ended = True
            return 1, []
        is_single = "single" in self._grammar.traits
        name, equals, value = text.partition("=")
        whole = self._grammar.option(text, self._above)
        if text.startswith("--") or (is_single and self._grammar.option(name, self._above)):
            option = self._grammar.option(name, self._above)
            return self._valued(option, value if equals else None, words, at)
        if whole is not None:
            return self._valued(whole, None, words, at)
        if text[1:].isdigit() and self._grammar.option("-#", self._above):
            return 1, []
        return self._cluster(words, at)

    def _cluster(self, words: Sequence[Word], at: int) -> tuple[int, list[Reach]]:
        """Read letters that stand behind one dash; the first that takes a word takes the rest."""
        letters = words[at].text[1:]
        first = self._grammar.option(f"-{letters[0]}", self._above)
        if "single" in self._grammar.traits and not (first and first.takes):
            return 1, [problem("option", words[at].text)]
        for place, letter in enumerate(letters, start=1):
            option = self._grammar.option(f"-{letter}", self._above)
            if option is None:
                return 1, [problem("option", f"-{letter}")]
            if option.takes:
                rest = letters[place:]
                return self._valued(option, rest or None, words, at)
            self._note(option)
        return 1, []

    def _note(self, option: Option) -> None:
        self._raised = option.raises or self._raised
        self._is_replaced = self._is_replaced or option.replaces
        self._has_rest = self._has_rest or option.gives

    def _valued(
        self, option: Option | None, joined: str | None, words: Sequence[Word], at: int
    ) -> tuple[int, list[Reach]]:
        """Read what an option takes: `joined` is what stands in the same word."""
        if option is None or (joined is not None and not option.takes):
            return 1, [problem("option", words[at].text)]
        self._note(option)
        self._has_registry = self._has_registry or option.takes == ("registry",)
        if option.takes == ("inner",):
            return self._inner(words, at)
        if option.takes == ("loads",):
            return self._loads(joined, words, at)
        values = [] if joined is None else [Word(joined, words[at].glob)]
        if not option.joined:
            wanted = len(option.takes) - len(values)
            values += words[at + 1 : at + 1 + wanted]
            if len(values) < len(option.takes):
                return len(words), [problem("option", words[at].text)]
        used = 1 + len(values) - (joined is not None)
        pairs = zip(option.takes, values, strict=False)
        found = [reach for name, word in pairs for reach in self._meant(name, word, one=True)]
        behind = values[joined is not None :]
        is_text = not (option.replaces or _DASHED.issuperset(option.takes))
        if is_text and any(map(_is_like_option, behind)):
            # Some programs, or versions, take it for one.
            found.append(problem("option", words[at].text))
        return used, found

    def _inner(self, words: Sequence[Word], at: int) -> tuple[int, list[Reach]]:
        """Read a command up to `;` or `{} +`; `{}` stands for whatever is found below the words."""
        end = at + 1
        while end < len(words) and words[end].text != ";":
            if words[end].text == "+" and words[end - 1].text == "{}":
                break
            end += 1
        inside = words[at + 1 : end]
        if end == len(words) or not inside:
            return len(words), [problem("option", words[at].text)]
        places = self._words or [Word(".")]
        named = [
            Word(word.text.replace("{}", place.text), glob=True) if "{}" in word.text else word
            for word in inside
            for place in (places if "{}" in word.text else places[:1])
        ]
        return end + 1 - at, [Reach("argv", words=tuple(named))]

    def _loads(self, joined: str | None, words: Sequence[Word], at: int) -> tuple[int, list[Reach]]:
        """Read a module of Python that runs as a program, with all words behind it."""
        inside = words[at + 1 :] if joined is None else [Word(joined), *words[at + 1 :]]
        modules = PROGRAMS["python-module"]
        module = modules.commands.get(inside[0].text) if inside else None
        if module is None:
            return len(words), [problem("code")]
        return len(words), list(_Reading(module, modules).read(inside[1:]))

    def _meant(self, name: str, word: Word, *, one: bool) -> Iterator[Reach]:
        """What a word reaches for; `one` says that it stands where only one may."""
        if word.glob and one:
            yield problem("several")
        if self._raised and name == "read":
            name = self._raised
        if name == "variable":
            variable, equals, value = word.text.partition("=")
            if equals or UNKNOWN in variable:
                yield from assigned(variable.removesuffix("+"), Word(value))
        elif name == "line":
            yield from known("line", word.text)
        else:
            yield from _meant(name, word.text)

    def _rest(self, name: str, words: Sequence[Word]) -> Iterator[Reach]:
        """All words from here: a command, a line, or the arguments of what runs."""
        self._has_rest = True
        if name in {"line", "far_line"}:
            text = " ".join(word.text for word in words)
            yield from known("line" if name == "line" else "far_line", text)
        elif name == "fed":
            yield Reach("argv", words=(*words, Word(UNKNOWN, glob=True)))
        elif name == "sources":
            for word in takewhile(lambda each: each.text.endswith(".go"), words):
                yield from file("load", word.text)
        elif name != "rest":
            grammar = grammar_of(words[0].text) if name == "tool" else None
            if grammar is not None and "npm" not in grammar.traits:
                yield problem("subcommand")  # a package that only bears a known program's name
            yield Reach("far" if name == "far" else "argv", words=tuple(words))

    def _end(self) -> Iterator[Reach]:
        """What the words reach for that are no options, each by its place."""
        grammar, words = self._grammar, self._words
        before, repeated, after = self._before(), grammar.repeated, grammar.after
        if self._is_replaced and not grammar.before:
            after = after[1:]
        is_named = bool(words) and all(meaning.SCHEME.match(word.text) for word in words)
        if grammar.name in USUAL and not (self._has_registry or is_named):
            yield Reach("usual", USUAL[grammar.name])
        if "typed" in grammar.traits and not self._has_rest:
            yield Reach("typed")
        if "code" in grammar.traits and not (words or self._has_rest or self._is_replaced):
            yield problem("input")
        is_asked = self._has_rest or (repeated == "sql" and len(words) > len(before))
        if "statements" in grammar.traits and not is_asked:
            yield Reach("typed")
        behind = max(len(words) - len(after), 0) if repeated else len(words)
        if repeated and after[:1] and after[0] not in REST:
            first, last = words[:behind], words[behind:]
        else:
            first, last = words, []
        for place, word in enumerate(first):
            name = before[place] if place < len(before) else repeated
            if not name:
                yield problem("word")
                return
            yield from self._meant(name, word, one=place < len(before))
        for name, word in zip(after, last, strict=False):
            yield from self._meant(name, word, one=True)


def _is_like_option(word: Word) -> bool:
    return re.match(r"--?[A-Za-z]", word.text) is not None


def assigned(name: str, value: Word) -> Iterator[Reach]:
    """What a variable that a command sets reaches for."""
    means = VARIABLES.get(name)
    if means is None:
        yield problem("variable_name")
    else:
        yield from _meant(means, value.text)


def _meant(name: str, text: str) -> Iterator[Reach]:
    """What a text reaches for; one that is not wholly known may be another thing than it looks."""
    if UNKNOWN in text and name not in _OPAQUE:
        yield problem("unknown")
    else:
        yield from MEANINGS[name](text)

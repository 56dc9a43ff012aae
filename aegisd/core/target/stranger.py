"""Words of a program that no table describes: what any of them may be to it."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

# What stands before a place in a word: `--out=/x`, `@/x`, `a,/x`, `/inside:/outside`.
_SIGNS = re.compile(r"[=@,:;]")

_LETTER = re.compile(r"-[A-Za-z0-9]")
_CLUSTER = re.compile(r"-[A-Za-z0-9]{2,}")


def files(word: str) -> Iterator[str]:
    """Every part of a word that may be a file's name: the whole, and what its signs set apart.

    Of an option that is what is joined to it, behind its one letter or the sign.
    """
    whole = word[2:] if _LETTER.match(word) else word.lstrip("-")
    parts = (whole, word.partition("=")[2], whole.rpartition("=")[2], *_SIGNS.split(whole))
    for part in dict.fromkeys(parts):
        if "/" in part or part.startswith((".", "~")):
            yield part


def hosts(words: Sequence[str], net: Sequence[str | int]) -> Iterator[str]:
    """What stands at the places that the manifest gives: the nth word, or behind an option."""
    for place in net:
        if isinstance(place, int):
            yield from _nth(words, place)
            continue
        for word in words:
            yield from _joined(word, place)
        for word, following in pairwise(words):
            if _awaits(word, place):
                yield following


def _nth(words: Sequence[str], place: int) -> Iterator[str]:
    """Each word that may be the nth: one behind an option may be the option's, or not."""
    sure = most = 0
    is_ended = False
    for before, word in pairwise(("", *words)):
        if word.startswith("-") and word != "-" and not is_ended:
            is_ended = word == "--"
            continue
        most += 1
        is_named = most == place or not word.startswith(("/", ".", "~"))
        if sure < place <= most and is_named:
            yield word
        is_behind = before.startswith("-") and before not in {"-", "--"} and "=" not in before
        sure += is_ended or not is_behind


def _joined(word: str, option: str) -> Iterator[str]:
    """What is joined to an option, also to one that is shortened or behind other letters."""
    name, equals, value = word.partition("=")
    if equals and _is_short_for(name, option):
        yield value
    elif word.startswith(option) and word != option:
        yield word.removeprefix(option).removeprefix("=")
    elif _LETTER.fullmatch(option) and _CLUSTER.match(word):
        behind = word[2:].partition(option[1])[2]
        # In a row of flags alone the letter is the last, or another word's.
        if "." in behind or ":" in behind:
            yield behind.removeprefix("=")


def _awaits(word: str, option: str) -> bool:
    """Whether the word behind this one is the option's."""
    if _LETTER.fullmatch(option) and _CLUSTER.fullmatch(word):
        return word.endswith(option[1])
    return word == option or _is_short_for(word, option)


def _is_short_for(name: str, option: str) -> bool:
    """Whether a long option's name is that of another one's beginning, as many programs take it."""
    return name.startswith("--") and name != "--" and option.startswith(name)

r"""Regular expressions of ECMA-262, read by Unicode characters, as a tree.

What no automaton can do is refused: looking around and back-references. Flags inside are no part
of the language, and refused as well. `\d`, `\w` and `\b` are of ASCII, `.` ends at line ends.
"""

import unicodedata
from bisect import bisect_left
from collections.abc import Callable
from typing import Never

from msgspec import Struct

from aegisd.core.errors import ManifestInvalid

# Groups inside each other, far from the stack's limit.
GROUPS_DEEP_MAX = 50

_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")
_HEXADECIMAL_LENGTH = 6
_LAST = 0x10FFFF

Matches = Callable[[str], bool]
Ranges = tuple[tuple[str, str], ...]

_DIGIT: Ranges = (("0", "9"),)
_WORD: Ranges = (("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z"))
_SPACE: Ranges = (
    *(("\t", "\r"), (" ", " "), ("\xa0", "\xa0"), ("\u1680", "\u1680"), ("\u2000", "\u200a")),
    *(("\u2028", "\u2029"), ("\u202f", "\u202f"), ("\u205f", "\u205f"), ("\u3000", "\u3000")),
    ("\ufeff", "\ufeff"),
)
_LINE_END: Ranges = (("\n", "\n"), ("\r", "\r"), ("\u2028", "\u2029"))
_CLASSES = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
_CONTROLS = {"t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "0": "\0"}
_GENERAL = ("C", "L", "M", "N", "P", "S", "Z")
_NAMED = {"Letter": "L", "Number": "N", "Punctuation": "P", "Symbol": "S", "Mark": "M"}


class Class(Struct, frozen=True):
    """One character of a class. `weight` is how many parts the class is compared with."""

    matches: Matches
    weight: int


class Sequence(Struct, frozen=True):
    """One after the other."""

    parts: "list[Expression]"


class Choice(Struct, frozen=True):
    """One of them."""

    parts: "list[Expression]"


class Repeat(Struct, frozen=True):
    """As often as this; `most` is None where there is no end."""

    part: "Expression"
    least: int
    most: int | None


class Edge(Struct, frozen=True):
    """A place between characters: `^` `$` `b` `B`."""

    kind: str


Expression = Class | Sequence | Choice | Repeat | Edge


def is_word(character: str) -> bool:
    r"""Whether `\w` matches it; "" stands for an end of the text."""
    return character.isascii() and (character.isalnum() or character == "_")


def parse(pattern: str) -> Expression:
    """Read a pattern. Raises `ManifestInvalid`, saying what cannot be applied."""
    reader = _Reader(pattern)
    tree = reader.choice()
    if reader.at < len(pattern):
        reader.refuse("it closes a group that is not open")
    return tree


class _Reader:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self._deep = 0

    def refuse(self, why: str) -> Never:
        raise ManifestInvalid(f"a pattern cannot be applied at its character {self.at}: {why}")

    def choice(self) -> Expression:
        branches = [self._sequence()]
        while self._takes("|"):
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else Choice(branches)

    def _sequence(self) -> Expression:
        parts: list[Expression] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            atom = self._atom()
            parts.append(self._repeated(atom))
        return parts[0] if len(parts) == 1 else Sequence(parts)

    def _atom(self) -> Expression:
        character = self._next()
        if character == "(":
            return self._group()
        if character == "[":
            return self._class()
        if character == "\\":
            return self._escaped()
        if character in "^$":
            return Edge(character)
        if character == ".":
            return _class(_LINE_END, [], negated=True)
        if character in "*+?":
            self.refuse("nothing stands before what repeats it")
        return _class(((character, character),), [])

    def _group(self) -> Expression:
        if self._takes("?") and not self._takes(":"):
            named = self._takes("<") or self._takes("P<")
            if not named or self._peek() in {"=", "!"}:
                self.refuse("looking around and flags are not applied; write it without")
            end = self.pattern.find(">", self.at)
            self.at = end + 1 if end >= 0 else len(self.pattern)
        self._deep += 1
        if self._deep > GROUPS_DEEP_MAX:
            self.refuse(f"groups stand more than GROUPS_DEEP_MAX = {GROUPS_DEEP_MAX} deep")
        inside = self.choice()
        self._deep -= 1
        if not self._takes(")"):
            self.refuse("a group is not closed")
        return inside

    def _repeated(self, atom: Expression) -> Expression:
        start = self.at
        bounds: tuple[int, int | None] | None = None
        if self._takes("*"):
            bounds = (0, None)
        elif self._takes("+"):
            bounds = (1, None)
        elif self._takes("?"):
            bounds = (0, 1)
        elif self._takes("{"):
            least, comma, most = self._until("}").partition(",")
            if not (_counts(least) and (not most or _counts(most))):
                self.at = start
                return atom
            bounds = (int(least), int(most) if most else None if comma else int(least))
        if bounds is None:
            return atom
        self._takes("?")
        least_times, most_times = bounds
        if most_times is not None and most_times < least_times:
            self.refuse("a repetition ends before it begins")
        return Repeat(atom, least_times, most_times)

    def _class(self) -> Expression:
        negated = self._takes("^")
        ranges: list[tuple[str, str]] = []
        others: list[Matches] = []
        while not self._takes("]"):
            low = self._member(ranges, others)
            if low and self._peek() == "-" and self.pattern[self.at + 1 : self.at + 2] != "]":
                self.at += 1
                high = self._member(ranges, others)
                if not low <= high:
                    self.refuse("a range of a class ends before it begins, or at a class")
                ranges.append((low, high))
            elif low:
                ranges.append((low, low))
        return _class(tuple(ranges), others, negated=negated)

    def _member(self, ranges: list[tuple[str, str]], others: list[Matches]) -> str:
        """One character of a class; "" for an escape that is a class, which is added."""
        character = self._next()
        if character in "[&~" and self._peek() in ({":"} if character == "[" else {character}):
            self.refuse("classes inside a class are not applied; write its characters")
        if character != "\\":
            return character
        name = self._next()
        if name == "b":
            return "\b"
        found = self._named(name)
        if found is None:
            return self._literal(name)
        if isinstance(found, tuple):
            ranges += found
        else:
            others.append(found)
        return ""

    def _escaped(self) -> Expression:
        name = self._next()
        if name in "bB":
            return Edge(name)
        found = self._named(name)
        if found is None:
            character = self._literal(name)
            return _class(((character, character),), [])
        return _class(found, []) if isinstance(found, tuple) else _class((), [found])

    def _named(self, name: str) -> Ranges | Matches | None:
        r"""What `\d`, `\p{…}` and their like match; None for others."""
        if name in _CLASSES:
            return _CLASSES[name]
        if name.lower() in _CLASSES:
            return _class(_CLASSES[name.lower()], [], negated=True).matches
        if name not in {"p", "P"}:
            return None
        if self._takes("{"):
            category = self._until("}").removeprefix("gc=").removeprefix("General_Category=")
        else:
            category = self._next()
        category = _NAMED.get(category, category)
        if category[:1] not in _GENERAL or len(category) > 2:  # noqa: PLR2004  # as in Lu
            self.refuse("of properties, general categories such as L or Lu are applied")
        negated = name == "P"
        return lambda character: unicodedata.category(character).startswith(category) is not negated

    def _literal(self, name: str) -> str:
        if name in _CONTROLS:
            return _CONTROLS[name]
        if name == "x":
            return chr(self._hexadecimal(2))
        if name == "c":
            return chr(ord(self._next()) % 32)
        if name == "u":
            if self._takes("{"):
                return self._character(self._until("}"))
            high = self._hexadecimal(4)
            if high >> 10 == 0xD800 >> 10 and self._takes("\\u"):
                high = 0x10000 + ((high - 0xD800) << 10) + self._hexadecimal(4) - 0xDC00
            return self._character(f"{high:x}")
        if name.isalnum():
            self.refuse("this escape is not applied")
        return name

    def _hexadecimal(self, digits: int) -> int:
        found = self.pattern[self.at : self.at + digits]
        self.at += digits
        return ord(self._character(found if len(found) == digits else ""))

    def _character(self, digits: str) -> str:
        known = set(digits) <= _HEXADECIMAL and 0 < len(digits) <= _HEXADECIMAL_LENGTH
        if not known or int(digits, 16) > _LAST:
            self.refuse("expected the hexadecimal number of a character")
        return chr(int(digits, 16))

    def _until(self, end: str) -> str:
        found = self.pattern.find(end, self.at)
        text = self.pattern[self.at : found] if found >= 0 else ""
        self.at = found + 1 if found >= 0 else self.at
        return text

    def _next(self) -> str:
        if self.at >= len(self.pattern):
            self.refuse("it ends inside a class or an escape")
        self.at += 1
        return self.pattern[self.at - 1]

    def _peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def _takes(self, text: str) -> bool:
        if not self.pattern.startswith(text, self.at):
            return False
        self.at += len(text)
        return True


def _counts(digits: str) -> bool:
    return digits.isascii() and digits.isdigit() and len(digits) < 10  # noqa: PLR2004  # more is past any bound


def _class(ranges: Ranges, others: list[Matches], *, negated: bool = False) -> Class:
    if len(ranges) == 1 and not others and not negated and ranges[0][0] == ranges[0][1]:
        return Class(ranges[0][0].__eq__, 1)
    lows: list[str] = []
    highs: list[str] = []
    for low, high in sorted(ranges):
        if highs and low <= highs[-1]:
            highs[-1] = max(high, highs[-1])
        else:
            lows.append(low)
            highs.append(high)

    def matches(character: str) -> bool:
        at = bisect_left(highs, character)
        within = at < len(lows) and lows[at] <= character
        return (within or any(other(character) for other in others)) is not negated

    return Class(matches, 1 + len(others))

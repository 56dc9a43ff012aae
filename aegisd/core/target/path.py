"""Texts -> paths by POSIX text rules. No file system is asked: two machines must agree."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise
from urllib.parse import unquote

from aegisd.core.target.model import PathTarget, Problem
from aegisd.core.target.node import Node

# Times a path may be percent-decoded before nothing changes any more. Proxies stack at most two
# decodings; a text that goes on changing is hiding something.
PERCENT_ROUNDS_MAX = 4

_ACCESSES = ("delete", "write", "read")

# A text that begins so is a path whatever its parameter is called, unless a role says otherwise: a
# tool that names its file `output` is not let past the roots for that.
_SHAPES = ("/", "./", "../", "~/", "\\", ".\\", "..\\")

_SOURCES = frozenset({"source", "src"})
_DESTINATIONS = frozenset({"dest", "destination", "dst", "target"})

_CONTROL_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_VARIABLE = re.compile(r"\$[A-Za-z_{(0-9]")
# Code points drawn like / or \ that no normal form folds to them.
_DRAWN_ALIKE = frozenset("\u2044\u2215\u2216\u2571\u2572\u29f5\u29f8\u29f9\u27cb\u27cd")
_FOLDS_TO = frozenset("./\\~%$")
_HIDDEN_BY_PERCENT = frozenset("./\\~$\ufffd") | _DRAWN_ALIKE | frozenset(map(chr, range(0x20)))
_PERCENT_U = re.compile(r"%[uU][0-9a-fA-F]{4}")

_FILE_SCHEME = re.compile(r"(?i)(?<![A-Za-z0-9+.\-])file:(?=[/\\])")
_FILE_IN_TEXT = re.compile(r"[^\s\"'`<>]*+")
_WHITESPACE_DROPPED = re.compile(r"[\t\r\n]")
_C0_AND_SPACE = "".join(map(chr, range(0x21)))


def paths(nodes: Iterable[Node], effects: Collection[str]) -> Iterator[PathTarget | Problem]:
    """Yield every path that non-content nodes name, and a problem for each text refused.

    The access is the strongest that the tool has.
    """
    strongest = next((effect for effect in _ACCESSES if effect in effects), "read")
    copies = strongest == "write" and "read" in effects
    for node in nodes:
        value = node.value
        # What a copy is made of is only read.
        access = "read" if copies and _is_copied_from(node) else strongest
        if isinstance(value, str):
            named = node.means("path") and (not node.is_key or "/" in value or "\\" in value)
            if named or (not node.role and not node.is_key and value.startswith(_SHAPES)):
                yield from path(value, access, node.where)
            if ":" in value and ("/" in value or "\\" in value):
                yield from _file_urls(value, access, node.where)
        elif node.means("path") and isinstance(value, int | float) and not isinstance(value, bool):
            yield Problem(target="path", code="not_text", where=node.where)


def _is_copied_from(node: Node) -> bool:
    """Whether the parameter is the source beside a destination; alone it may be written to."""
    beside = node.parent.value if node.parent is not None else None
    return (
        node.key in _SOURCES and isinstance(beside, dict) and not _DESTINATIONS.isdisjoint(beside)
    )


def path(text: str, access: str, where: str) -> Iterator[PathTarget | Problem]:
    """Read a text that is a path."""
    plain, climbs = normalise(text)
    yield PathTarget(path=plain, access=access, where=where)
    codes = problems(text)
    if climbs:
        codes.add("escape")
    for code in sorted(codes):
        yield Problem(target="path", code=code, where=where)


def normalise(text: str) -> tuple[str, bool]:
    """Resolve `.`, `..` and doubled slashes as text; tell whether `..` climbed above the start."""
    segments: list[str] = []
    climbs = False
    for segment in text.split("/"):
        if segment == "..":
            climbs = climbs or not segments
            del segments[-1:]
        elif segment not in {"", "."}:
            segments.append(segment)
    joined = "/".join(segments)
    return (f"/{joined}" if text.startswith("/") else joined or "."), climbs


def problems(text: str) -> set[str]:
    """Name all in a path that a shell, a decoder, a file system or an eye reads otherwise."""
    codes = set()
    if "\\" in text:
        codes.add("backslash")
    if text.startswith("~"):
        codes.add("home")
    if _VARIABLE.search(text):
        codes.add("variable")
    if text != text.strip():  # some tools trim: ".. " is then another path
        codes.add("control")
    if "%" in text and _hides_by_percent(text):
        codes.add("percent_encoded")
    # Printable ASCII hides nothing from an eye, and it is most of what is seen here.
    return codes if text.isascii() and text.isprintable() else codes | _unseen(text)


def _unseen(text: str) -> set[str]:
    """Name what an eye reads otherwise than a file system."""
    codes = set()
    characters = set(text)
    if any(unicodedata.category(char) in _CONTROL_CATEGORIES for char in characters):
        codes.add("control")
    if not unicodedata.is_normalized("NFC", text):
        codes.add("not_nfc")
    if any(_looks_alike(char) for char in characters if char > "\x7f"):
        codes.add("look_alike")
    return codes


def _looks_alike(char: str) -> bool:
    return char in _DRAWN_ALIKE or not _FOLDS_TO.isdisjoint(unicodedata.normalize("NFKC", char))


def _hides_by_percent(text: str) -> bool:
    """Tell whether decoding, however often, brings out a separator, a dot, a control or junk."""
    if _PERCENT_U.search(text):
        return True
    decoded = text
    for _ in range(PERCENT_ROUNDS_MAX):
        further = unquote(decoded)
        if further == decoded:
            return any(decoded.count(char) > text.count(char) for char in _HIDDEN_BY_PERCENT)
        decoded = further
    return True


def _file_urls(text: str, access: str, where: str) -> Iterator[PathTarget | Problem]:
    """Read every file URL in a text; each ends at a space, a quote or the next file URL."""
    trimmed = _WHITESPACE_DROPPED.sub("", text).strip(_C0_AND_SPACE)
    if _FILE_SCHEME.match(trimmed) and trimmed != text:
        yield Problem(target="path", code="control", where=where)
        text = trimmed
    starts = [match.start() for match in _FILE_SCHEME.finditer(text)]
    for start, end in pairwise([*starts, len(text)]):
        match = _FILE_IN_TEXT.match(text, start + len("file:"), end)
        yield from _file_url(match[0] if match else "", access, where)


def _file_url(rest: str, access: str, where: str) -> Iterator[PathTarget | Problem]:
    """Read what follows `file:` (RFC 8089): `/path`, `///path` or `//localhost/path`."""
    named = rest.removeprefix("//").removeprefix("localhost") if rest.startswith("//") else rest
    yield from path(named, access, where)
    if not named.startswith("/") or named.startswith("//") or "?" in named or "#" in named:
        yield Problem(target="path", code="file_url", where=where)
    if "%" in named:
        yield Problem(target="path", code="percent_encoded", where=where)

"""Texts -> paths by POSIX text rules. No file system is asked: two machines must agree."""

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise

from aegisd.core.target import patch
from aegisd.core.target.model import PathTarget, Problem
from aegisd.core.target.node import CLIMBS, IS_FILE, NAME_CHARS_MAX, Node
from aegisd.core.target.spelling import problems

# Members of an object that may name a copy's source and destination, each looked through for each
# source; in a larger one no parameter is only read.
COPY_MEMBERS_MAX = 64

_ACCESSES = ("delete", "write", "read")

# A text that begins so is a path whatever its parameter is called, unless a role says otherwise: a
# tool that names its file `output` is not let past the roots for that.
_SHAPES = ("/", "./", "../", "~/", "\\", ".\\", "..\\")

_DRIVE = re.compile(r"[A-Za-z]:[/\\]")
# A place that climbs is one as well, and what only begins like a place is not: a comment.
_BLANK = re.compile(r"\s")
_COMMENT = re.compile(r"//\s|/\*[\s*]")
# Where a text is sought, what lists files stays a place.
_LISTING = re.compile(r"/\*|\*\*")

# `src`, `from_path`, `sourceFile`, and what stands beside them.
_KIND = r"(?:[_-]?(?:file|path|dir|directory|folder|filename|filepath|name)s?)?"
_SOURCE = re.compile(rf"(?i)(?:source|src|from)s?{_KIND}")
_DESTINATION = re.compile(rf"(?i)(?:destination|dest|dst|target|to|into){_KIND}")

_FILE_COLON = re.compile(r":(?=[/\\])(?i:(?<=file:))(?<![A-Za-z0-9+.\-].{4}:)", re.DOTALL)
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
            if _is_path(node, value):
                yield from path(value, access, node.where)
            elif strongest != "read" and "\n" in value and _may_be_patch(node, value):
                for name in patch.named(value):
                    yield from path(name, access, node.where)
            if ":" in value and ("/" in value or "\\" in value) and not _is_text(node):
                yield from _file_urls(value, access, node.where)
        elif node.means("path") and isinstance(value, int | float) and not isinstance(value, bool):
            yield Problem(target="path", code="not_text", where=node.where)


def _is_path(node: Node, value: str) -> bool:
    if node.means("path"):
        return not node.is_key or IS_FILE.search(value) is not None
    if node.role or (
        _is_text(node) and not (node.key.lower().endswith("pattern") and _LISTING.search(value))
    ):
        return False
    if CLIMBS in value and _climbs(value):
        return True
    begins = value.startswith(_SHAPES) or _DRIVE.match(value) is not None
    return begins and not _COMMENT.match(value)


def _climbs(value: str) -> bool:
    """Whether a text without blanks, and no URL, has a part that is `..`."""
    is_part = f"{CLIMBS}/" in value or value.endswith(CLIMBS)
    return is_part and ":" not in value.partition(CLIMBS)[0] and not _BLANK.search(value)


def _may_be_patch(node: Node, value: str) -> bool:
    """Whether its headers count: in a text, what looks like some may be what is written."""
    return not _is_text(node) or value.startswith("*** Begin Patch")


def _is_text(node: Node) -> bool:
    """Whether its name says that it is written, sought or said."""
    return "text" in node.named and not node.is_key


def _is_copied_from(node: Node) -> bool:
    """Whether the parameter is the source beside a destination; alone it may be written to."""
    while not node.key and node.parent is not None:
        node = node.parent
    beside = node.parent.value if node.parent is not None else None
    if not isinstance(beside, dict) or len(beside) > COPY_MEMBERS_MAX:
        return False
    return _SOURCE.fullmatch(node.key) is not None and any(
        _DESTINATION.fullmatch(name[:NAME_CHARS_MAX]) for name in beside
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


def _file_urls(text: str, access: str, where: str) -> Iterator[PathTarget | Problem]:
    """Read every file URL in a text; each ends at a space, a quote or the next file URL."""
    trimmed = _WHITESPACE_DROPPED.sub("", text).strip(_C0_AND_SPACE)
    if trimmed != text and _FILE_COLON.match(trimmed, len("file")):
        yield Problem(target="path", code="control", where=where)
        text = trimmed
    starts = [match.end() for match in _FILE_COLON.finditer(text)]
    for start, end in pairwise([*starts, len(text) + len("file:")]):
        match = _FILE_IN_TEXT.match(text, start, end - len("file:"))
        yield from _file_url(match[0] if match else "", access, where)


def _file_url(rest: str, access: str, where: str) -> Iterator[PathTarget | Problem]:
    """Read what follows `file:` (RFC 8089): `/path`, `///path` or `//localhost/path`."""
    named = rest.removeprefix("//").removeprefix("localhost") if rest.startswith("//") else rest
    yield from path(named, access, where)
    if not named.startswith("/") or named.startswith("//") or "?" in named or "#" in named:
        yield Problem(target="path", code="file_url", where=where)
    if "%" in named:
        yield Problem(target="path", code="percent_encoded", where=where)

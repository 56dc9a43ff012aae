"""Words of containers and clusters: images, volumes, contexts, and files on both sides."""

import re
from collections.abc import Iterator

from aegisd.core.program.meaning import SCHEME
from aegisd.core.program.reach import Access, Reach, file, known, problem
from aegisd.core.program.word import UNKNOWN

_MOUNTED = frozenset({"type", "source", "src", "target", "dst", "destination", "readonly", "ro"})


def image(word: str) -> Iterator[Reach]:
    """A container image: its registry is a first part with a dot, a colon or a capital."""
    first, slash, _ = word.partition("/")
    if UNKNOWN in first:
        yield problem("unknown")
    elif slash and (re.search(r"[.:A-Z]", first) or first == "localhost"):
        yield from known("host", first)


def pulled(word: str) -> Iterator[Reach]:
    """An image that is fetched or sent, from Docker's own registry where it names none."""
    found = list(image(word))
    yield from found or [Reach("usual", "registry-1.docker.io")]


def started(word: str) -> Iterator[Reach]:
    """An image that a container is made of: what has no maker's name is most often one of here."""
    yield from pulled(word) if "/" in word else image(word)


def pinned(word: str) -> Iterator[Reach]:
    """`container=image`."""
    yield from image(word.partition("=")[2])


def volume(word: str) -> Iterator[Reach]:
    """`name:/inside` or `/outside:/inside`, options behind; a place outside is written."""
    outside, colon, _ = word.partition(":")
    if UNKNOWN in outside:
        yield problem("unknown")
    elif colon and ("/" in outside or outside.startswith((".", "~"))):
        yield from file("write", outside)


def mount(word: str) -> Iterator[Reach]:
    """`type=bind,source=/outside,target=/inside`."""
    for part in word.split(","):
        name, _, value = part.partition("=")
        if name not in _MOUNTED or (name == "type" and value not in {"bind", "volume", "tmpfs"}):
            yield problem("word")
        elif name in {"source", "src"}:
            yield from volume(f"{value}:")


def context(word: str) -> Iterator[Reach]:
    """What a build or a deployment is read from: a URL, a repository on a host, or a place."""
    first, slash, _ = word.partition("/")
    if SCHEME.match(word):
        yield from known("url", word)
    elif "@" in first or ":" in first:
        yield from known("host", first.partition(":")[0])
    elif slash and "." in first.lstrip("."):
        yield from known("host", first)
    else:
        yield from file("load", word)


def chart(word: str) -> Iterator[Reach]:
    """A chart of helm: a name in a known repository, a URL, or a place."""
    if SCHEME.match(word) or word.startswith((".", "/", "~")) or word.endswith(".tgz"):
        yield from context(word)


def shape(word: str) -> Iterator[Reach]:
    """How kubectl prints; a template may stand in a file."""
    name, equals, value = word.partition("=")
    if equals and "file" in name:
        yield from file("read", value)
    elif "file" in name:
        yield problem("word")


def keyed(word: str) -> Iterator[Reach]:
    """A file, or `key=file`."""
    name, equals, value = word.partition("=")
    yield from file("read", value if equals else name)


def inside_from(word: str) -> Iterator[Reach]:
    """A file that is read, here or, behind `name:`, in a container."""
    yield from _inside(word, "read")


def inside_to(word: str) -> Iterator[Reach]:
    """The same, written."""
    yield from _inside(word, "write")


def _inside(word: str, access: Access) -> Iterator[Reach]:
    if word.startswith((".", "/", "~")) or ":" not in word:
        yield from file(access, word)

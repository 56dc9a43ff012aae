"""What one word of a command means: the names that the table uses, and what each reaches for.

A meaning is a function of the word's text. It reads what it is sure of; what it does not know it
gives as a problem. `text` reaches nothing: a message, a pattern, a number, a name in a file.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from aegisd.core.program.reach import Access, Reach, file, known, problem
from aegisd.core.program.word import UNKNOWN

Meaning = Callable[[str], Iterator[Reach]]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_FAR = re.compile(r"(?P<host>(?:[^/:@\[\]]+@)?(?:[^/:@\[\]]+|\[[^\]]*\])):")
_CLIMBS = re.compile(r"(?:\A|[/:])\.\.(?:/|\Z)")
_SWITCH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=(?:[0-9]*|yes|no|true|false|on|off)")


def text(_word: str) -> Iterator[Reach]:
    """Nothing outside the program."""
    return iter(())


def code(_word: str) -> Iterator[Reach]:
    """Code in some language, which nothing here reads."""
    yield problem("code")


def place(word: str) -> Iterator[Reach]:
    """A directory that is read and written."""
    yield from file("read", word)
    yield from file("write", word)


def source(word: str) -> Iterator[Reach]:
    """A file, or a URL that stands for one."""
    yield from known("url", word) if _SCHEME.match(word) else file("read", word)


def data(word: str) -> Iterator[Reach]:
    """Text, or `@` and a file that holds it."""
    yield from file("read", word[1:]) if word.startswith("@") else _maybe(word, "@")


def form(word: str) -> Iterator[Reach]:
    """A form's field: `name=text`, `name=@file`, `name=<file`, options behind a semicolon."""
    value = word.partition("=")[2]
    if value[:1] in {"@", "<"}:
        yield from file("read", value[1:])
        if "," in value or ";" in value:
            yield problem("word")
    else:
        yield from _maybe(value, "@<")


def written(word: str) -> Iterator[Reach]:
    """What curl writes behind a transfer: text, `@` and a file; it may name a file to write."""
    yield from data(word)
    if "%output" in word:
        yield problem("word")


def _maybe(word: str, signs: str) -> Iterator[Reach]:
    """Text, unless what it begins with is not known and may be one of `signs`."""
    if word.startswith(UNKNOWN) and signs:
        yield problem("unknown")


def ref(word: str) -> Iterator[Reach]:
    """A revision, or a file inside the repository."""
    name = word.removeprefix(":")
    if name.startswith(("/", "~")) or _CLIMBS.search(name):
        yield from file("read", name)


def repository(word: str) -> Iterator[Reach]:
    """A repository: the name of a remote, a place on a host, a URL or a directory."""
    if "::" in word:
        yield problem("transport")
    elif "/" in word or ":" in word or word.startswith((".", "~")):
        yield from _copied(word, "read")


def _copied(word: str, access: Access) -> Iterator[Reach]:
    """`[user@]host:path`, a URL, or a file."""
    far = _FAR.match(word)
    if _SCHEME.match(word):
        yield from known("url", word)
    elif far:
        yield from known("host", far["host"])
    else:
        yield from file(access, word)


def copied_from(word: str) -> Iterator[Reach]:
    """What is read, here or on another host."""
    yield from _copied(word, "read")


def copied_to(word: str) -> Iterator[Reach]:
    """What is written, here or on another host."""
    yield from _copied(word, "write")


def archive(word: str) -> Iterator[Reach]:
    """An archive, written or read; with a colon some programs take it for another host's."""
    yield problem("word") if ":" in word else Reach("write", word)


def operand(word: str) -> Iterator[Reach]:
    """Operands of dd: `if=` is read and `of=` written."""
    name, _, value = word.partition("=")
    if name in {"if", "of"}:
        yield from file("read" if name == "if" else "write", value)


def switch(word: str) -> Iterator[Reach]:
    """A target, or a variable that switches something: its value is a number, yes or no."""
    if "=" in word and not _SWITCH.fullmatch(word):
        yield problem("word")


def image(word: str) -> Iterator[Reach]:
    """A container image: its registry is named by a first part with a dot or a colon."""
    first, slash, _ = word.partition("/")
    if slash and ("." in first or ":" in first or UNKNOWN in first):
        yield from known("host", first)


def volume(word: str) -> Iterator[Reach]:
    """`name:/inside` or `/outside:/inside`, options behind; a place outside is written."""
    outside = word.partition(":")[0]
    if outside.startswith(("/", ".", "~", UNKNOWN)):
        yield from file("write", outside)


def mount(word: str) -> Iterator[Reach]:
    """`type=bind,source=/outside,target=/inside`."""
    pairs = dict(part.partition("=")[::2] for part in word.split(","))
    if pairs.get("type", "volume") not in {"bind", "volume", "tmpfs"}:
        yield problem("word")
    for name in ("source", "src"):
        yield from volume(pairs.get(name, ""))


def connection(word: str) -> Iterator[Reach]:
    """A database's name, its URL, or `host=... dbname=...` (libpq, Connection Strings)."""
    if _SCHEME.match(word):
        scheme, _, rest = word.partition("://")
        authority, slash, path = rest.partition("/")
        if "?" in word:
            yield problem("word")
        user, at, hosts = authority.rpartition("@")
        for host in hosts.split(","):
            yield from known("url", f"{scheme}://{host}{slash}{path}")
    elif "=" in word:
        yield from _keywords(word)


def _keywords(word: str) -> Iterator[Reach]:
    for pair in word.split():
        name, _, value = pair.partition("=")
        if name in {"host", "hostaddr"}:
            for host in value.split(","):
                yield from known("host", host)
        elif name not in {"dbname", "user", "port", "sslmode", "connect_timeout"}:
            yield problem("word")


def shown(word: str) -> Iterator[Reach]:
    """A file to show, or `+` and a place in it; other words behind `+` are commands."""
    yield from _opened(word, "read")


def edited(word: str) -> Iterator[Reach]:
    """A file to edit, or `+` and a line of it; other words behind `+` are commands."""
    yield from _opened(word, "write")


def _opened(word: str, access: Access) -> Iterator[Reach]:
    if not word.startswith("+"):
        yield from file(access, word)
    elif not re.fullmatch(r"\+(?:[0-9]*|[FG])", word):
        yield problem("code")


def name(word: str) -> Iterator[Reach]:
    """A plain name, which is no place."""
    if not re.fullmatch(r"[A-Za-z0-9_.]+", word):
        yield problem("word")


def suffix(word: str) -> Iterator[Reach]:
    """What a copy's name ends in; with a slash or a star it is a place."""
    if not re.fullmatch(r"[A-Za-z0-9_.~-]*", word):
        yield problem("word")


def loaded(word: str) -> Iterator[Reach]:
    """A module that is loaded: a file, or a package of the project."""
    yield problem("code") if ":" in word else Reach("load", word)


def linked(word: str) -> Iterator[Reach]:
    """Flags of Go's linker that only strip and set variables."""
    if not re.fullmatch(r"(?:\s*(?:-[sw]|-X\s*=?\s*[\w./-]+=[^\s\"']*)(?=\s|\Z))*\s*", word):
        yield problem("word")


def defined(word: str) -> Iterator[Reach]:
    """A property that selects or switches something."""
    if not re.fullmatch(r"(?:skipTests|maven\.test\.skip|test|it\.test|CMAKE_BUILD_TYPE)(?:=[\w.*,#-]*)?", word):
        yield problem("word")


def goal(word: str) -> Iterator[Reach]:
    """A phase of a build, or a goal that only tells."""
    if ":" in word and word not in {"dependency:tree", "spring-boot:run", "help:effective-pom"}:
        yield problem("word")


def inside_from(word: str) -> Iterator[Reach]:
    """A file that is read, here or, behind `name:`, in a container."""
    if not re.match(r"[\w.-]+(?:/[\w.-]+)?:", word):
        yield from file("read", word)


def inside_to(word: str) -> Iterator[Reach]:
    """The same, written."""
    if not re.match(r"[\w.-]+(?:/[\w.-]+)?:", word):
        yield from file("write", word)


def hub(word: str) -> Iterator[Reach]:
    """A repository of a service: `owner/name`, `host/owner/name` or a URL."""
    if _SCHEME.match(word):
        yield from known("url", word)
    elif word.count("/") > 1:
        yield from known("host", word.partition("/")[0])

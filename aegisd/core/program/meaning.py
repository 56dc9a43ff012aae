"""What one word of a command means: the names that the table uses, and what each reaches for.

A meaning is a function of the word's text. It reads what it is sure of; what it does not know it
gives as a problem. `text` reaches nothing: a message, a pattern, a number, a name in a file.
"""

import re
from collections.abc import Callable, Iterator

from aegisd.core.program.reach import Access, Reach, file, known, problem
from aegisd.core.program.word import UNKNOWN

Meaning = Callable[[str], Iterator[Reach]]

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_FAR = re.compile(r"(?P<host>(?:[^/:@\[\]]+@)?(?:[^/:@\[\]]+|\[[^\]]*\])):")
_SHELLED = re.compile(r"[$`;|&()<>\n]")  # a shell at the other end may act on these
_CLIMBS = re.compile(r"(?:\A|[/:])\.\.(?:/|\Z)")
_SWITCH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=(?:v?[0-9]+(?:\.[0-9]+)*|yes|no|true|false|on|off)?")
_ITEM = re.compile(r"[^:=@]*(?:==?|:=?)?@(?P<file>.*)", re.DOTALL)
_PROPERTY = re.compile(
    r"(?:skipTests|maven\.test\.skip|test|it\.test)(?:=[\w.*,#-]*)?|CMAKE_BUILD_TYPE(?::STRING)?=\w+"
    r"|(?:CMAKE|BUILD|ENABLE|WITH|USE)_\w+(?::BOOL)?=(?:ON|OFF|TRUE|FALSE|[0-9]+)"
)
_STRICT = frozenset({"errexit", "nounset", "pipefail", "xtrace", "noglob", "noclobber"})
_REPORTS = frozenset({"html", "xml", "json", "lcov", "annotate", "markdown"})


def text(_word: str) -> Iterator[Reach]:
    """Nothing outside the program."""
    return iter(())


def read(word: str) -> Iterator[Reach]:
    """A file that is read."""
    yield from file("read", word)


def load(word: str) -> Iterator[Reach]:
    """A file that says what is started or loaded."""
    yield from file("load", word)


def write(word: str) -> Iterator[Reach]:
    """A file that is written."""
    yield from file("write", word)


def delete(word: str) -> Iterator[Reach]:
    """A file that is deleted."""
    yield from file("delete", word)


def host(word: str) -> Iterator[Reach]:
    """A host, perhaps with a user and a port."""
    yield from known("host", word)


def url(word: str) -> Iterator[Reach]:
    """A URL."""
    yield from known("url", word)


def registry(word: str) -> Iterator[Reach]:
    """The URL of a registry that is asked in place of the usual one."""
    yield from known("url", word)


def code(_word: str) -> Iterator[Reach]:
    """Code in some language, which nothing here reads."""
    yield problem("code")


def place(word: str) -> Iterator[Reach]:
    """A directory that is read and written."""
    yield from file("read", word)
    yield from file("write", word)


def source(word: str) -> Iterator[Reach]:
    """A file, or a URL that stands for one."""
    yield from known("url", word) if SCHEME.match(word) else file("read", word)


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
    if SCHEME.match(word):
        yield from known("url", word)
    elif far:
        yield from known("host", far["host"])
        if _SHELLED.search(word):
            yield problem("code")
    else:
        yield from file(access, word)


def copied_from(word: str) -> Iterator[Reach]:
    """What is read, here or on another host."""
    yield from _copied(word, "read")


def copied_to(word: str) -> Iterator[Reach]:
    """What is written, here or on another host."""
    yield from _copied(word, "write")


def database(word: str) -> Iterator[Reach]:
    """A file of sqlite3, which takes `file:` for the beginning of a URI."""
    yield from [problem("word")] if word.startswith("file:") else file("write", word)


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


def connection(word: str) -> Iterator[Reach]:
    """A database's name, its URL, or `host=... dbname=...` (libpq, Connection Strings)."""
    if SCHEME.match(word):
        scheme, _, rest = word.partition("://")
        authority, slash, path = rest.partition("/")
        for host in authority.rpartition("@")[2].split(","):
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
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+@-]*", word):
        yield problem("word")


def plain(word: str) -> Iterator[Reach]:
    """What a copy's name ends in, or what a warning is called; with a slash it may be a place."""
    if not re.fullmatch(r"[A-Za-z0-9_.+=~-]*", word):
        yield problem("word")


def undashed(word: str) -> Iterator[Reach]:
    """Text, in a program that takes a word with a dash for the next option."""
    if word.startswith(("-", UNKNOWN)):
        yield problem("option")


def value(word: str) -> Iterator[Reach]:
    """What a variable is set to; some programs expand `$` in it."""
    if re.search(r"[$`]|\(\)", word):
        yield problem("code")


def search(word: str) -> Iterator[Reach]:
    """Places between colons; an empty one is the place where the command stands."""
    for part in word.split(":"):
        yield from file("load", part or ".")


def entered(word: str) -> Iterator[Reach]:
    """A directory where commands run; `-` is one that only the shell knows."""
    yield from [problem("unknown")] if word == "-" else file("load", word)


def script(word: str) -> Iterator[Reach]:
    """A script of a shell, which takes a word with a plus for an option."""
    yield from [problem("option")] if word.startswith("+") else file("load", word)


def strict(word: str) -> Iterator[Reach]:
    """An option of a shell that makes it more careful."""
    if word not in _STRICT:
        yield problem("setting")


def stamp(word: str) -> Iterator[Reach]:
    """How a date is told; without a plus it would be set."""
    if not word.startswith("+"):
        yield problem("word")


def passed(word: str) -> Iterator[Reach]:
    """A name, or what is handed on to a program of the project: a place, an option with one."""
    name, equals, place = word.partition("=")
    last = place if equals and name.startswith("-") else word
    if SCHEME.match(last):
        yield from known("url", last)
    elif last.startswith(("/", "~")) or _CLIMBS.search(last):
        yield from file("load", last)


def project(word: str) -> Iterator[Reach]:
    """A directory whose files say what is started, and that is written."""
    yield from file("load", word)
    yield from file("write", word)


def report(word: str) -> Iterator[Reach]:
    """A kind of report and, behind a colon, the place where it is written."""
    kind, colon, target = word.partition(":")
    if colon and kind in _REPORTS:
        yield from file("write", target)
    elif colon and not word.startswith("term"):
        yield problem("word")


def item(word: str) -> Iterator[Reach]:
    """A field or header of a request: `name=text`, `name:text`, `name@file`, `name=@file`."""
    if "\\" in word:
        yield problem("backslash")
    elif found := _ITEM.fullmatch(word):
        yield from file("read", found["file"])
    else:
        yield from _maybe(word, "@")


def encoded(word: str) -> Iterator[Reach]:
    """Text that curl encodes, `name=text`, or `@` or `name@` and a file."""
    name, at, place = word.partition("@")
    if at and "=" not in name:
        yield from file("read", place)
    else:
        yield from _maybe(word, "@")


def upload(word: str) -> Iterator[Reach]:
    """A file that curl sends; braces and brackets would be several."""
    yield from _single(word, "{[", "read")


def saved(word: str) -> Iterator[Reach]:
    """A file that curl writes; `#1` would be a part of the URL."""
    yield from _single(word, "#", "write")


def _single(word: str, signs: str, access: Access) -> Iterator[Reach]:
    if any(sign in word for sign in signs):
        yield problem("several")
    else:
        yield from file(access, word)


def pushed(word: str) -> Iterator[Reach]:
    """A repository that is pushed to; one of this machine starts programs of its own."""
    for reach in repository(word):
        yield Reach("load", reach.text) if reach.kind == "read" else reach


def compiled(word: str) -> Iterator[Reach]:
    """Flags of Go's compiler that write nothing."""
    if not re.fullmatch(r"(?:all=)?(?:\s*-[NlmSB])*\s*", word):
        yield problem("word")


def bundle(word: str) -> Iterator[Reach]:
    """A package of the system: a name, a URL or a file."""
    if SCHEME.match(word):
        yield from known("url", word)
    elif "/" in word or word.startswith((".", "~")):
        yield from file("load", word)


def loaded(word: str) -> Iterator[Reach]:
    """A module that is loaded: a file, or a package of the project."""
    yield problem("code") if ":" in word else Reach("load", word)


def linked(word: str) -> Iterator[Reach]:
    """Flags of Go's linker that only strip and set variables."""
    if not re.fullmatch(r"(?:\s*(?:-[sw]|-X\s*=?\s*[\w./-]+=[^\s\"']*)(?=\s|\Z))*\s*", word):
        yield problem("word")


def defined(word: str) -> Iterator[Reach]:
    """A property that selects or switches something."""
    if not _PROPERTY.fullmatch(word):
        yield problem("word")


def goal(word: str) -> Iterator[Reach]:
    """A phase of a build, or a goal that only tells."""
    if ":" in word and word not in {"dependency:tree", "spring-boot:run", "help:effective-pom"}:
        yield problem("word")


def hub(word: str) -> Iterator[Reach]:
    """A repository of a service: `owner/name`, `host/owner/name` or a URL."""
    if SCHEME.match(word):
        yield from known("url", word)
    elif ":" in word:
        yield from known("host", word.partition(":")[0])
    elif word.count("/") > 1:
        yield from known("host", word.partition("/")[0])

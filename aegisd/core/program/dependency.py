"""Names of packages, which may be places: a URL, a repository, a folder, a host in a module path."""

import re
from collections.abc import Iterator

from aegisd.core.program.reach import Reach, file, known, problem

_URL = re.compile(r"(?:(?:git|hg|svn|bzr|sparse|registry)\+)?(?P<url>[A-Za-z][A-Za-z0-9+.\-]*://.*)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?\s*(?:[<>=!~;,@^ ].*)?")
_SCOPED = re.compile(r"@[a-z0-9~_-][a-z0-9._~-]*/[a-z0-9._~-]+(?:@[^/:]*)?|@[a-z0-9._~-]+/\.\.\.")
_HOSTED = re.compile(r"(?:(?P<service>github|gitlab|bitbucket|gist):)?[\w.-]+/[\w.-]+(?:#.*)?")
_SERVICES = {
    "github": "github.com",
    "gitlab": "gitlab.com",
    "bitbucket": "bitbucket.org",
    "gist": "gist.github.com",
}
_ARCHIVES = (".whl", ".tar.gz", ".tgz", ".zip", ".tar.bz2")


def requirement(word: str) -> Iterator[Reach]:
    """A requirement of pip (PEP 508): a name, a URL behind `@` or alone, a folder or a file."""
    name, at, direct = word.partition("@")
    direct = direct.strip()
    if found := _URL.fullmatch(word):
        yield from known("url", found["url"])
    elif at and _NAME.fullmatch(name.strip()):
        yield from _direct(direct)
    elif word.startswith((".", "/", "~")) or "/" in word or word.endswith(_ARCHIVES):
        yield from file("load", re.sub(r"\[[^\]]*\]\Z", "", word))
    elif not _NAME.fullmatch(word):
        yield problem("word")


def _direct(word: str) -> Iterator[Reach]:
    found = _URL.fullmatch(word)
    yield from known("url", found["url"]) if found else file("load", word)


def package(word: str) -> Iterator[Reach]:
    """A package of npm: a name, an alias, a URL, a repository of a known service, a folder."""
    alias, at, target = word.partition("@npm:")
    name = target if at else word
    if found := _URL.fullmatch(name.partition("@")[2] or name) or _URL.fullmatch(name):
        yield from known("url", found["url"])
    elif name.startswith((".", "/", "~", "file:")) or name.endswith(_ARCHIVES):
        yield from file("load", name.removeprefix("file:"))
    elif hosted := _HOSTED.fullmatch(name):
        yield Reach("host", _SERVICES[hosted["service"] or "github"])
    elif not (_SCOPED.fullmatch(name) or _NAME.fullmatch(name)) or ":" in name:
        yield problem("word")


def module(word: str) -> Iterator[Reach]:
    """A package or module of Go: a folder, a module path that begins with its host, a standard one."""
    path = word.partition("@")[0]
    first = path.partition("/")[0]
    if path.startswith((".", "/", "~")) or path.endswith(".go"):
        yield from file("load", path)
    elif "." in first:
        yield from known("host", first)

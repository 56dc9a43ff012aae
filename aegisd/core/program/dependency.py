"""Names of packages, which may be places: a URL, a repository, a folder, a path with a host."""

import re
from collections.abc import Iterator

from aegisd.core.program.reach import Reach, file, known, problem

_URL = re.compile(
    r"(?:(?:git|hg|svn|bzr|sparse|registry)\+)?(?P<url>[A-Za-z][A-Za-z0-9+.\-]*://.*)"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?\s*(?:[<>=!~;,@^ ].*)?")
_NPM = re.compile(r"(?:@[\w~-][\w.~-]*/)?[A-Za-z0-9_][\w.-]*(?:@(?P<target>.*))?", re.ASCII)
_RANGE = re.compile(r"(?:[~^<>=v*0-9x][\w.+*<>=^~| -]*|[A-Za-z][\w.-]*)?", re.ASCII)
_HOSTED = re.compile(r"(?:(?P<service>github|gitlab|bitbucket|gist):)?[\w.-]+/[\w.-]+(?:#.*)?")
_SERVICES = {
    "github": "github.com",
    "gitlab": "gitlab.com",
    "bitbucket": "bitbucket.org",
    "gist": "gist.github.com",
}
_ARCHIVES = (".whl", ".tar", ".tar.gz", ".tgz", ".zip", ".tar.bz2")


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
    """A package of npm: a name and a version, an alias, a URL, a repository of a service, a folder.

    What stands behind the name's `@` is read as what stands alone is.
    """
    named = _NPM.fullmatch(word)
    target = named["target"] if named and named["target"] else ""
    if target.startswith("npm:"):
        yield from package(target.removeprefix("npm:"))
    elif not named or (target and not _RANGE.fullmatch(target)):
        yield from _placed(target or word)


def _placed(word: str) -> Iterator[Reach]:
    found = _URL.fullmatch(word)
    hosted = _HOSTED.fullmatch(word)
    if found:
        yield from known("url", found["url"])
    elif word.startswith((".", "/", "~", "file:")) or word.endswith(_ARCHIVES):
        yield from file("load", word.removeprefix("file:"))
    elif hosted:
        yield Reach("host", _SERVICES[hosted["service"] or "github"])
    else:
        yield problem("word")


def module(word: str) -> Iterator[Reach]:
    """A package or module of Go: a folder, a path that begins with its host, a standard one."""
    path = word.partition("@")[0]
    first = path.partition("/")[0]
    if path.startswith((".", "/", "~")) or path.endswith(".go"):
        yield from file("load", path)
    elif "." in first:
        yield from known("host", first)

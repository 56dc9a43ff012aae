"""A planted bug: one small wrong change to a copy of the checkout, and what must fail there."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec
import yaml
from msgspec import Struct

ROOT = Path(__file__).parents[2]
BUGS = Path(__file__).parent

# What packs and tests need of a checkout. Compiled files come along: they name the time of their
# source, so only the changed one is compiled again.
_COPIED = ("aegis", "aegisd", "aegisctl", "policies", "manifests", "conformance", "drills", "tests")

# Safe, and by libyaml where it is built in: a hundred files are read in a tenth of the time.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# What tells a checkout from a folder that happens to be called so.
_MARK = "pyproject.toml"


class Bug(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One wrong change: `old` stands exactly once in `file`, and `new` must be noticed.

    `story` says how it came about, `law` which promise it breaks. `cases` are ids of the packs and
    `tests` modules or tests of the suite, the fewest that must catch it: each of them fails.
    """

    story: str
    law: str
    file: str
    old: str
    new: str
    cases: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()


class BugInvalid(Exception):
    """A bug that cannot be planted: the message names the file and what to mend in it."""


def bugs(names: Sequence[str] = (), folder: Path = BUGS) -> dict[str, Bug]:
    """The bugs of a folder by name, or those named. Raises `BugInvalid`."""
    known = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise BugInvalid(f"no bug is called {', '.join(unknown)}; there are {', '.join(known)}")
    return {name: _read(known[name]) for name in names or known}


def plant(bug: Bug, tree: Path) -> None:
    """Change one file of a copy. Raises `BugInvalid` where `old` does not stand there once."""
    file = tree / bug.file
    if not file.is_file():
        raise BugInvalid(f"{bug.file}: expected a file of the checkout, found none")
    text = file.read_text("utf-8")
    found = text.count(bug.old)
    if found != 1:
        raise BugInvalid(f"{bug.file}: expected the old text once, found it {found} times")
    file.write_text(text.replace(bug.old, bug.new), "utf-8")


def copy(tree: Path) -> None:
    """Copy what a run needs into an empty folder."""
    for name in _COPIED:
        shutil.copytree(ROOT / name, tree / name)
    shutil.copy(ROOT / _MARK, tree)


def _read(path: Path) -> Bug:
    try:
        read = yaml.load(path.read_text("utf-8"), _LOADER)  # noqa: S506 - a safe loader
        bug = msgspec.convert(read, Bug)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise BugInvalid(f"{path.name}: {error}") from None
    if not bug.cases and not bug.tests:
        raise BugInvalid(f"{path.name}: expected ids of cases, or tests, that catch it; found none")
    if bug.old == bug.new:
        raise BugInvalid(f"{path.name}: old and new are the same text")
    return bug

"""The locks name one version, with its hashes, of everything the projects ask for."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.lock import builds

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))

lock = pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)


def pinned(path: Path) -> Iterator[tuple[Requirement, list[str]]]:
    """Each requirement of a lock with its hashes."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE)
    for line in text.replace("\\\n", " ").splitlines():
        wanted, *hashes = line.split(" --hash=")
        yield Requirement(wanted.strip()), [each.strip() for each in hashes]


def versions(name: str) -> dict[str, str]:
    """The locked version of each distribution."""
    found: dict[str, str] = {}
    for wanted, _ in pinned(ROOT / f"requirements/{name}.txt"):
        (exact,) = wanted.specifier
        found[canonicalize_name(wanted.name)] = exact.version
    return found


def asked(name: str) -> list[str]:
    """What a lock was made for, in words of the projects."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    ours = [*project["dependencies"], *extras["postgres"], *builds("pyproject.toml").splitlines()]
    return {
        "run": ours,
        "test": [*ours, *(each for each in extras["dev"] if project["name"] not in each)],
        "engine": builds("native/pyproject.toml").splitlines(),
        "tools": re.findall(r"^\w.*$", (ROOT / "requirements/tools.in").read_text(), re.MULTILINE),
    }[name]


@lock
def test_every_line_is_one_exact_version_with_hashes(path: Path) -> None:
    for wanted, hashes in pinned(path):
        assert re.fullmatch(r"==[^*,]+", str(wanted.specifier)), wanted
        assert hashes, wanted
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), wanted


@lock
def test_no_lock_names_an_index_so_each_machine_uses_its_own(path: Path) -> None:
    text = path.read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--\w*index|--find-links)", text, re.MULTILINE)


@lock
def test_what_is_asked_for_is_locked_within_its_range(path: Path) -> None:
    """After a change of what is asked for: `make lock`."""
    locked = versions(path.stem)
    for line in asked(path.stem):
        wanted = Requirement(line)
        version = locked.get(canonicalize_name(wanted.name))
        assert version is not None, f"{line} is not in {path.name}; run make lock"
        assert version in wanted.specifier, f"{line}, locked is {version}; run make lock"


@lock
def test_one_environment_can_hold_all_locks(path: Path) -> None:
    widest = versions("test")
    assert all(
        widest.get(name, version) == version for name, version in versions(path.stem).items()
    )


def test_the_tests_run_on_all_that_the_daemon_runs_on() -> None:
    assert versions("run").items() <= versions("test").items()

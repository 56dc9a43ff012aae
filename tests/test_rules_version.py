"""The digest that says which rules a build applies."""

import importlib.metadata
import shutil
import unicodedata
from pathlib import Path

import pytest

import aegisd.core
from aegisd.rules_version import rules_version


@pytest.fixture
def core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of core that the digest is taken of."""
    copy = tmp_path / "core"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(aegisd.core.__file__).parent, copy, ignore=ignored)
    monkeypatch.setattr(aegisd.core, "__file__", str(copy / "__init__.py"))
    return copy


def version() -> str:
    return rules_version.__wrapped__()


def test_the_same_sources_give_the_same_version_wherever_they_lie(core: Path) -> None:
    assert core.is_dir()
    assert version() == rules_version()
    assert len(bytes.fromhex(rules_version())) == 32


def test_line_endings_and_other_files_change_nothing(core: Path) -> None:
    for source in core.rglob("*.py"):
        source.write_bytes(source.read_bytes().replace(b"\n", b"\r\n"))
    (core / "notes.txt").write_text("x")
    (core / "__pycache__").mkdir()
    (core / "__pycache__" / "decide.pyc").write_bytes(b"x")
    assert version() == rules_version()


def test_each_module_of_core_is_part_of_the_version(core: Path) -> None:
    sources = sorted(core.rglob("*.py"))
    told = {rules_version()}
    for source in sources:
        before = source.read_bytes()
        source.write_bytes(before + b"#")
        told.add(version())
        source.write_bytes(before)
    assert len(told) == len(sources) + 1
    assert version() == rules_version()


def test_a_module_added_moved_or_taken_away_changes_the_version(core: Path) -> None:
    (core / "decide.py").rename(core / "decide_.py")
    moved = version()
    (core / "decide_.py").unlink()
    gone = version()
    (core / "added.py").write_bytes(b"")
    assert len({rules_version(), moved, gone, version()}) == 4


@pytest.mark.parametrize("library", ["idna", "jsonschema-rs", "msgspec", "rfc8785"])
def test_the_version_of_each_library_that_core_computes_with_is_part_of_it(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.metadata.version

    def newer(name: str) -> str:
        return "999" if name == library else found(name)

    monkeypatch.setattr(importlib.metadata, "version", newer)
    assert version() != rules_version()


def test_the_unicode_data_is_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unicodedata, "unidata_version", "99.0.0")
    assert version() != rules_version()

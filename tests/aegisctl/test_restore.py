"""`restore`: a verified backup is the log again, and nothing else becomes one."""

import json
from pathlib import Path

import pytest

from aegisd.store.sqlite.store import SqliteStore
from tests.aegisctl.conftest import Type
from tests.audit.full import tables


def test_a_restored_backup_is_the_log_again(full: Path, tmp_path: Path, type_: Type) -> None:
    out, place = tmp_path / "backup.db", tmp_path / "restored.db"
    assert type_("backup", "--dsn", full, "--out", out, "--json").code == 0
    typed = type_("restore", out, "--dsn", place, "--json")
    assert typed.code == 0, typed.err
    assert json.loads(typed.out)["tenants"] == 3
    assert tables(place) == tables(full)


def test_what_is_no_database_is_not_restored(full: Path, tmp_path: Path, type_: Type) -> None:
    export = tmp_path / "acme.jsonl"
    assert type_("export", "--dsn", full, "--tenant", "acme", "--out", export).code == 0
    assert type_("restore", export, "--dsn", tmp_path / "out.db").code == 2
    empty = tmp_path / "empty.db"
    SqliteStore(str(empty)).close()
    assert type_("backup", "--dsn", empty, "--out", tmp_path / "out.db").code == 2
    assert type_("restore", empty, "--dsn", tmp_path / "out.db").code == 2
    assert not (tmp_path / "out.db").exists()


def test_reading_a_backup_leaves_nothing_beside_it_and_names_it_as_it_was_typed(
    full: Path, tmp_path: Path, type_: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    assert type_("backup", "--dsn", full, "--out", shelf / "monday.db").code == 0
    assert type_("restore", shelf / "monday.db", "--dsn", tmp_path / "again.db").code == 0
    assert [each.name for each in shelf.iterdir()] == ["monday.db"]
    (shelf / "other.db").write_bytes(b"SQLite format 3\0 and no more")
    monkeypatch.chdir(tmp_path)
    told = type_("verify", "shelf/other.db")
    assert told.err.startswith("aegisctl: shelf/other.db is not an SQLite database")

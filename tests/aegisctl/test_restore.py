"""`restore`: a verified backup is the log again, and nothing else becomes one."""

import json
from pathlib import Path

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

"""`backup` and `restore`: the same log in another file, verified, from any store into any other."""

from pathlib import Path

import pytest

from aegisd.store.sqlite.store import SqliteStore
from tests.aegisctl.conftest import Type
from tests.audit.full import tables
from tests.audit.recording import call, record
from tests.audit.signed import vkey
from tests.audit.tampering import tamper


def test_a_backup_holds_all_of_a_log_and_can_be_opened(
    full: Path, tmp_path: Path, type_: Type
) -> None:
    out = tmp_path / "backup.db"
    typed = type_("backup", "--dsn", full, "--out", out)
    assert typed.code == 0, typed.err
    assert "verified" in typed.out
    assert tables(out) == tables(full)
    assert out.stat().st_mode & 0o777 == 0o600
    assert type_("verify", out, "--tenant", "acme", "--key", vkey()).code == 0
    assert type_("replay", out, "--tenant", "acme").code == 0
    store = SqliteStore(str(out))
    record(store, [call("read_file", {"path": "/workspace/after"})])
    store.close()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"aegis.db", "aegis.db.lock", "backup.db", "backup.db.lock"}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE events SET user_id = 'x' WHERE tenant_id = 'acme' AND position = 5",
        "DELETE FROM events WHERE tenant_id = 'acme' AND position = 5",
        "DELETE FROM documents WHERE kind = 'manifest'",
        "UPDATE checkpoints SET root = zeroblob(32) WHERE size = 20",
        "UPDATE blocks SET root = zeroblob(32)",
        "UPDATE events SET hash = zeroblob(32) WHERE tenant_id = 'zeta' AND position = 3",
    ],
)
def test_a_log_that_does_not_hold_is_neither_backed_up_nor_restored(
    full: Path, tmp_path: Path, type_: Type, change: str
) -> None:
    tamper(full, change)
    out = tmp_path / "out.db"
    assert type_("backup", "--dsn", full, "--out", out).code == 1
    assert type_("restore", full, "--dsn", out).code == 1
    assert not [path for path in tmp_path.iterdir() if "out.db" in path.name]


def test_nothing_is_ever_written_over_a_log(full: Path, tmp_path: Path, type_: Type) -> None:
    out = tmp_path / "out.db"
    out.write_bytes(b"precious")
    assert type_("backup", "--dsn", full, "--out", out).code == 2
    assert type_("restore", full, "--dsn", out).code == 2
    assert out.read_bytes() == b"precious"
    assert type_("backup", "--dsn", full, "--out", out, "--force").code == 0
    beside = tmp_path / "out.db-wal"
    beside.write_bytes(b"of a database in use")
    typed = type_("backup", "--dsn", full, "--out", out, "--force")
    assert typed.code == 2
    assert "in use" in typed.err


def test_what_a_reader_left_beside_a_database_that_was_moved_away_is_in_nobodys_way(
    full: Path, tmp_path: Path, type_: Type
) -> None:
    out = tmp_path / "out.db"
    shared, changes = tmp_path / "out.db-shm", tmp_path / "out.db-wal"
    shared.write_bytes(bytes(32_768))
    changes.write_bytes(b"")
    assert type_("restore", full, "--dsn", out).code == 0
    assert type_("verify", out).code == 0
    out.unlink()
    changes.write_bytes(b"what was acknowledged")
    assert type_("restore", full, "--dsn", out).code == 2

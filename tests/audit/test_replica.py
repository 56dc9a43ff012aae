"""A replica has what the log has, up to where that ended, in transactions of a bounded size."""

from pathlib import Path

import pytest

from aegisd.audit import backup, replica
from aegisd.audit.database_log import DatabaseLog
from aegisd.rows import SnapshotRow
from aegisd.store.sqlite.store import SqliteStore
from tests.audit.full import tables
from tests.audit.tampering import tamper


def test_cached_folds_are_left_out(full: Path, tmp_path: Path) -> None:
    store = SqliteStore(str(full))
    row = SnapshotRow(
        tenant_id="acme", session_id="s1", rules_version="r", head=0, head_hash=b"", body=b"x"
    )
    store.keep([row])
    store.close()
    tamper(full, "UPDATE snapshots SET body = x'78' WHERE session_id = 's1'")
    out = tmp_path / "backup.db"
    log = DatabaseLog(str(full))
    target = SqliteStore(str(out))
    replica.replicate(log, target, replica.ends(log))
    assert target.snapshot("acme", "s1") is None
    target.close()
    log.close()


def test_events_are_copied_in_transactions_of_a_bounded_size(
    full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("COPY_EVENTS", 3), ("COPY_CHECKPOINTS", 1), ("COPY_BLOCKS", 1)):
        monkeypatch.setattr(replica, name, value)
    log = DatabaseLog(str(full))
    backup.write_file(log, tmp_path / "small.db", replica.ends(log))
    monkeypatch.setattr(replica, "COPY_BYTES", 1)
    backup.write_file(log, tmp_path / "smaller.db", replica.ends(log))
    log.close()
    assert tables(tmp_path / "small.db") == tables(full) == tables(tmp_path / "smaller.db")

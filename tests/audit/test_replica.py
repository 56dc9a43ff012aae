"""A replica has what the log has, up to where that ended, in transactions of a bounded size."""

from pathlib import Path

import pytest

from aegisd.audit import backup, replica
from aegisd.audit.database_log import DatabaseLog
from aegisd.audit.verification.database import verify_database
from aegisd.rows import Batch, Detached, SnapshotRow
from aegisd.store.memory import MemoryStore
from aegisd.store.sqlite.store import SqliteStore
from tests.audit.full import tables
from tests.audit.tampering import tamper
from tests.audit.verification.test_values import HELD, recorded
from tests.engine.world import configured, run, running


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


class _Erasing(MemoryStore):
    """A log that a batch is appended to right before the values of some event are read."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Batch] = []
        self.left = -1

    def append(self, batch: Batch) -> None:
        if batch.erased and self.left < 0:
            self.held.append(batch)
        else:
            super().append(batch)

    def detached(self, tenant_id: str, position: int) -> list[Detached]:
        self.left -= 1
        if self.left == 0:
            super().append(self.held[-1])
        return super().detached(tenant_id, position)


@pytest.mark.parametrize("left", range(1, 11))
def test_a_copy_beside_which_a_subject_is_erased_tells_of_the_erasure(left: int) -> None:
    source, target = _Erasing(), MemoryStore()
    source.left = 10**9
    recorded(source)

    async def erase() -> None:
        source.left = -1
        async with running(source, told=configured(HELD)) as engine:
            await engine.erase("acme", "u1", author="ann", reason="asked to")

    run(erase())
    until = replica.ends(source)
    source.left = left
    copied = replica.replicate(source, target, until)
    assert verify_database(target, ["acme"]).breaks == []
    missed = source.left > 0
    assert len(target.values_of("acme", "u1")) == (4 if missed else 0)
    assert copied["acme"].next_position == until["acme"].next_position + (not missed)

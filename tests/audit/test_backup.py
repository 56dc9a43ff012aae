"""A backup is the log as it was when the backup began, verified."""

import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aegisd.audit import backup, replica
from aegisd.audit.database_log import DatabaseLog
from aegisd.audit.export_writing import complete, plan_of
from aegisd.audit.partial_export import PartialExport
from aegisd.audit.proofs import StoredProofs
from aegisd.audit.replica import End, ends
from aegisd.core.errors import ConfigInvalid, LogCorrupt
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.merkle import Tree
from aegisd.rows import Checkpoint, Growth
from aegisd.store.memory import MemoryStore
from aegisd.store.sqlite.store import SqliteStore
from tests.audit.full import tables
from tests.audit.recording import call, record
from tests.audit.tampering import tamper

# What somebody does to the one value of the log.
ALTERED = (
    "UPDATE detached SET value = CAST('43' AS BLOB)",
    "UPDATE detached SET salt = randomblob(32)",
    "UPDATE detached SET salt = zeroblob(32)",
    "UPDATE detached SET subject = 'u2'",
    "UPDATE detached SET pointer = '/meta'",
    "DELETE FROM detached",
)


def test_a_log_is_backed_up_to_where_it_ended_while_it_is_written(
    full: Path, tmp_path: Path
) -> None:
    before = tables(full)
    store = SqliteStore(str(full))
    log = _Growing(full, store)
    copied = backup.write_file(log, tmp_path / "backup.db", replica.ends(log))
    log.close()
    store.close()
    assert log.times > 0
    assert tables(tmp_path / "backup.db") == before
    assert copied.events == len(before["events"])


class _Growing(DatabaseLog):
    """A reader beside whom a daemon appends and signs whenever events are asked for."""

    def __init__(self, path: Path, store: SqliteStore) -> None:
        super().__init__(str(path))
        self._store, self.times = store, 0

    def events(
        self, tenant_id: str, *, from_position: int = 0, limit: int | None = None
    ) -> Iterator[StoredEvent]:
        self.times += 1
        record(self._store, [call("read_file", {"path": f"/workspace/late{self.times}"})])
        tree = Tree()
        tree.extend(self._store.hashes("acme", from_position=0, limit=1000))
        signed = Checkpoint(tenant_id="acme", size=tree.size, root=tree.root())
        self._store.grow(Growth(tenant_id="acme", first_block=0, checkpoints=[signed]))
        return super().events(tenant_id, from_position=from_position, limit=limit)


def test_a_copy_that_ends_elsewhere_than_its_source_is_none(full: Path) -> None:
    with closing(DatabaseLog(str(full))) as log:
        until = ends(log)
        assert backup.verify(log, until).tenants == 3
        last = until["acme"]
        for other in (
            End(last.next_position - 1, last.hash),
            End(last.next_position, b"\1" * 32),
        ):
            with pytest.raises(LogCorrupt, match="ends elsewhere"):
                backup.verify(log, {**until, "acme": other})


def test_a_store_that_holds_a_log_is_not_filled(full: Path) -> None:
    store = MemoryStore()
    with closing(DatabaseLog(str(full))) as log:
        backup.fill(log, store, ends(log))
        assert backup.verify(store, ends(log)).tenants == 3
        with pytest.raises(ConfigInvalid, match="holds a log already"):
            backup.fill(log, store, ends(log))


@pytest.mark.parametrize("statement", ALTERED)
def test_values_that_are_not_those_of_their_events_are_neither_backed_up_nor_exported(
    full: Path, tmp_path: Path, statement: str
) -> None:
    tamper(full, statement)
    with closing(DatabaseLog(str(full))) as log:
        with pytest.raises(LogCorrupt, match=r"tenant beside, position 0, .*detached"):
            backup.write_file(log, tmp_path / "backup.db", replica.ends(log))
        plan = plan_of(StoredProofs(log), "beside", None, values=True)
        refused = pytest.raises(LogCorrupt, match=r"detached.* is not exported")
        with closing(PartialExport.temporary(plan)) as partial, refused:
            complete(log, None, partial, io.BytesIO())
    assert not (tmp_path / "backup.db").exists()

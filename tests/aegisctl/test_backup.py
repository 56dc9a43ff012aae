"""`backup` and `restore`: the same log in another file, verified, from any store into any other."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aegisctl import backup, copying
from aegisctl.copying import End, ends
from aegisctl.database import DatabaseLog
from aegisctl.display import silent
from aegisd.core.errors import LogCorrupt
from aegisd.core.log import detached
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.merkle import Tree
from aegisd.ports import Batch, Checkpoint, Detached, Growth, SnapshotRow
from aegisd.store.sqlite.store import SqliteStore
from tests.aegisctl.conftest import Type
from tests.aegisctl.recording import call, record
from tests.aegisctl.signed import sign, vkey
from tests.aegisctl.tampering import tamper
from tests.core.builders import chain, envelope

TABLES = {
    "events": "tenant_id, position",
    "documents": "digest",
    "checkpoints": "tenant_id, size",
    "blocks": "tenant_id, number",
    "tenant_heads": "tenant_id",
    "detached": "tenant_id, position, pointer",
}


def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything in a database but cached folds."""
    with closing(sqlite3.connect(path)) as file:
        return {
            table: file.execute(f"SELECT * FROM {table} ORDER BY {order}").fetchall()  # noqa: S608
            for table, order in TABLES.items()
        }


@pytest.fixture
def full(log_file: Path) -> Path:
    """A log with values beside events, blocks and checkpoints."""
    store = SqliteStore(str(log_file))
    record(store, [call("read_file", {"path": f"/workspace/{n}"}) for n in range(140)])
    salt, value = b"\3" * 32, b'"42"'
    payload = {"content": detached.commitment(salt, value)}
    events = chain([envelope(0, "USER_MESSAGE", payload, session_id="b", tenant_id="beside")])
    row = Detached(
        tenant_id="beside", position=0, pointer="/content", subject="u1", salt=salt, value=value
    )
    store.append(Batch(tenant_id="beside", first_position=0, events=events, detached=[row]))
    store.close()
    sign(log_file, size=20)
    newest = sign(log_file)
    assert newest.size > 256
    return log_file


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


def test_a_restored_backup_is_the_log_again(full: Path, tmp_path: Path, type_: Type) -> None:
    out, place = tmp_path / "backup.db", tmp_path / "restored.db"
    assert type_("backup", "--dsn", full, "--out", out, "--json").code == 0
    typed = type_("restore", out, "--dsn", place, "--json")
    assert typed.code == 0, typed.err
    assert json.loads(typed.out)["tenants"] == 3
    assert tables(place) == tables(full)


def test_a_log_is_backed_up_to_where_it_ended_while_it_is_written(
    full: Path, tmp_path: Path
) -> None:
    before = tables(full)
    store = SqliteStore(str(full))
    log = _Growing(full, store)
    copied = backup.write_file(log, tmp_path / "backup.db")
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


def test_cached_folds_are_left_out(full: Path, tmp_path: Path, type_: Type) -> None:
    store = SqliteStore(str(full))
    row = SnapshotRow(
        tenant_id="acme", session_id="s1", rules_version="r", head=0, head_hash=b"", body=b"x"
    )
    store.append(
        Batch(tenant_id="acme", first_position=store.next_position("acme"), events=(),
              snapshots=(row,))
    )  # fmt: skip
    store.close()
    tamper(full, "UPDATE snapshots SET body = x'78' WHERE session_id = 's1'")
    out = tmp_path / "backup.db"
    log = DatabaseLog(str(full))
    target = SqliteStore(str(out))
    copying.copy(log, target, ends(log), silent)
    assert target.snapshot("acme", "s1") is None
    target.close()
    log.close()


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


def test_what_is_no_database_is_not_restored(full: Path, tmp_path: Path, type_: Type) -> None:
    export = tmp_path / "acme.jsonl"
    assert type_("export", "--dsn", full, "--tenant", "acme", "--out", export).code == 0
    assert type_("restore", export, "--dsn", tmp_path / "out.db").code == 2
    empty = tmp_path / "empty.db"
    SqliteStore(str(empty)).close()
    assert type_("backup", "--dsn", empty, "--out", tmp_path / "out.db").code == 2
    assert type_("restore", empty, "--dsn", tmp_path / "out.db").code == 2
    assert not (tmp_path / "out.db").exists()


def test_events_are_copied_in_transactions_of_a_bounded_size(
    full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("COPY_EVENTS", 3), ("COPY_CHECKPOINTS", 1), ("COPY_BLOCKS", 1)):
        monkeypatch.setattr(copying, name, value)
    log = DatabaseLog(str(full))
    backup.write_file(log, tmp_path / "small.db")
    monkeypatch.setattr(copying, "COPY_BYTES", 1)
    backup.write_file(log, tmp_path / "smaller.db")
    log.close()
    assert tables(tmp_path / "small.db") == tables(full) == tables(tmp_path / "smaller.db")


def test_a_copy_that_ends_elsewhere_than_its_source_is_none(full: Path) -> None:
    with closing(DatabaseLog(str(full))) as log:
        until = ends(log)
        assert backup.check(log, until).tenants == 3
        last = until["acme"]
        for other in (
            End(last.next_position - 1, last.hash),
            End(last.next_position, b"\1" * 32),
        ):
            with pytest.raises(LogCorrupt, match="ends elsewhere"):
                backup.check(log, {**until, "acme": other})

"""A file of version 1 is read as it is, and brought up to date by whoever may write it."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import pytest

from aegisctl import main
from aegisd.core.errors import LogCorrupt, StoreFailed
from aegisd.core.log.chain import Chain
from aegisd.store.sqlite import schema
from aegisd.store.sqlite.reader import SqliteReader
from aegisd.store.sqlite.store import SqliteStore
from tests.store.contract import checkpoint, growth

VERSION_1 = Path(__file__).parent / "files" / "version-1.db"


@pytest.fixture
def old(path: Path) -> Path:
    """A log that the version before wrote: 65 events of two tenants."""
    shutil.copy(VERSION_1, path)
    return path


def test_a_reader_of_an_old_file_reads_the_log_and_finds_no_evidence(old: Path) -> None:
    before = old.read_bytes()
    with closing(SqliteReader(str(old))) as reader:
        assert reader.schema_version() == 1
        assert reader.faults() == []
        assert len(list(reader.events("acme"))) == 44
        assert len(reader.hashes("acme", from_position=0, limit=100)) == 44
        assert reader.blocks("acme") == []
        assert reader.checkpoints("acme") == []
        assert reader.newest_checkpoint("acme") is None
        assert reader.detached("acme", 0) == []
        assert reader.values_of("acme", "u1") == []
    assert old.read_bytes() == before


def test_a_first_write_that_fails_half_way_is_tried_again(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(old)) as file:
        file.execute("PRAGMA journal_mode=DELETE")
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    with closing(SqliteStore(str(old))) as store:
        with monkeypatch.context() as failing:
            failing.setattr(schema, "bring_up_to_date", Mock(side_effect=full))
            with pytest.raises(StoreFailed):
                store.probe()
        store.probe()
        assert store.schema_version() == 2


def test_a_store_brings_an_old_file_up_to_date_and_changes_no_row(old: Path) -> None:
    with closing(SqliteReader(str(old))) as reader:
        before = {name: list(reader.events(name)) for name in reader.tenants()}
    reading = SqliteReader(str(old))
    store = SqliteStore(str(old))
    assert store.schema_version() == 1
    store.probe()
    assert store.schema_version() == 2
    assert store.faults() == []
    assert {name: list(store.events(name)) for name in store.tenants()} == before
    for name, rows in before.items():
        chain = Chain(whole=True)
        assert [found for row in rows for found in chain.check(row)] == []
        assert store.recorded_head(name) == (len(rows), rows[-1].hash)
    store.grow(growth(checkpoint(44)))
    # A reader of before sees what is new.
    assert reading.newest_checkpoint("acme") == checkpoint(44)
    reading.close()
    store.close()


def test_an_old_file_verifies_and_replays_before_and_after_it_is_brought_up_to_date(
    old: Path,
) -> None:
    for _ in range(2):
        for verb in ("verify", "replay"):
            assert main.run([verb, str(old)]) == 0
        SqliteStore(str(old)).close()


@pytest.mark.parametrize(
    "change",
    ["DROP TRIGGER events_no_delete", "CREATE TABLE detached (a)", "PRAGMA user_version=2"],
)
def test_an_old_file_that_was_changed_is_not_brought_up_to_date(old: Path, change: str) -> None:
    with closing(sqlite3.connect(old)) as other:
        other.execute(change)
    before = old.read_bytes()
    with pytest.raises(LogCorrupt, match="not as Aegis made it"):
        SqliteStore(str(old))
    assert old.read_bytes() == before


def test_a_new_file_that_claims_to_be_old_is_a_fault(path: Path) -> None:
    SqliteStore(str(path)).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version=1")
    with closing(SqliteReader(str(path))) as reader:
        assert "schema: table checkpoints was added" in reader.faults()
    with pytest.raises(LogCorrupt):
        SqliteStore(str(path))


def test_bringing_a_file_up_to_date_is_one_transaction(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aegisd.store.sqlite.schema.bring_up_to_date", half_of_it)
    with closing(SqliteStore(str(old))) as store, pytest.raises(StoreFailed, match="injected"):
        store.probe()
    monkeypatch.undo()
    with closing(SqliteReader(str(old))) as reader:
        assert reader.schema_version() == 1
        assert reader.faults() == []


def half_of_it(connection: sqlite3.Connection) -> None:
    """Begin to change the schema, and fail."""
    connection.execute("CREATE TABLE blocks (a)")
    connection.execute("PRAGMA user_version=2")
    raise sqlite3.ProgrammingError("injected")

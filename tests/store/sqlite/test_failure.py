"""What fails under a store: what may pass, and what ends it for good."""

import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import pytest

from aegisd.core.errors import ConfigInvalid, LogCorrupt, StoreBroken, StoreFailed
from aegisd.store.sqlite.reader import SqliteReader
from aegisd.store.sqlite.store import SqliteStore
from tests.store.contract import StoreContract, batch, document, event
from tests.store.sqlite.failing import Failing


def with_fault(store: SqliteStore, when: str, code: int) -> None:
    store._writer = Failing(store._writer, when, code)  # type: ignore[assignment] # on purpose


STATEMENTS = ("BEGIN", "INSERT INTO events", "INSERT INTO documents", "COMMIT")
LATER = batch([event(1)])
EVERYTHING = batch([event(1)], documents=[document(b"m")])


@pytest.mark.parametrize("when", STATEMENTS)
@pytest.mark.parametrize(
    "code",
    [
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_BUSY_SNAPSHOT,
    ],
)
def test_a_fault_that_may_pass_leaves_nothing_of_the_batch_and_lets_the_next_in(
    store: SqliteStore, when: str, code: int
) -> None:
    store.append(batch([event(0)]))
    real = store._writer
    with_fault(store, when, code)
    with pytest.raises(StoreFailed):
        store.append(EVERYTHING)
    store._writer = real
    assert not real.in_transaction
    StoreContract.assert_holds(store, [event(0)])
    assert store.document(document(b"m").digest) is None
    store.append(EVERYTHING)
    StoreContract.assert_holds(store, [event(0), event(1)])


@pytest.mark.parametrize("when", STATEMENTS)
@pytest.mark.parametrize(
    "code",
    [
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_IOERR_FSYNC,
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    ],
)
def test_a_disk_that_failed_ends_the_store_for_good(
    store: SqliteStore, when: str, code: int
) -> None:
    store.append(batch([event(0)]))
    real = store._writer
    with_fault(store, when, code)
    with pytest.raises(StoreBroken, match="disk failed"):
        store.append(EVERYTHING)
    store._writer = real
    with pytest.raises(StoreBroken, match="failed before"):
        store.append(EVERYTHING)
    StoreContract.assert_holds(store, [event(0)])


def test_a_transaction_that_cannot_be_rolled_back_ends_the_store(store: SqliteStore) -> None:
    real = store._writer
    with_fault(store, "COMMIT", sqlite3.SQLITE_FULL)
    with_fault(store, "ROLLBACK", sqlite3.SQLITE_BUSY)
    with pytest.raises(StoreBroken):
        store.append(batch([event(0)], documents=[document(b"m")]))
    store._writer = real
    real.execute("ROLLBACK")


@pytest.mark.parametrize("size", [1, 100, 300])
def test_a_full_disk_refuses_whole_batches_and_forgives_when_there_is_room(
    store: SqliteStore, size: int
) -> None:
    store._writer.execute("PRAGMA max_page_count=20")

    def fill() -> NoReturn:
        while True:
            first = store.next_position("acme")
            store.append(batch([event(first + i) for i in range(size)]))

    with pytest.raises(StoreFailed, match="full"):
        fill()
    kept = store.next_position("acme")
    assert kept % size == 0
    StoreContract.assert_holds(store, [event(i) for i in range(kept)])
    store._writer.execute("PRAGMA max_page_count=4000")
    store.append(batch([event(kept + i) for i in range(size)]))
    assert store.next_position("acme") == kept + size
    assert store.faults() == []


def test_a_foreign_writer_makes_a_batch_fail_and_the_next_pass(
    store: SqliteStore, path: Path
) -> None:
    store._writer.execute("PRAGMA busy_timeout=1")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for first in (batch([event(0)]), batch([event(0)], documents=[document(b"m")])):
            with pytest.raises(StoreFailed, match="locked"):
                store.append(first)
    store.append(batch([event(0)]))


def test_a_foreign_writer_at_the_start_is_named_as_the_reason(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aegisd.store.sqlite.store.BUSY_S_MAX", 0.01)
    SqliteStore(str(path)).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ConfigInvalid, match="written to by another program"):
            SqliteStore(str(path))


@pytest.mark.parametrize("fate", [Path.unlink, lambda path: path.rename(f"{path}.old")])
@pytest.mark.parametrize(
    ("suffix", "notices"),
    [
        *((suffix, SqliteStore.probe) for suffix in ("", "-wal", "-shm")),
        *((suffix, lambda store: store.append(LATER)) for suffix in ("", "-wal")),
    ],
)
def test_a_file_taken_away_under_the_store_ends_it_and_what_it_took_is_rescued(
    store: SqliteStore,
    path: Path,
    fate: Callable[[Path], None],
    suffix: str,
    notices: Callable[[SqliteStore], None],
) -> None:
    store.append(batch([event(0)]))
    store.probe()
    assert not store.fault
    database = path.open("rb")
    fate(Path(f"{path}{suffix}"))
    for _ in range(2):
        with pytest.raises(StoreBroken, match=f"{suffix} was moved or deleted while open; all"):
            notices(store)
    assert "moved or deleted" in store.fault
    # What a kill would leave: the database file alone.
    left = path.with_name("left.db")
    with database:
        left.write_bytes(database.read())
    with closing(SqliteStore(str(left))) as again:
        assert list(again.events("acme")) == [event(0)]


@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_a_file_cut_short_under_the_store_ends_it(
    store: SqliteStore, path: Path, suffix: str
) -> None:
    store.append(batch([event(0)]))
    store.append(batch([event(1)]))
    os.truncate(f"{path}{suffix}", 0)
    for _ in range(2):
        with pytest.raises(StoreBroken, match="was cut short while open"):
            store.append(batch([event(2)]))


def test_an_older_copy_written_into_the_open_file_ends_the_store_and_a_touch_does_not(
    store: SqliteStore, path: Path
) -> None:
    copies = []
    for position in range(2):
        store.append(batch([event(position)]))
        store._erased_in_wal = True
        store._empty_wal()
        copies.append(path.read_bytes())
        # The clock of a file system ticks some hundred times a second.
        os.utime(path, ns=(position, position))
        store.probe()
    assert len(copies[0]) == len(copies[1])
    # As a full disk leaves it in the middle of a checkpoint.
    path.write_bytes(copies[1][:8192] + bytes(len(copies[1]) - 8192))
    store.probe()
    path.write_bytes(copies[0])
    for _ in range(2):
        with pytest.raises(StoreBroken, match="was overwritten with another database while open"):
            store.append(batch([event(2)]))


def altered(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(statement)


def contents(path: Path) -> list[bytes]:
    return [file.read_bytes() if file.exists() else b"" for file in (path, Path(f"{path}-wal"))]


# What is done to a file that was closed, with its write-ahead log after one event and after two.
DONE: dict[str, Callable[[Path, bytes, bytes], object]] = {
    "-wal is older than it": lambda path, old, _new: Path(f"{path}-wal").write_bytes(old),
    "table more was added": lambda path, _old, _new: altered(path, "CREATE TABLE more (a)"),
    "": lambda path, _old, new: Path(f"{path}-wal").write_bytes(new),
    "$": lambda path, _old, _new: altered(path, "PRAGMA journal_mode=DELETE"),
}


@pytest.mark.parametrize("refusal", DONE)
def test_a_store_that_is_refused_or_not_written_to_leaves_every_byte_as_it_was(
    path: Path, refusal: str
) -> None:
    with closing(SqliteStore(str(path))) as store:
        store.append(batch([event(0)]))
        old = contents(path)[1]
        store._erased_in_wal = True
        store._empty_wal()
        store.append(batch([event(1)]))
        new = contents(path)[1]
    DONE[refusal](path, old, new)
    before, found = contents(path), ""
    try:
        SqliteStore(str(path)).close()
    except LogCorrupt as error:
        found = error.message
    assert re.search(refusal, found)
    assert contents(path) == before
    with closing(SqliteReader(str(path))) as reader:
        assert bool(reader.faults()) == bool(found)


def test_a_write_ahead_log_put_in_the_place_of_ours_is_left_alone(
    store: SqliteStore, path: Path
) -> None:
    store.append(batch([event(0)]))
    wal, before = Path(f"{path}-wal"), path.read_bytes()
    wal.with_suffix(".other").write_bytes(wal.read_bytes())
    wal.with_suffix(".other").replace(wal)
    with pytest.raises(StoreBroken, match="-wal was moved or deleted while open; the log"):
        store.probe()
    assert path.read_bytes() == before


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
@pytest.mark.parametrize("left", [None, b""])
def test_a_start_beside_what_a_lost_database_left_is_refused_and_makes_nothing(
    path: Path, suffix: str, left: bytes | None
) -> None:
    with closing(SqliteStore(str(path))) as store:
        store.append(batch([event(0)]))
        orphan = Path(f"{path}-wal").read_bytes()
    for each in path.parent.iterdir():
        each.unlink()
    Path(f"{path}{suffix}").write_bytes(orphan)
    if left is not None:
        path.write_bytes(left)
    before = sorted(path.parent.iterdir())
    with pytest.raises(ConfigInvalid, match=f"{suffix} is there and may hold"):
        SqliteStore(str(path))
    assert sorted(path.parent.iterdir()) == before


def test_an_empty_log_of_changes_that_a_reader_left_is_in_no_starts_way(path: Path) -> None:
    Path(f"{path}-wal").write_bytes(b"")
    with closing(SqliteStore(str(path))) as store:
        store.append(batch([event(0)]))
    assert path.stat().st_size


def test_a_store_says_why_its_last_write_failed_until_one_holds(store: SqliteStore) -> None:
    real = store._writer
    with_fault(store, "", sqlite3.SQLITE_FULL)
    with pytest.raises(StoreFailed):
        store.append(batch([event(0)]))
    with pytest.raises(StoreFailed):
        store.probe()
    assert "nothing of a batch was written" in store.fault
    store._writer = real
    store.probe()
    assert not store.fault
    store.append(batch([event(0)]))


def test_a_file_put_in_the_place_of_ours_ends_the_store(store: SqliteStore, path: Path) -> None:
    path.with_suffix(".other").write_bytes(path.read_bytes())
    path.with_suffix(".other").replace(path)
    with pytest.raises(StoreBroken, match="moved or deleted"):
        store.append(batch([event(0)]))

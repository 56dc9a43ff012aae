"""The tree over a log: roots of blocks and checkpoints, kept once and never another."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from aegisd.core.errors import LogCorrupt, StoreBroken, StoreFailed
from aegisd.ports import EventStore
from aegisd.store.sqlite.reader import SqliteReader
from aegisd.store.sqlite.store import SqliteStore
from tests.store.contract import batch, checkpoint, event, growth, value, with_values
from tests.store.sqlite.failing import Failing
from tests.store.sqlite.test_reader import tamper


@pytest.mark.parametrize("at", [2, 3])
@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM events WHERE position = {at}",
        "UPDATE events SET hash = 'text' WHERE position = {at}",
        "UPDATE events SET position = 99 WHERE position = {at}",
    ],
)
def test_a_position_that_is_missing_or_odd_is_named(path: Path, change: str, at: int) -> None:
    store = SqliteStore(str(path))
    store.append(batch([event(i) for i in range(6)]))
    store.close()
    tamper(path, change.format(at=at))
    with closing(SqliteReader(str(path))) as reader:
        with pytest.raises(LogCorrupt, match=f"position {at}") as caught:
            reader.hashes("acme", from_position=2, limit=10)
        assert caught.value.details == {"tenant_id": "acme", "position": at}


@pytest.mark.parametrize(
    ("change", "ask"),
    [
        ("UPDATE blocks SET root = 'x'", lambda r: r.blocks("acme")),
        ("UPDATE checkpoints SET root = 'x'", lambda r: r.checkpoints("acme")),
        ("UPDATE checkpoints SET note = x'ff'", lambda r: r.newest_checkpoint("acme")),
        ("UPDATE checkpoints SET size = 'x'", lambda r: r.newest_checkpoint("acme")),
        ("UPDATE detached SET value = 'x'", lambda r: r.detached("acme", 0)),
        ("UPDATE detached SET subject = x'ff'", lambda r: r.detached("acme", 0)),
        ("DROP TABLE blocks", lambda r: r.blocks("acme")),
        ("DROP TABLE detached", lambda r: r.values_of("acme", "u1")),
    ],
)
def test_no_read_believes_a_changed_table(
    path: Path, change: str, ask: Callable[[SqliteReader], object]
) -> None:
    store = SqliteStore(str(path))
    store.append(with_values([event(0)], value(0, "/a")))
    store.grow(growth(checkpoint(1), blocks=["0"]))
    store.close()
    tamper(path, change)
    with closing(SqliteReader(str(path))) as reader, pytest.raises(LogCorrupt):
        ask(reader)


def test_a_disk_that_fails_under_a_growth_ends_the_store(store: SqliteStore) -> None:
    real = store._writer
    store._writer = Failing(real, "INSERT INTO che", sqlite3.SQLITE_IOERR)  # type: ignore[assignment] # on purpose
    with pytest.raises(StoreBroken):
        store.grow(growth(checkpoint(1)))
    store._writer = real
    with pytest.raises(StoreBroken, match="failed before"):
        store.grow(growth(checkpoint(1)))
    with pytest.raises(StoreBroken, match="failed before"):
        store.append(batch([event(0)]))


def test_a_closed_store_keeps_no_growth(either: EventStore) -> None:
    either.close()
    with pytest.raises(StoreFailed, match="closed"):
        either.grow(growth(checkpoint(1)))

"""Detached values: kept with their events, and erased so that nothing of them is left."""

import random
import sqlite3
import tracemalloc
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from aegisd.core.errors import StoreFailed
from aegisd.core.log.envelope import seal
from aegisd.ports import EventStore
from aegisd.rows import Batch, Detached, Place
from aegisd.store.sqlite.store import SqliteStore
from tests.core.builders import envelope
from tests.effort import times
from tests.store.contract import checkpoint, event, growth
from tests.store.sqlite.failing import Failing


def value(
    position: int, text: bytes = b'"v"', *, subject: str = "u1", pointer: str = "/args/a"
) -> Detached:
    """A detached value of acme."""
    return Detached(
        tenant_id="acme",
        position=position,
        pointer=pointer,
        subject=subject,
        salt=bytes([position % 255 + 1]) * 32,
        value=text,
    )


def keep(store: EventStore, *values: Detached, erased: Sequence[str] = ()) -> None:
    """Append one event with its values, and erase subjects."""
    at = store.next_position("acme")
    kept = (*store.kept("acme"), *values)
    places = [Place(row.position, row.pointer) for row in kept if row.subject in erased]
    store.append(
        Batch(
            tenant_id="acme",
            first_position=at,
            events=[event(at)],
            detached=values,
            erased=places,
        )
    )


def test_an_event_is_searched_once_however_many_values_stand_beside_it(path: Path) -> None:
    text = "u" * 65_536
    told = envelope(0, "USER_MESSAGE", text, session_id="s", user_id="u1")
    kept = [value(0, pointer=f"/{each}") for each in range(128)]
    with closing(SqliteStore(str(path))) as store:
        row = replace(event(0), body=seal(told, 0, b"").body)
        store.append(Batch(tenant_id="acme", first_position=0, events=[row], detached=kept))
        tracemalloc.start()
        found = store.values_of("acme", "u1")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert len(found) == len(kept)
    assert peak < len(kept) * len(text) / 8


def test_a_value_that_somebody_made_look_erased_is_still_there_to_be_erased(path: Path) -> None:
    with closing(SqliteStore(str(path))) as store:
        keep(store, value(0))
        store._writer.execute("DROP TRIGGER detached_no_update")
        store._writer.execute("UPDATE detached SET salt = zeroblob(32)")
        assert [row.value for row in store.kept("acme")] == [b'"v"']
        keep(store, erased=["u1"])
        assert list(store.kept("acme")) == []


@pytest.mark.parametrize(
    "values",
    [
        [value(1)],
        [value(0), value(0)],
        [Detached(tenant_id="b", position=0, pointer="", subject="", salt=b"", value=b"")],
    ],
)
def test_values_that_are_not_of_the_batch_refuse_it_whole(
    either: EventStore, values: list[Detached]
) -> None:
    with pytest.raises(StoreFailed):
        keep(either, *values)
    assert either.next_position("acme") == 0
    assert either.detached("acme", 0) == []


def stored(path: Path) -> bytes:
    """Everything on the disk that belongs to a log."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")))


@pytest.mark.parametrize("seed", range(times(1, 40)))
@pytest.mark.parametrize(
    "sizes", [(16, 40), (100, 500), (2000, 9000), (16, 100, 1000, 30_000)], ids=str
)
def test_no_byte_of_an_erased_value_is_left_in_any_file(
    path: Path, sizes: tuple[int, ...], seed: int
) -> None:
    """Each value is a mark over and over, so that any piece of one shows."""
    chance = random.Random(seed)
    store = SqliteStore(str(path))
    live: dict[str, list[bytes]] = {}
    gone: list[bytes] = []
    for turn in range(60):
        subject = f"u{chance.randrange(8)}"
        marks = [b"%015d." % (turn * 100 + i) for i in range(chance.randrange(1, 8))]
        values = [
            value(turn, (mark * (chance.choice(sizes) // 16 + 1)), subject=subject, pointer=f"/{i}")
            for i, mark in enumerate(marks)
        ]
        live.setdefault(subject, []).extend(marks)
        erased = chance.sample(sorted(live), 1) if chance.random() < 0.3 else []
        gone += [mark for name in erased for mark in live.pop(name)]
        keep(store, *values, erased=erased)
        if erased:
            raw = stored(path)
            assert not [mark for mark in gone if mark in raw]
    raw = stored(path)
    assert gone
    assert all(mark in raw for marks in live.values() for mark in marks)
    assert store.faults() == []
    store.close()


def test_what_is_deleted_is_overwritten_and_nothing_goes_to_temporary_files(
    store: SqliteStore,
) -> None:
    wanted = {"secure_delete": 1, "temp_store": 2}
    assert {
        name: store._writer.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted
    } == wanted


def test_the_salt_of_an_erased_value_is_left_in_no_file(store: SqliteStore, path: Path) -> None:
    keep(store, value(0))
    assert value(0).salt in stored(path)
    keep(store, erased=["u1"])
    assert value(0).salt not in stored(path)


def test_a_reader_that_holds_the_log_back_delays_its_emptying_no_further_than_the_next_growth(
    store: SqliteStore, path: Path
) -> None:
    store._writer.execute("PRAGMA busy_timeout=10")
    keep(store, value(0, b'"secret-of-u1"'))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM events").fetchone()
        keep(store, erased=["u1"])
        assert list(store.kept("acme")) == []
        assert b"secret-of-u1" in stored(path), "the other still reads the log as it was"
    store.grow(growth(checkpoint(1)))
    assert b"secret-of-u1" not in stored(path)


def test_closing_empties_what_a_reader_held_back(path: Path) -> None:
    store = SqliteStore(str(path))
    store._writer.execute("PRAGMA busy_timeout=10")
    keep(store, value(0, b'"secret-of-u1"'))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM events").fetchone()
        keep(store, erased=["u1"])
    store.close()
    assert b"secret-of-u1" not in stored(path)


@pytest.mark.parametrize("when", ["BEGIN", "INSERT INTO events", "INSERT INTO det", "UPDATE"])
def test_a_fault_under_an_erasure_leaves_everything(store: SqliteStore, when: str) -> None:
    keep(store, value(0))
    real = store._writer
    store._writer = Failing(real, when, sqlite3.SQLITE_FULL)  # type: ignore[assignment] # on purpose
    with pytest.raises(StoreFailed):
        keep(store, value(1), erased=["u1"])
    store._writer = real
    assert store.detached("acme", 0) == [value(0)]
    assert store.next_position("acme") == 1


def test_a_batch_with_values_is_one_transaction_and_without_one_statement(
    store: SqliteStore,
) -> None:
    seen: list[str] = []
    store.probe()
    store._writer.set_trace_callback(seen.append)
    keep(store, value(0), erased=["u1"])
    verbs = [sql.split()[0] for sql in dict.fromkeys(seen)]
    assert verbs == ["BEGIN", "SELECT", "INSERT", "INSERT", "UPDATE", "COMMIT", "PRAGMA"]
    del seen[:]
    keep(store)
    assert [sql.split()[0] for sql in dict.fromkeys(seen)] == ["INSERT"]

"""What version 2 of the schema added: the kept tree, detached values, and their erasure."""

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from aegisctl import main
from aegisd.core.errors import ConfigInvalid, LogCorrupt, StoreBroken, StoreFailed
from aegisd.core.log.chain import Chain
from aegisd.ports import EventStore
from aegisd.rows import Batch, Checkpoint, Detached, Growth
from aegisd.store.memory import MemoryStore
from aegisd.store.sqlite.reader import SqliteReader
from aegisd.store.sqlite.store import SqliteStore
from tests.effort import times
from tests.store.contract import batch, event
from tests.store.sqlite.test_reader import tamper

VERSION_1 = Path(__file__).parent / "files" / "version-1.db"


@pytest.fixture
def old(path: Path) -> Path:
    """A log that the version before wrote: 65 events of two tenants."""
    shutil.copy(VERSION_1, path)
    return path


def root(number: int) -> bytes:
    """A root unlike any other."""
    return number.to_bytes(32, "big")


def point(size: int, number: int = 7, note: str = "") -> Checkpoint:
    """A checkpoint of acme."""
    return Checkpoint(tenant_id="acme", size=size, root=root(number), note=note)


def growth(
    *points: Checkpoint, first_block: int = 0, blocks: Sequence[bytes] = (), tenant_id: str = "acme"
) -> Growth:
    """A growth of acme's tree."""
    return Growth(tenant_id=tenant_id, first_block=first_block, blocks=blocks, checkpoints=points)


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
    rows = [event(at)]
    store.append(
        Batch(tenant_id="acme", first_position=at, events=rows, detached=values, erased=erased)
    )


# ── a file of version 1 ──────────────────────────────────────────────────────────────────────────


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
        assert reader.detached_of("acme", "u1") == 0
    assert old.read_bytes() == before


def test_a_store_brings_an_old_file_up_to_date_and_changes_no_row(old: Path) -> None:
    with closing(SqliteReader(str(old))) as reader:
        before = {name: list(reader.events(name)) for name in reader.tenants()}
    reading = SqliteReader(str(old))
    store = SqliteStore(str(old))
    assert store.schema_version() == 2
    assert store.faults() == []
    assert {name: list(store.events(name)) for name in store.tenants()} == before
    for name, rows in before.items():
        chain = Chain(whole=True)
        assert [found for row in rows for found in chain.check(row)] == []
        assert store.recorded_head(name) == (len(rows), rows[-1].hash)
    store.grow(growth(point(44)))
    assert reading.newest_checkpoint("acme") == point(44), "a reader of before sees what is new"
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
    with pytest.raises(ConfigInvalid, match="injected"):
        SqliteStore(str(old))
    monkeypatch.undo()
    with closing(SqliteReader(str(old))) as reader:
        assert reader.schema_version() == 1
        assert reader.faults() == []


def half_of_it(connection: sqlite3.Connection) -> None:
    """Begin to change the schema, and fail."""
    connection.execute("CREATE TABLE blocks (a)")
    connection.execute("PRAGMA user_version=2")
    raise sqlite3.ProgrammingError("injected")


# ── the tree ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(params=[SqliteStore, MemoryStore])
def either(request: pytest.FixtureRequest, path: Path) -> Iterator[EventStore]:
    opened = SqliteStore(str(path)) if request.param is SqliteStore else MemoryStore()
    yield opened
    opened.close()


def test_a_checkpoint_is_kept_and_takes_its_note_once(either: EventStore) -> None:
    either.grow(growth(point(3)))
    assert either.newest_checkpoint("acme") == point(3)
    either.grow(growth(point(3, note="signed")))
    either.grow(growth(point(3, note="again"), point(3)))
    assert either.newest_checkpoint("acme") == point(3, note="signed")
    either.grow(growth(point(9, note="at once")))
    assert either.checkpoints("acme") == [point(3, note="signed"), point(9, note="at once")]
    assert either.checkpoints("acme", from_size=4) == [point(9, note="at once")]
    assert either.checkpoints("acme", from_size=3, limit=1) == [point(3, note="signed")]
    assert either.checkpoints("acme", from_size=2**70) == []
    assert either.newest_checkpoint("other") is None


def test_blocks_are_those_without_a_gap(either: EventStore) -> None:
    either.grow(growth(blocks=[root(0), root(1)]))
    either.grow(growth(first_block=1, blocks=[root(1), root(2)]))
    either.grow(growth(first_block=4, blocks=[root(4)]))
    assert either.blocks("acme") == [root(0), root(1), root(2)]
    assert either.blocks("other") == []


@pytest.mark.parametrize(
    "second",
    [
        growth(point(5), blocks=[root(0), root(9)]),
        growth(point(5), point(3, 8)),
        growth(point(5), point(3, 8, "signed"), blocks=[root(0), root(1), root(2)]),
        growth(point(5), point(5, 8)),
    ],
)
def test_another_root_is_corruption_and_nothing_is_kept(either: EventStore, second: Growth) -> None:
    either.grow(growth(point(3), blocks=[root(0), root(1)]))
    with pytest.raises(LogCorrupt, match=r"another root|is kept with root"):
        either.grow(second)
    assert either.blocks("acme") == [root(0), root(1)]
    assert either.checkpoints("acme") == [point(3)]


@pytest.mark.parametrize(("start", "limit"), [(0, 10), (0, 3), (4, 2), (5, 1), (7, 9), (2**70, 1)])
def test_hashes_are_those_of_the_events(either: EventStore, start: int, limit: int) -> None:
    rows = [event(i, f"s{i % 2}", i // 2) for i in range(6)]
    either.append(batch(rows))
    wanted = [row.hash for row in rows][start : start + limit]
    assert either.hashes("acme", from_position=start, limit=limit) == wanted
    assert either.hashes("other", from_position=0, limit=1) == []


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
        ("DROP TABLE detached", lambda r: r.detached_of("acme", "u1")),
    ],
)
def test_no_read_believes_a_changed_table(
    path: Path, change: str, ask: Callable[[SqliteReader], object]
) -> None:
    store = SqliteStore(str(path))
    keep(store, value(0))
    store.grow(growth(point(1), blocks=[root(0)]))
    store.close()
    tamper(path, change)
    with closing(SqliteReader(str(path))) as reader, pytest.raises(LogCorrupt):
        ask(reader)


# ── turns ────────────────────────────────────────────────────────────────────────────────────────


def test_a_log_that_is_not_shared_has_no_turns(either: EventStore) -> None:
    assert not either.shared
    with pytest.raises(StoreFailed, match="not shared"):
        either.begin("acme")
    either.abandon("acme")
    either.append(batch([event(0)]))


# ── detached values ──────────────────────────────────────────────────────────────────────────────


def test_values_are_kept_with_their_event_and_leave_with_their_subject(either: EventStore) -> None:
    mine = [value(0, pointer=name) for name in ("/b", "/a", "/a/b")]
    keep(either, *mine, value(0, pointer="/z", subject="u2"))
    keep(either, value(1))
    assert [row.pointer for row in either.detached("acme", 0)] == ["/a", "/a/b", "/b", "/z"]
    assert either.detached("acme", 1) == [value(1)]
    assert either.detached("acme", 2) == []
    assert (either.detached_of("acme", "u1"), either.detached_of("acme", "u2")) == (4, 1)
    keep(either, value(2), erased=["u1"])
    assert either.detached("acme", 0) == [value(0, pointer="/z", subject="u2")]
    assert either.detached("acme", 1) == either.detached("acme", 2) == []
    assert either.detached_of("acme", "u1") == 0
    keep(either, value(3))
    assert either.detached_of("acme", "u1") == 1
    assert either.detached_of("other", "u2") == 0
    assert [row.position for row in either.events("acme")] == [0, 1, 2, 3]


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


def test_an_erasure_in_a_batch_that_does_not_fit_erases_nothing(either: EventStore) -> None:
    keep(either, value(0))
    late = Batch(tenant_id="acme", first_position=5, events=[event(5)], erased=["u1"])
    with pytest.raises(Exception, match="read the head again"):
        either.append(late)
    assert either.detached("acme", 0) == [value(0)]


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
        assert store.detached_of("acme", "u1") == 0
        assert b"secret-of-u1" in stored(path), "the other still reads the log as it was"
    store.grow(growth(point(1)))
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
    store._writer = _Failing(real, when, sqlite3.SQLITE_FULL)  # type: ignore[assignment] # on purpose
    with pytest.raises(StoreFailed):
        keep(store, value(1), erased=["u1"])
    store._writer = real
    assert store.detached("acme", 0) == [value(0)]
    assert store.next_position("acme") == 1


def test_a_disk_that_fails_under_a_growth_ends_the_store(store: SqliteStore) -> None:
    real = store._writer
    store._writer = _Failing(real, "INSERT INTO che", sqlite3.SQLITE_IOERR)  # type: ignore[assignment] # on purpose
    with pytest.raises(StoreBroken):
        store.grow(growth(point(1)))
    store._writer = real
    with pytest.raises(StoreBroken, match="failed before"):
        store.grow(growth(point(1)))
    with pytest.raises(StoreBroken, match="failed before"):
        store.append(batch([event(0)]))


def test_a_closed_store_keeps_no_growth(either: EventStore) -> None:
    either.close()
    with pytest.raises(StoreFailed, match="closed"):
        either.grow(growth(point(1)))


def test_a_batch_with_values_is_one_transaction_and_without_one_statement(
    store: SqliteStore,
) -> None:
    seen: list[str] = []
    store._writer.set_trace_callback(seen.append)
    keep(store, value(0), erased=["u2"])
    verbs = [sql.split()[0] for sql in dict.fromkeys(seen)]
    assert verbs == ["BEGIN", "SELECT", "INSERT", "INSERT", "UPDATE", "COMMIT", "PRAGMA"]
    del seen[:]
    keep(store)
    assert [sql.split()[0] for sql in dict.fromkeys(seen)] == ["INSERT"]


class _Failing:
    """A connection on which statements that begin with `when` fail as SQLite would."""

    def __init__(self, real: sqlite3.Connection, when: str, code: int) -> None:
        self.real, self.when, self.code = real, when, code

    def execute(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        self.fail(sql)
        return self.real.execute(sql, values)

    def executemany(self, sql: str, rows: list[tuple[object, ...]]) -> sqlite3.Cursor:
        self.fail(sql)
        return self.real.executemany(sql, rows)

    def fail(self, sql: str) -> None:
        if sql.startswith(self.when):
            error = sqlite3.OperationalError("injected")
            error.sqlite_errorcode = self.code
            raise error

    @property
    def in_transaction(self) -> bool:
        return self.real.in_transaction

"""A file from a stranger: every change is named, and none is an odd exception."""

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from aegisd.core.errors import AegisError, ConfigInvalid, LogCorrupt
from aegisd.core.log.envelope import StoredEvent
from aegisd.store.sqlite import reader as reading
from aegisd.store.sqlite.reader import PAGE_BYTES_MAX, PAGE_EVENTS_MAX, SqliteReader
from aegisd.store.sqlite.row import COLUMN_TYPES
from aegisd.store.sqlite.store import SqliteStore
from aegisd.store.tables import Read, Row
from tests.store.contract import batch, document, event, snapshot

ROWS = 600


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of 600 events in sessions s0, s1 and s2, with a document and two snapshots."""
    path = tmp_path / "aegis.db"
    store = SqliteStore(str(path))
    rows = [event(i, f"s{i % 3}", i // 3) for i in range(ROWS)]
    rows[7] = replace(rows[7], idempotency_key="k")
    kept = [snapshot(b"s", "s0"), snapshot(b"t", "")]
    store.append(batch(rows, documents=[document(b"m")]))
    store.keep(kept)
    store.append(batch([event(0, tenant_id="other")]))
    store.close()
    return path


@pytest.fixture
def reader(path: Path) -> Iterator[SqliteReader]:
    opened = SqliteReader(str(path))
    yield opened
    opened.close()


def tamper(path: Path, *statements: str) -> None:
    """Run SQL with every guard of the schema taken away first."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        triggers = "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
        for (name,) in other.execute(triggers).fetchall():
            other.execute(f"DROP TRIGGER {name}")
        other.execute("PRAGMA writable_schema=ON")
        other.execute(
            "UPDATE sqlite_schema SET sql = replace(replace(sql, ') STRICT', ')'), ' NOT NULL', '')"
            " WHERE type = 'table'"
        )
        other.execute("PRAGMA writable_schema=RESET")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        for statement in statements:
            other.execute(statement)


def read_until_refused(
    stream: Iterator[StoredEvent],
) -> tuple[list[StoredEvent], LogCorrupt | None]:
    """Collect what a stream gives, and the refusal that ended it if one did."""
    read: list[StoredEvent] = []
    try:
        read.extend(stream)
    except LogCorrupt as refusal:
        return read, refusal
    return read, None


def read_everything(reader: SqliteReader) -> None:
    """Ask each question there is."""
    for tenant_id in [*reader.tenants(), "acme"]:
        reader.next_position(tenant_id)
        reader.recorded_head(tenant_id)
        for head in reader.sessions(tenant_id):
            reader.session_head(tenant_id, head.session_id)
            list(reader.session_events(tenant_id, head.session_id))
            reader.snapshot(tenant_id, head.session_id)
        list(reader.events(tenant_id))
        reader.by_idempotency_key(tenant_id, "k")
    reader.document(document(b"m").digest)
    reader.faults()


# ── values ───────────────────────────────────────────────────────────────────────────────────────

# A value that the type of the column does not turn into the right one.
WRONG = {str: "x'ff'", int: "'word'", bytes: "'text'"}


@pytest.mark.parametrize(
    ("column", "value"),
    [(name, WRONG[kinds[0]]) for name, kinds in COLUMN_TYPES.items() if name != "tenant_id"]
    + [(name, "NULL") for name, kinds in COLUMN_TYPES.items() if len(kinds) == 1]
    + [(name, "1.5") for name, kinds in COLUMN_TYPES.items() if int in kinds]
    + [(name, "CAST(x'c3' AS TEXT)") for name, kinds in COLUMN_TYPES.items() if str in kinds],
)
def test_a_value_of_the_wrong_type_is_named_with_its_place_or_leaves_a_gap(
    path: Path, reader: SqliteReader, column: str, value: str
) -> None:
    where = "tenant_id = 'acme' AND position = 300"
    tamper(path, f"UPDATE events SET {column} = {value} WHERE {where}")  # noqa: S608 - tampering is the test
    read, refusal = read_until_refused(reader.events("acme"))
    if refusal is None:
        # Outside of the order that was asked for: the row is not there, and what follows shows it.
        assert column in {"tenant_id", "position"}
        assert [row.position for row in read] == [i for i in range(ROWS) if i != 300]
        return
    assert column in refusal.message.partition("wrong type in ")[2].split(", ")
    wanted = {"tenant_id": "acme", "position": 300, "session_id": "s0", "seq": 100}
    assert refusal.details == {name: wanted[name] for name in wanted if name != column}
    # A position that is no integer is met where SQLite sorts it: numbers by size, then words.
    moved = {"'word'": ROWS - 1, "1.5": 2} if column == "position" else {}
    assert len(read) == moved.get(value, 300)


def test_what_follows_a_bad_row_can_still_be_read(path: Path, reader: SqliteReader) -> None:
    tamper(path, "UPDATE events SET hash = 'text' WHERE tenant_id = 'acme' AND position = 300")
    with pytest.raises(LogCorrupt, match=r"position 300.*wrong type in hash") as caught:
        list(reader.events("acme"))
    found = caught.value.details["position"]
    assert isinstance(found, int)
    rest = list(reader.events("acme", from_position=found + 1))
    assert [row.position for row in rest] == list(range(301, ROWS))
    with pytest.raises(LogCorrupt, match="seq 100"):
        list(reader.session_events("acme", "s0"))
    assert len(list(reader.session_events("acme", "s0", from_seq=101))) == 99


def test_a_refusal_never_repeats_a_stored_value(path: Path, reader: SqliteReader) -> None:
    tamper(path, "UPDATE events SET body = 'hunter2' WHERE position = 5")
    with pytest.raises(LogCorrupt) as caught:
        list(reader.events("acme"))
    assert "hunter2" not in f"{caught.value.message} {caught.value.details}"


@pytest.mark.parametrize(
    ("change", "ask"),
    [
        ("UPDATE events SET session_id = x'ff' WHERE position = 9", lambda r: r.sessions("acme")),
        ("UPDATE events SET hash = 5 WHERE seq = 199", lambda r: r.sessions("acme")),
        ("UPDATE events SET hash = 5 WHERE seq = 199", lambda r: r.session_head("acme", "s1")),
        ("UPDATE events SET seq = 'x' WHERE position = 9", lambda r: r.session_head("acme", "s0")),
        ("UPDATE events SET position = 'x' WHERE position = 9", lambda r: r.next_position("acme")),
        ("UPDATE events SET tenant_id = x'ff' WHERE seq = 9", lambda r: r.tenants()),
        ("UPDATE events SET body = 1", lambda r: r.by_idempotency_key("acme", "k")),
        ("UPDATE documents SET body = 'x'", lambda r: r.document(document(b"m").digest)),
        ("UPDATE tenant_heads SET hash = 'x'", lambda r: r.recorded_head("acme")),
        ("UPDATE tenant_heads SET next_position = 'x'", lambda r: r.recorded_head("acme")),
        ("DROP TABLE tenant_heads", lambda r: r.recorded_head("acme")),
        ("ALTER TABLE events RENAME TO gone", lambda r: r.session_head("acme", "s1")),
        ("ALTER TABLE events DROP COLUMN user_id", lambda r: list(r.events("acme"))),
    ],
)
def test_no_read_believes_a_changed_table(
    path: Path, reader: SqliteReader, change: str, ask: Callable[[SqliteReader], object]
) -> None:
    tamper(path, change)
    with pytest.raises(LogCorrupt):
        ask(reader)


@pytest.mark.parametrize("column", ["rules_version", "head", "head_hash", "body"])
def test_a_snapshot_that_is_none_counts_as_none(
    path: Path, reader: SqliteReader, column: str
) -> None:
    assert reader.snapshot("acme", "s0") == snapshot(b"s", "s0")
    value = "'word'" if column == "head" else "NULL"
    tamper(path, f"UPDATE snapshots SET {column} = {value}")  # noqa: S608 - tampering is the test
    assert reader.snapshot("acme", "s0") is None


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("position", [5, PAGE_EVENTS_MAX - 1, PAGE_EVENTS_MAX, ROWS - 1])
def test_two_rows_with_one_position_are_named_wherever_the_page_ends(
    path: Path, reader: SqliteReader, position: int
) -> None:
    tamper(
        path,
        "DROP INDEX events_by_position",
        f"UPDATE events SET position = {position} WHERE tenant_id = 'other'",  # noqa: S608 - tampering
        "UPDATE events SET tenant_id = 'acme', session_id = 'new' WHERE tenant_id = 'other'",
        "CREATE INDEX events_by_position ON events (tenant_id, position)",
    )
    with pytest.raises(LogCorrupt, match=rf"two rows .* claim position {position}$") as caught:
        list(reader.events("acme"))
    assert caught.value.details == {"tenant_id": "acme", "position": position}


def test_two_rows_with_one_seq_are_named(path: Path, reader: SqliteReader) -> None:
    tamper(
        path,
        "DROP INDEX events_by_session",
        "UPDATE events SET session_id = 's0', seq = 100 WHERE position = 301",
    )
    with pytest.raises(LogCorrupt, match=r"two rows .* claim seq 100$") as caught:
        list(reader.session_events("acme", "s0"))
    assert caught.value.details == {"tenant_id": "acme", "session_id": "s0", "seq": 100}


def test_a_tail_that_was_cut_shows_against_the_recorded_head(
    path: Path, reader: SqliteReader
) -> None:
    tamper(path, "DELETE FROM events WHERE tenant_id = 'acme' AND position >= 500")
    assert reader.next_position("acme") == 500
    recorded = reader.recorded_head("acme")
    assert recorded is not None
    assert recorded[0] == ROWS


def test_a_tenant_whose_rows_were_all_cut_is_still_named(path: Path, reader: SqliteReader) -> None:
    tamper(path, "DELETE FROM events")
    assert reader.tenants() == ["acme", "other"]


# ── the file ─────────────────────────────────────────────────────────────────────────────────────


def test_a_sound_file_has_no_faults(reader: SqliteReader) -> None:
    assert reader.faults() == []


def test_guards_that_were_taken_away_are_faults(path: Path, reader: SqliteReader) -> None:
    tamper(path)
    assert reader.faults() == [
        "schema: table blocks was changed",
        "schema: table checkpoints was changed",
        "schema: table detached was changed",
        "schema: table documents was changed",
        "schema: table events was changed",
        "schema: table snapshots was changed",
        "schema: table tenant_heads was changed",
        "schema: trigger blocks_no_delete is missing",
        "schema: trigger blocks_no_update is missing",
        "schema: trigger checkpoints_no_delete is missing",
        "schema: trigger checkpoints_no_update is missing",
        "schema: trigger detached_no_delete is missing",
        "schema: trigger detached_no_update is missing",
        "schema: trigger documents_no_delete is missing",
        "schema: trigger documents_no_update is missing",
        "schema: trigger events_head is missing",
        "schema: trigger events_no_delete is missing",
        "schema: trigger events_no_update is missing",
    ]


def test_a_column_edited_in_its_table_but_not_in_its_index_is_a_fault(path: Path) -> None:
    """The index answers for its columns, so only the comparison of the two sees the edit."""
    raw = path.read_bytes()
    row = b"acme" + bytes([1, 44]) + b"s0"
    assert raw.count(row) == 1, "position 300 as two bytes, in the row of the table only"
    path.write_bytes(raw.replace(row, b"acmE" + row[4:]))
    reader = SqliteReader(str(path))
    assert any("events_by_position" in fault for fault in reader.faults())
    reader.close()


def test_a_file_with_random_damage_gives_answers_or_errors_of_ours(path: Path) -> None:
    sound = path.read_bytes()
    chance = random.Random(7)
    named = 0
    for _ in range(150):
        damaged = bytearray(sound)
        for _ in range(chance.choice([1, 4, 64])):
            damaged[chance.randrange(100, len(damaged))] = chance.randrange(256)
        if chance.random() < 0.2:
            del damaged[chance.randrange(100, len(damaged)) :]
        path.write_bytes(damaged)
        try:
            reader = SqliteReader(str(path))
        except AegisError:
            continue
        try:
            read_everything(reader)
        except AegisError:
            named += 1
        finally:
            reader.close()
    assert named > 10, "the damage is large enough to be met"


def test_a_damaged_page_is_named_with_the_position_it_begins_at(
    path: Path, reader: SqliteReader
) -> None:
    raw = bytearray(path.read_bytes())
    at = raw.index(event(300, "s0", 100).body) // 8192 * 8192
    raw[at] = 0xFF
    path.write_bytes(raw)
    read, refusal = read_until_refused(reader.events("acme"))
    assert refusal is not None
    assert f"position {len(read)}: database disk image is malformed" in refusal.message
    assert 0 < len(read) <= 300
    assert refusal.details == {"tenant_id": "acme", "position": len(read)}


def test_damage_in_a_name_that_sqlite_repeats_is_damage_like_any_other(path: Path) -> None:
    raw = path.read_bytes()
    raw = raw.replace(b"indexevents_by_key", b"index\xb1vents_by_key")
    path.write_bytes(raw.replace(b"CREATE INDEX events_by_key", b"CREATE INDEX events_by_ke("))
    with (
        closing(SqliteReader(str(path))) as reader,
        pytest.raises(LogCorrupt, match="can't decode"),
    ):
        reader.next_position("acme")
    with pytest.raises(LogCorrupt, match="can't decode"):
        SqliteStore(str(path))


def test_a_damaged_index_that_leads_in_a_circle_ends_the_walk(
    reader: SqliteReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "NEXT_TENANT", "SELECT 'a' WHERE ?1 IS NOT NULL")
    with pytest.raises(LogCorrupt, match="out of order"):
        reader.tenants()
    circle = "SELECT 'a', 0, x'' UNION ALL SELECT 'a', 0, x'' WHERE :tenant IS NOT NULL"
    monkeypatch.setattr(SqliteReader, "SESSIONS", Read("the sessions", circle))
    with pytest.raises(LogCorrupt, match="out of order"):
        reader.sessions("acme")


@pytest.mark.parametrize("length", [0, 1, 99, 100, 512, 8191])
def test_a_file_cut_short_is_refused(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(AegisError) as caught:
        SqliteReader(str(path))
    assert isinstance(caught.value, ConfigInvalid | LogCorrupt)


# ── memory ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("size", "rows"),
    [(1, PAGE_EVENTS_MAX), (PAGE_BYTES_MAX // 2, 2), (PAGE_BYTES_MAX // 2 - 1, 3)],
)
def test_a_page_ends_at_its_bound_of_events_or_of_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, rows: int
) -> None:
    store = SqliteStore(str(tmp_path / "pages.db"))
    count = PAGE_EVENTS_MAX + 1 if size == 1 else 4
    store.append(batch([replace(event(i), body=bytes(size)) for i in range(count)]))
    pages: list[int] = []
    page = SqliteReader._page

    def counted(*given: object) -> tuple[list[Row], bool]:
        found, more = page(*given)  # type: ignore[arg-type] # passed on as they came
        pages.append(len(found))
        return found, more

    monkeypatch.setattr(SqliteReader, "_page", counted)
    assert len(list(store.events("acme"))) == count
    assert [found for found in pages if found] == [rows, count - rows]
    store.close()


def test_a_suspended_stream_does_not_hold_back_the_checkpoint(path: Path) -> None:
    store = SqliteStore(str(path))
    stream = store.events("acme")
    next(stream)
    store.append(batch([event(ROWS, "new", 0)]))
    busy, frames, copied = store._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert (busy, frames, copied) == (0, 0, 0)
    assert len(list(stream)) == ROWS
    store.close()

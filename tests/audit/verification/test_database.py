"""A database: whatever is changed in it, somebody with the file alone sees it, and where."""

import shutil
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from msgspec import Raw

from aegisd.audit import documents
from aegisd.audit.database_log import DatabaseLog
from aegisd.audit.verification.database import UNREADABLE_ROWS_MAX, verify_database
from aegisd.audit.verification.file import verify_file
from aegisd.audit.verification.result import Verification
from aegisd.core.log.envelope import Envelope, restore, seal
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX
from aegisd.rows import Batch
from aegisd.store.sqlite.reader import SqliteReader
from aegisd.store.sqlite.store import SqliteStore
from tests.audit.recording import call, record
from tests.audit.tampering import edit, insert, rows, tamper
from tests.effort import some

COLUMNS = {
    "tenant_id": "evil",
    "position": 40,
    "session_id": "evil",
    "seq": 40,
    "event_type": "USER_MESSAGE2",
    "ts_unix_ms": 1,
    "user_id": "evil",
    "agent_id": "evil",
    "idempotency_key": "evil",
    "prev_hash": b"\1" * 32,
    "hash": b"\1" * 32,
    "body": b"{}",
}


def check(path: Path, tenant: str) -> Verification:
    """One tenant, without what opening a file does around it."""
    with closing(DatabaseLog(str(path))) as log:
        return verify_database(log, [tenant])


def look(path: Path, tenant: str | None = None, session: str | None = None) -> Verification:
    return verify_file(str(path), tenant, session)


def test_a_log_as_the_daemon_wrote_it_holds(recorded: Path) -> None:
    told = look(recorded)
    assert told.holds
    assert {tenant.tenant_id: tenant.events for tenant in told.tenants} == {"acme": 18, "zeta": 4}
    assert told.documents == 2


@pytest.mark.parametrize("column", COLUMNS)
def test_any_column_of_any_row_that_is_edited_shows(
    recorded: Path, tmp_path: Path, column: str
) -> None:
    for tenant_id, position in rows(recorded, "tenant_id, position"):
        path = Path(shutil.copy(recorded, tmp_path / "edited.db"))
        tamper(path, edit(column, COLUMNS[column], tenant_id, position))
        told = look(path)
        assert not told.holds, (tenant_id, position)
        if column not in ("tenant_id", "position"):
            first = told.breaks[0]
            assert (first.tenant_id, first.position) == (tenant_id, position)


def test_any_byte_of_a_stored_event_that_is_edited_shows_at_its_place(
    recorded: Path, tmp_path: Path
) -> None:
    ((body,),) = rows(recorded, "body", "tenant_id = 'acme' AND position = 8")
    assert isinstance(body, bytes)
    path = Path(shutil.copy(recorded, tmp_path / "edited.db"))
    sql = "UPDATE events SET body = ? WHERE tenant_id = 'acme' AND position = 8"
    for at in some(range(len(body)), 7):
        edited = bytearray(body)
        edited[at] ^= 1
        tamper(path, (sql, (bytes(edited),)))
        found = check(path, "acme").breaks
        assert [(each.position, each.rule) for each in found[:1]] == [(8, "hash")]


def test_a_body_edited_with_its_hash_breaks_the_next_link(log_file: Path) -> None:
    ((body,),) = rows(log_file, "body", "tenant_id = 'acme' AND position = 6")
    assert isinstance(body, bytes)
    forged = restore(body.replace(b"notes", b"sales"), 6)
    sql = "UPDATE events SET body = ?, hash = ? WHERE tenant_id = 'acme' AND position = 6"
    tamper(log_file, (sql, (forged.body, forged.hash)))
    assert [(each.session_id, each.seq, each.rule) for each in look(log_file).breaks] == [
        ("s1", 5, "prev_hash")
    ]


def test_a_deleted_row_shows_and_so_does_a_cut_tail(recorded: Path, tmp_path: Path) -> None:
    for tenant_id, position in rows(recorded, "tenant_id, position"):
        path = Path(shutil.copy(recorded, tmp_path / "cut.db"))
        sql = "DELETE FROM events WHERE tenant_id = ? AND position = ?"
        tamper(path, (sql, (tenant_id, position)))
        assert not look(path).holds, (tenant_id, position)


def test_a_row_cut_from_the_tail_shows_against_the_recorded_head(log_file: Path) -> None:
    tamper(log_file, "DELETE FROM events WHERE position = 17", "DELETE FROM snapshots")
    assert [(each.position, each.rule) for each in look(log_file).breaks] == [(16, "head")]


def test_a_forked_session_shows(log_file: Path) -> None:
    ((body,),) = rows(log_file, "body", "session_id = 's2' AND seq = 2")
    assert isinstance(body, bytes)
    fork = restore(body.replace(b"evil.test", b"good.test"), 18)
    tamper(log_file, "DROP INDEX events_by_session", insert(fork))
    told = look(log_file)
    assert "seq" in {each.rule for each in told.breaks}
    assert ("schema: index events_by_session is missing") in {each.detail for each in told.breaks}


def test_rows_appended_by_another_hand_show_against_the_recorded_head(log_file: Path) -> None:
    ((digest,),) = rows(log_file, "hash", "session_id = 's2' AND seq = 6")
    assert isinstance(digest, bytes)
    envelope = Envelope(
        event_type="USER_MESSAGE",
        payload=Raw(b'{"content":"x"}'),
        seq=7,
        session_id="s2",
        tenant_id="acme",
        ts_unix_ms=1,
        user_id="u1",
    )
    tamper(
        log_file,
        insert(seal(envelope, 18, digest)),
        "UPDATE tenant_heads SET next_position = 18 WHERE tenant_id = 'acme'",
    )
    assert {each.rule for each in look(log_file).breaks} == {"head"}


def test_a_row_that_cannot_be_read_is_named_and_the_rest_is_still_checked(log_file: Path) -> None:
    tamper(
        log_file,
        "UPDATE events SET user_id = CAST(x'ff' AS TEXT) WHERE tenant_id='acme' AND position = 3",
        "UPDATE events SET body = x'7b7d' WHERE tenant_id = 'acme' AND position = 12",
    )
    found = {(each.position, each.rule) for each in look(log_file).breaks}
    assert {(3, "row"), (12, "hash"), (12, "envelope")} <= found


def test_unreadable_rows_without_end_are_given_up(log_file: Path) -> None:
    store = SqliteStore(str(log_file))
    record(store, _many())
    store.close()
    tamper(log_file, "UPDATE events SET user_id = CAST(x'ff' AS TEXT) WHERE tenant_id = 'acme'")
    told = look(log_file, "acme")
    assert told.breaks_found >= UNREADABLE_ROWS_MAX
    assert any("gave up" in each.detail for each in told.breaks)


def _many() -> list[dict[str, object]]:
    return [
        call("read_file", {"path": f"/workspace/{number}"}, session_id="many")
        for number in range(UNREADABLE_ROWS_MAX)
    ]


def test_a_manifest_or_bundle_edited_or_deleted_shows(recorded: Path, tmp_path: Path) -> None:
    for kind in ("manifest", "bundle"):
        for change in (
            "UPDATE documents SET body = x'7b7d' WHERE kind = ?",
            "DELETE FROM documents WHERE kind = ?",
        ):
            path = Path(shutil.copy(recorded, tmp_path / "edited.db"))
            tamper(path, (change, (kind,)))
            assert {each.rule for each in look(path).breaks} == {"document"}


def test_a_value_under_a_tenant_that_has_no_log_shows(full: Path) -> None:
    columns = "position, pointer, subject, salt, value"
    tamper(full, f"INSERT INTO detached SELECT 'nobody', {columns} FROM detached")  # noqa: S608
    (found,) = verify_file(str(full)).breaks
    assert (found.rule, found.detail) == (
        "file",
        "values are kept of tenant 'nobody', which has no log",
    )


def test_a_schema_changed_behind_our_back_shows(log_file: Path) -> None:
    tamper(log_file, "DROP INDEX events_by_key")
    assert [each.rule for each in look(log_file).breaks] == ["file"]


def test_a_log_is_verified_while_it_is_written(log_file: Path) -> None:
    store = SqliteStore(str(log_file))
    reader = _Growing(store)
    told = verify_database(reader, ["acme"])
    reader.close()
    store.close()
    assert told.holds
    assert told.events > 18


class _Growing(DatabaseLog):
    """A reader beside whom a daemon writes each time the recorded head was read."""

    def __init__(self, store: SqliteStore) -> None:
        super().__init__(store._path)
        self._store, self._times = store, 0

    def recorded_head(self, tenant_id: str) -> tuple[int, bytes] | None:
        head = super().recorded_head(tenant_id)
        self._times += 1
        args = {"path": f"/workspace/{self._times}"}
        record(self._store, [call("read_file", args, session_id=f"live{self._times}")])
        return head


def test_a_session_holds_beside_a_broken_one_and_says_so(log_file: Path) -> None:
    tamper(log_file, "UPDATE events SET body = x'7b7d' WHERE session_id = 's2' AND seq = 3")
    assert not look(log_file, "acme", "s2").holds
    told = look(log_file, "acme", "s1")
    assert told.holds
    assert told.elsewhere == 2


def test_a_session_whose_rows_were_cut_does_not_hold(recorded: Path, tmp_path: Path) -> None:
    for seq in range(9):
        path = Path(shutil.copy(recorded, tmp_path / "cut.db"))
        tamper(path, ("DELETE FROM events WHERE session_id = 's1' AND seq >= ?", (seq,)))
        assert not look(path, "acme", "s1").holds


def test_a_row_handed_to_another_session_breaks_the_one_it_came_from(log_file: Path) -> None:
    tamper(log_file, "UPDATE events SET session_id = 's9', seq = 0 WHERE session_id='s1' AND seq=8")
    assert not look(log_file, "acme", "s1").holds


def test_archives_are_verified_against_the_tenant_they_came_from(
    recorded: Path, tmp_path: Path
) -> None:
    source = SqliteReader(str(recorded))
    archive = f"{ARCHIVE_PREFIX}{'0' * 32}"
    path = tmp_path / "archive.db"
    store = SqliteStore(str(path))
    rows_ = [msgspec.structs.replace(e, tenant_id=archive) for e in source.events("acme")]
    names = {name for event in source.events("acme") for name in documents.named(event)}
    found = (source.document(bytes.fromhex(name.digest)) for name in sorted(names))
    kept = [document for document in found if document is not None]
    store.append(Batch(tenant_id=archive, first_position=0, events=rows_, documents=kept))
    store.close()
    source.close()
    assert look(path).holds
    tamper(path, "UPDATE events SET user_id = 'x' WHERE position = 5")
    assert not look(path).holds

"""`verify`: whatever is changed, somebody with the file alone sees it, and where."""

import itertools
import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from msgspec import Raw

from aegisctl import documents
from aegisctl.database import DatabaseLog
from aegisctl.display import silent
from aegisctl.integrity.database import UNREADABLE_ROWS_MAX, check_database
from aegisctl.integrity.report import BREAKS_MAX, Report, broken
from aegisctl.verify import SHOWN_BREAKS_MAX, examine, sentences
from aegisd.core.log.envelope import Envelope, StoredEvent, restore, seal
from aegisd.core.log.export import Scope, write
from aegisd.core.log.export_reading import read
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX
from aegisd.ports import Batch, SnapshotRow
from aegisd.store.sqlite.reader import SqliteReader
from aegisd.store.sqlite.store import SqliteStore
from tests.aegisctl.conftest import Type
from tests.aegisctl.recording import call, record
from tests.aegisctl.signed import THIEF, checkpoint, note, sign, vkey
from tests.aegisctl.tampering import edit, insert, rows, tamper

NOWHERE = "http://127.0.0.1:9"

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


def check(path: Path, tenant: str) -> Report:
    """One tenant, without what a command does around it."""
    log = DatabaseLog(str(path))
    try:
        return check_database(log, [tenant], None, silent)
    finally:
        log.close()


def look(path: Path, tenant: str | None = None, session: str | None = None) -> Report:
    return examine(str(path), NOWHERE, tenant, session)


def test_a_log_as_the_daemon_wrote_it_holds(recorded: Path) -> None:
    report = look(recorded)
    assert report.holds
    assert {tenant.tenant_id: tenant.events for tenant in report.tenants} == {"acme": 18, "zeta": 4}
    assert report.documents == 2


@pytest.mark.parametrize("column", COLUMNS)
def test_any_column_of_any_row_that_is_edited_shows(
    recorded: Path, tmp_path: Path, column: str
) -> None:
    for tenant_id, position in rows(recorded, "tenant_id, position"):
        path = Path(shutil.copy(recorded, tmp_path / "edited.db"))
        tamper(path, edit(column, COLUMNS[column], tenant_id, position))
        report = look(path)
        assert not report.holds, (tenant_id, position)
        if column not in ("tenant_id", "position"):
            first = report.breaks[0]
            assert (first.tenant_id, first.position) == (tenant_id, position)


def test_any_byte_of_a_stored_event_that_is_edited_shows_at_its_place(
    recorded: Path, tmp_path: Path
) -> None:
    ((body,),) = rows(recorded, "body", "tenant_id = 'acme' AND position = 8")
    assert isinstance(body, bytes)
    path = Path(shutil.copy(recorded, tmp_path / "edited.db"))
    sql = "UPDATE events SET body = ? WHERE tenant_id = 'acme' AND position = 8"
    for at in range(len(body)):
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


def test_a_tail_cut_together_with_its_record_shows_against_a_cached_fold(log_file: Path) -> None:
    ((digest,),) = rows(log_file, "hash", "tenant_id = 'acme' AND position = 16")
    tamper(
        log_file,
        "DELETE FROM events WHERE tenant_id = 'acme' AND position > 16",
        (
            "UPDATE tenant_heads SET next_position = 17, hash = ? WHERE tenant_id = 'acme'",
            (digest,),
        ),
    )
    assert [(each.rule, each.detail) for each in look(log_file).breaks] == [
        ("head", "a cached fold rests on an event that is missing")
    ]


def test_any_two_rows_that_change_places_show(recorded: Path, tmp_path: Path) -> None:
    for first, second in itertools.combinations(range(18), 2):
        path = Path(shutil.copy(recorded, tmp_path / "swapped.db"))
        swap = "UPDATE events SET position = ? WHERE tenant_id = 'acme' AND position = ?"
        tamper(path, (swap, (99, first)), (swap, (first, second)), (swap, (second, 99)))
        found = check(path, "acme").breaks
        assert found, (first, second)
        assert {first, second} & {each.position for each in found}


@pytest.mark.parametrize(
    ("order", "broken"),
    [
        # A decision parted from its cause, and an act put before the one that came first.
        ((8, 10, 9, 11), (10, "position")),
        ((8, 9, 6, 7), (9, "position")),
    ],
)
def test_rows_moved_by_inserting_them_anew_show_by_what_events_tell(
    log_file: Path, order: tuple[int, ...], broken: tuple[int, str]
) -> None:
    # The chains of both sessions still link, and row numbers say nothing.
    log = DatabaseLog(str(log_file))
    events = list(log.events("acme"))
    log.close()
    first = min(order)
    events[first : first + len(order)] = [events[position] for position in order]
    moved = (msgspec.structs.replace(each, position=at) for at, each in enumerate(events))
    tamper(log_file, "DELETE FROM events WHERE tenant_id = 'acme'", *map(insert, moved))
    assert [(each.position, each.rule) for each in check(log_file, "acme").breaks] == [broken]


def test_a_forked_session_shows(log_file: Path) -> None:
    ((body,),) = rows(log_file, "body", "session_id = 's2' AND seq = 2")
    assert isinstance(body, bytes)
    fork = restore(body.replace(b"evil.test", b"good.test"), 18)
    tamper(log_file, "DROP INDEX events_by_session", insert(fork))
    report = look(log_file)
    assert "seq" in {each.rule for each in report.breaks}
    assert ("schema: index events_by_session is missing") in {each.detail for each in report.breaks}


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
    report = look(log_file, "acme")
    assert report.breaks_found >= UNREADABLE_ROWS_MAX
    assert any("gave up" in each.detail for each in report.breaks)


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


def test_a_schema_changed_behind_our_back_shows(log_file: Path) -> None:
    tamper(log_file, "DROP INDEX events_by_key")
    assert [each.rule for each in look(log_file).breaks] == ["file"]


def test_a_cached_fold_of_another_event_shows(log_file: Path) -> None:
    store = SqliteStore(str(log_file))
    row = SnapshotRow(
        tenant_id="acme",
        session_id="s1",
        rules_version="r",
        head=3,
        head_hash=b"\1" * 32,
        body=b"{}",
    )
    store.append(Batch(tenant_id="acme", first_position=18, events=(), snapshots=(row,)))
    store.close()
    (found,) = look(log_file).breaks
    assert (found.session_id, found.seq, found.rule) == ("s1", 3, "head")


def test_any_damage_to_the_file_itself_is_a_verdict_or_none_and_never_a_crash(
    recorded: Path, tmp_path: Path, type_: Type
) -> None:
    whole = recorded.read_bytes()
    chance = random.Random(7)
    for _ in range(200):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 1, 8, 64))):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        path = tmp_path / "damaged.db"
        path.write_bytes(damaged)
        typed = type_("verify", path)
        assert typed.code in (0, 1, 2)
        assert "bug" not in typed.err, typed.err


def test_a_log_is_verified_while_it_is_written(log_file: Path) -> None:
    store = SqliteStore(str(log_file))
    reader = _Growing(store)
    report = check_database(reader, ["acme"], None, silent)
    reader.close()
    store.close()
    assert report.holds
    assert report.events > 18


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


# ── one session ─────────────────────────────────────────────────────────────────────────────────


def test_a_session_holds_beside_a_broken_one_and_says_so(log_file: Path) -> None:
    tamper(log_file, "UPDATE events SET body = x'7b7d' WHERE session_id = 's2' AND seq = 3")
    assert not look(log_file, "acme", "s2").holds
    report = look(log_file, "acme", "s1")
    assert report.holds
    assert report.elsewhere == 2
    assert any("in other sessions" in line for line in sentences(report))


def test_a_session_whose_rows_were_cut_does_not_hold(recorded: Path, tmp_path: Path) -> None:
    for seq in range(9):
        path = Path(shutil.copy(recorded, tmp_path / "cut.db"))
        tamper(path, ("DELETE FROM events WHERE session_id = 's1' AND seq >= ?", (seq,)))
        assert not look(path, "acme", "s1").holds


def test_a_row_handed_to_another_session_breaks_the_one_it_came_from(log_file: Path) -> None:
    tamper(log_file, "UPDATE events SET session_id = 's9', seq = 0 WHERE session_id='s1' AND seq=8")
    assert not look(log_file, "acme", "s1").holds


# ── what cannot be told ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "arguments", [("--tenant", "nobody"), ("--tenant", "acme", "--session", "nobody")]
)
def test_an_unknown_tenant_or_session_is_not_valid(
    recorded: Path, type_: Type, arguments: tuple[str, ...]
) -> None:
    typed = type_("verify", recorded, *arguments)
    assert (typed.code, typed.out) == (2, "")
    assert "nobody" in typed.err


def test_a_log_without_events_is_not_valid(tmp_path: Path, type_: Type) -> None:
    SqliteStore(str(tmp_path / "empty.db")).close()
    assert type_("verify", tmp_path / "empty.db").code == 2


@pytest.mark.parametrize("content", [b"", b"hello", b"{}", b"SQLite format 2\0" * 99])
def test_a_file_that_is_no_log_is_not_valid(tmp_path: Path, type_: Type, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    typed = type_("verify", tmp_path / "file")
    assert (typed.code, typed.out) == (2, "")


def test_a_database_of_another_program_is_not_valid(tmp_path: Path, type_: Type) -> None:
    tamper_path = tmp_path / "other.db"
    with closing(sqlite3.connect(tamper_path)) as file:
        file.execute("CREATE TABLE events (a)")
    assert type_("verify", tamper_path).code == 2


def test_a_file_and_a_server_at_once_are_refused(recorded: Path, type_: Type) -> None:
    assert type_("verify", recorded, "--server", NOWHERE).code == 2


def test_a_server_that_does_not_answer_is_not_valid(type_: Type) -> None:
    typed = type_("verify", "--server", NOWHERE, "--tenant", "acme")
    assert (typed.code, typed.out) == (2, "")
    assert "cannot be asked" in typed.err


# ── exports ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def export(recorded: Path, tmp_path: Path, type_: Type) -> Path:
    path = tmp_path / "acme.jsonl"
    assert type_("export", "--dsn", recorded, "--tenant", "acme", "--out", path).code == 0
    return path


def test_an_export_holds_and_any_byte_edited_in_it_shows(export: Path) -> None:
    assert look(export).holds
    whole = export.read_bytes()
    # The header names the kind of file, so without it there is nothing to verify.
    first = whole.index(b"\n") + 1
    for at in range(first, len(whole), 37):
        edited = bytearray(whole)
        edited[at] ^= 1
        export.write_bytes(edited)
        assert not look(export).holds, at


def test_an_export_cut_short_shows(export: Path) -> None:
    lines = export.read_bytes().splitlines(keepends=True)
    for kept in range(1, len(lines)):
        export.write_bytes(b"".join(lines[:kept]))
        assert not look(export).holds, kept


def test_an_export_says_which_session_was_edited_last(export: Path) -> None:
    lines = export.read_bytes().splitlines(keepends=True)
    lines[-2] = lines[-2].replace(b"TERMINATION", b"ERROR_FATAL")
    export.write_bytes(b"".join(lines))
    assert ("s2", 6, "head") in {(b.session_id, b.seq, b.rule) for b in look(export).breaks}


def test_an_export_without_a_document_its_events_name_does_not_hold(
    export: Path, tmp_path: Path
) -> None:
    parts = list(read(export.read_bytes().splitlines(keepends=True)))
    events = [part for part in parts if isinstance(part, StoredEvent)]
    bare = tmp_path / "bare.jsonl"
    bare.write_bytes(b"".join(write(Scope(tenant_id="acme"), (), events)))
    assert {each.rule for each in look(bare).breaks} == {"document"}


def test_an_export_of_another_tenant_is_not_valid(export: Path, type_: Type) -> None:
    assert type_("verify", export, "--tenant", "zeta").code == 2
    assert type_("verify", export, "--tenant", "acme", "--session", "z1").code == 2
    assert type_("verify", export, "--tenant", "acme", "--session", "s1").code == 0


# ── the report ──────────────────────────────────────────────────────────────────────────────────


def test_the_report_keeps_its_bounds() -> None:
    report = Report()
    for number in range(BREAKS_MAX + 1):
        report.add(broken("hash", "x", position=number))
    assert (len(report.breaks), report.breaks_found) == (BREAKS_MAX, BREAKS_MAX + 1)
    shown = [line for line in sentences(report) if line.startswith("BROKEN")]
    assert len(shown) == SHOWN_BREAKS_MAX


def test_json_is_one_canonical_document_and_nothing_else(log_file: Path, type_: Type) -> None:
    tamper(log_file, "UPDATE events SET body = x'7b7d' WHERE session_id = 's2' AND seq = 3")
    typed = type_("verify", log_file, "--json")
    assert (typed.code, typed.err) == (1, "")
    report = json.loads(typed.out)
    assert typed.out == json.dumps(report, sort_keys=True, separators=(",", ":")) + "\n"
    assert report["holds"] is False
    assert report["breaks"][0]["session_id"] == "s2"


def test_the_transcript_of_a_tampered_log(
    log_file: Path, type_: Type, golden: Callable[[str, str], None]
) -> None:
    transcript = [_shown(type_, log_file)]
    tamper(
        log_file,
        "UPDATE events SET ts_unix_ms = 0 WHERE tenant_id = 'acme' AND position = 4",
        "DELETE FROM events WHERE tenant_id = 'acme' AND position = 9",
    )
    transcript += [_shown(type_, log_file), _shown(type_, log_file, "--session", "s1")]
    golden("verify", "\n".join(transcript))


def _shown(type_: Type, path: Path, *more: str) -> str:
    typed = type_("verify", path, *more)
    command = " ".join(["$ aegisctl verify", path.name, *more])
    return f"{command}\n{typed.out}{typed.err}(exit {typed.code})\n"


def test_hostile_names_cannot_write_on_the_terminal(log_file: Path, type_: Type) -> None:
    tamper(
        log_file,
        ("UPDATE events SET session_id = ? WHERE session_id = 's2'", ("\x1b[2J\u202eholds",)),
    )
    out = type_("verify", log_file).out
    assert "\x1b" not in out
    assert "\u202e" not in out


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


# ── evidence ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def signed_export(log_file: Path, tmp_path: Path, type_: Type) -> Path:
    sign(log_file)
    path = tmp_path / "acme.jsonl"
    assert type_("export", "--dsn", log_file, "--tenant", "acme", "--out", path).code == 0
    return path


def test_an_export_is_signed_where_a_key_signed_it(signed_export: Path, type_: Type) -> None:
    typed = type_("verify", signed_export, "--key", vkey())
    assert typed.code == 0
    assert "SIGNED, 18 events lead to a checkpoint that the key signed" in typed.out
    typed = type_("verify", signed_export)
    assert typed.code == 0
    assert "CHAIN, 18 events lead to a checkpoint whose signature was not checked" in typed.out
    typed = type_("verify", signed_export, "--key", vkey(THIEF))
    assert typed.code == 1
    assert "signature" in typed.out


def test_what_no_key_signed_is_no_answer_for_somebody_who_gave_one(
    export: Path, recorded: Path, type_: Type
) -> None:
    for file in (export, recorded):
        typed = type_("verify", file, "--tenant", "acme", "--key", vkey())
        assert typed.code == 2
        assert "nothing of tenant acme is signed" in typed.out


def test_an_export_continues_a_checkpoint_that_was_kept(
    signed_export: Path, log_file: Path, tmp_path: Path, type_: Type
) -> None:
    kept = tmp_path / "kept"

    def verdict(text: str, *more: str) -> int:
        kept.write_text(text, "utf-8")
        return type_("verify", signed_export, "--checkpoint", kept, *more).code

    for size in (1, 8, 18):
        assert verdict(checkpoint(log_file, size=size).note) == 0
        assert verdict(checkpoint(log_file, size=size).note, "--key", vkey()) == 0
    assert verdict(note(8, b"\1" * 32)) == 1
    assert verdict(note(19, b"\1" * 32)) == 1
    assert verdict(checkpoint(log_file, "zeta").note) == 2
    assert verdict(checkpoint(log_file, ring=THIEF).note, "--key", vkey()) == 2
    assert verdict("nonsense") == 2


def test_a_kept_checkpoint_signs_an_export_that_has_none(
    export: Path, log_file: Path, tmp_path: Path, type_: Type
) -> None:
    kept = tmp_path / "kept"
    kept.write_text(checkpoint(log_file, size=8).note, "utf-8")
    typed = type_("verify", export, "--checkpoint", kept, "--key", vkey())
    assert typed.code == 0
    assert "SIGNED, 8 events lead to" in typed.out
    assert "10 events after it covered by the chain alone" in typed.out


def test_one_session_is_held_to_a_kept_checkpoint_of_the_same_size_only(
    log_file: Path, tmp_path: Path, type_: Type
) -> None:
    sign(log_file)
    path, kept = tmp_path / "s1.jsonl", tmp_path / "kept"
    scope = ("--tenant", "acme", "--session", "s1")
    assert type_("export", "--dsn", log_file, *scope, "--out", path).code == 0
    assert type_("verify", path, "--key", vkey()).code == 0
    kept.write_text(checkpoint(log_file).note, "utf-8")
    assert type_("verify", path, "--checkpoint", kept).code == 0
    kept.write_text(checkpoint(log_file, size=3).note, "utf-8")
    typed = type_("verify", path, "--checkpoint", kept)
    assert typed.code == 2
    assert "verify the whole tenant" in typed.out


def test_a_server_is_not_asked_to_vouch_for_itself(type_: Type) -> None:
    typed = type_("verify", "--server", NOWHERE, "--tenant", "acme", "--key", vkey())
    assert typed.code == 2
    assert "aegisctl checkpoint" in typed.err


def test_any_byte_of_a_signed_export_that_is_edited_shows(signed_export: Path, type_: Type) -> None:
    whole = signed_export.read_bytes()
    for at in range(whole.index(b"\n") + 1, len(whole), 61):
        edited = bytearray(whole)
        edited[at] ^= 1
        signed_export.write_bytes(edited)
        assert type_("verify", signed_export, "--key", vkey()).code == 1, at

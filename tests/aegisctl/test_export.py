"""`export`: the same bytes for everybody, written whole or not at all, of a log that holds."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from aegisd.audit.database_log import DatabaseLog
from aegisd.audit.export_writing import plan_of
from aegisd.audit.partial_export import SUFFIX, PartialExport
from aegisd.audit.proofs import StoredProofs
from aegisd.core.log import detached
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.export import (
    ExportedCheckpoint,
    ExportedDetached,
    ExportedDocument,
    ExportedProof,
    Line,
    Scope,
)
from aegisd.core.log.export_reading import read
from aegisd.rows import Batch, Checkpoint, Detached
from aegisd.store.sqlite.store import SqliteStore
from tests.aegisctl.conftest import Type
from tests.audit.recording import call, record
from tests.audit.signed import checkpoint, keep, note, sign
from tests.audit.tampering import rows, tamper
from tests.core.builders import chain, envelope
from tests.remote.shelf import Shelf


def export(type_: Type, source: Path, out: Path | str, *more: str) -> int:
    return type_("export", "--dsn", source, "--out", out, *more).code


def test_an_export_holds_what_the_scope_says(recorded: Path, tmp_path: Path, type_: Type) -> None:
    out = tmp_path / "out"
    assert export(type_, recorded, out, "--tenant", "acme") == 0
    parts = list(read(out.read_bytes().splitlines(keepends=True)))
    assert parts[0] == Scope(tenant_id="acme")
    assert {part.kind for part in parts if isinstance(part, ExportedDocument)} == {
        "bundle",
        "manifest",
    }
    assert sum(isinstance(part, StoredEvent) for part in parts) == 18
    assert export(type_, recorded, out, "--tenant", "acme", "--session", "s2", "--force") == 0
    parts = list(read(out.read_bytes().splitlines(keepends=True)))
    assert parts[0] == Scope(tenant_id="acme", session_id="s2")
    assert {part.session_id for part in parts if isinstance(part, StoredEvent)} == {"s2"}


def test_a_tenant_must_be_named_where_there_are_two(
    recorded: Path, tmp_path: Path, type_: Type
) -> None:
    typed = type_("export", "--dsn", recorded, "--out", tmp_path / "out")
    assert typed.code == 2
    assert "acme, zeta" in typed.err


def test_what_is_unknown_leaves_no_file(recorded: Path, tmp_path: Path, type_: Type) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    for scope in (("nobody",), ("acme", "--session", "nobody")):
        assert export(type_, recorded, folder / "x", "--tenant", *scope) == 2
    assert export(type_, tmp_path / "none.db", folder / "x", "--tenant", "acme") == 2
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE events SET user_id = 'x' WHERE position = 5",
        "DELETE FROM events WHERE position = 5",
        "DELETE FROM documents WHERE kind = 'manifest'",
    ],
)
def test_a_log_that_does_not_hold_is_not_exported(
    log_file: Path, tmp_path: Path, type_: Type, change: str
) -> None:
    tamper(log_file, change)
    assert export(type_, log_file, tmp_path / "x", "--tenant", "acme") == 1
    assert not (tmp_path / "x").exists()


def test_a_file_is_replaced_only_when_told_to(recorded: Path, tmp_path: Path, type_: Type) -> None:
    out = tmp_path / "out"
    out.write_text("precious")
    assert export(type_, recorded, out, "--tenant", "acme") == 2
    assert out.read_text() == "precious"
    assert export(type_, recorded, out, "--tenant", "acme", "--force") == 0
    assert out.read_bytes().startswith(b'{"aegis_export":1')


def test_standard_output_has_the_same_bytes(recorded: Path, tmp_path: Path, type_: Type) -> None:
    out = tmp_path / "out"
    assert export(type_, recorded, out, "--tenant", "acme") == 0
    typed = type_("export", "--dsn", recorded, "--tenant", "acme", "--out", "-")
    assert typed.out.encode() == out.read_bytes()


# ── evidence ────────────────────────────────────────────────────────────────────────────────────


def parts(path: Path) -> list[Line]:
    return list(read(path.read_bytes().splitlines(keepends=True)))


def test_the_newest_signed_checkpoint_goes_along_and_no_other(
    log_file: Path, tmp_path: Path, type_: Type
) -> None:
    out = tmp_path / "out"
    for size in (3, 9):
        sign(log_file, size=size)
    newest = sign(log_file, size=12)
    keep(log_file, replace(checkpoint(log_file), note=""))
    typed = type_("export", "--dsn", log_file, "--tenant", "acme", "--out", out)
    assert "12 events of 18 covered by a signed checkpoint" in typed.err
    told = [part for part in parts(out) if isinstance(part, ExportedCheckpoint)]
    assert told == [ExportedCheckpoint(note=newest.note)]
    assert not any(isinstance(part, ExportedProof) for part in parts(out))


@pytest.mark.parametrize("size", [2, 9, 18])
def test_a_session_has_a_proof_of_each_event_that_is_covered(
    log_file: Path, tmp_path: Path, type_: Type, size: int
) -> None:
    sign(log_file, size=size)
    out = tmp_path / "out"
    scope = ("--tenant", "acme", "--session", "s1")
    assert type_("export", "--dsn", log_file, *scope, "--out", out).code == 0
    covered = rows(log_file, "position", f"session_id = 's1' AND position < {size}")
    told = [(part.index,) for part in parts(out) if isinstance(part, ExportedProof)]
    assert told == covered
    assert type_("verify", out).code == 0


def test_a_log_that_is_not_what_was_signed_is_not_exported_with_proofs(
    log_file: Path, tmp_path: Path, type_: Type
) -> None:
    root = b"\1" * 32
    keep(log_file, Checkpoint(tenant_id="acme", size=18, root=root, note=note(18, root)))
    scope = ("--tenant", "acme", "--session", "s1")
    typed = type_("export", "--dsn", log_file, *scope, "--out", tmp_path / "out")
    assert typed.code == 1
    assert "not the one that was signed" in typed.err


# ── gone on with ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def whole(log_file: Path, tmp_path: Path, type_: Type) -> bytes:
    """An export made in one go, of a signed log."""
    sign(log_file, size=15)
    path = tmp_path / "whole"
    assert export(type_, log_file, path, "--tenant", "acme") == 0
    return path.read_bytes()


def cut(path: Path, log_file: Path, events: int, torn: bytes = b"") -> Path:
    """What an export leaves that was cut behind so many events, in the middle of a line."""
    log = DatabaseLog(str(log_file))
    partial = path.with_name(path.name + SUFFIX)
    begun = PartialExport.begin(partial, plan_of(StoredProofs(log), "acme", None, values=False))
    for event in log.events("acme", limit=events):
        begun.append(event)
    begun.close()
    log.close()
    partial.write_bytes(partial.read_bytes() + torn)
    return partial


@pytest.mark.parametrize("events", [0, 1, 9, 17, 18])
@pytest.mark.parametrize("torn", [b"", b"{", b'{"event_type":"USER_MES', b"\n\n"])
def test_an_export_that_was_cut_anywhere_ends_in_the_same_bytes(
    whole: bytes, log_file: Path, tmp_path: Path, type_: Type, events: int, torn: bytes
) -> None:
    out = tmp_path / "out"
    partial = cut(out, log_file, events, torn)
    assert export(type_, log_file, out, "--tenant", "acme", "--resume") == 0
    assert out.read_bytes() == whole
    assert not partial.exists()


def test_what_was_appended_since_the_export_began_is_left_for_another(
    whole: bytes, log_file: Path, tmp_path: Path, type_: Type
) -> None:
    out = tmp_path / "out"
    cut(out, log_file, 4)
    store = SqliteStore(str(log_file))
    record(store, [call("read_file", {"path": "/workspace/late"})])
    store.close()
    sign(log_file)
    assert export(type_, log_file, out, "--tenant", "acme", "--resume") == 0
    assert out.read_bytes() == whole


def test_what_was_left_and_changed_is_found_out(
    log_file: Path, tmp_path: Path, type_: Type
) -> None:
    out = tmp_path / "out"
    partial = cut(out, log_file, 9)
    partial.write_bytes(partial.read_bytes().replace(b"notes.txt", b"sales.txt", 1))
    assert export(type_, log_file, out, "--tenant", "acme", "--resume") == 1
    assert not out.exists()


def test_what_was_left_of_another_log_is_refused(
    recorded: Path, log_file: Path, tmp_path: Path, type_: Type
) -> None:
    other = tmp_path / "other.db"
    store = SqliteStore(str(other))
    record(store, [call("read_file", {"path": "/workspace/other"})])
    store.close()
    out = tmp_path / "out"
    partial = cut(out, other, 4)
    typed = type_("export", "--dsn", log_file, "--tenant", "acme", "--out", out, "--resume")
    assert typed.code == 2
    assert "another log" in typed.err
    partial.write_bytes(b"{}\n")
    typed = type_("export", "--dsn", recorded, "--tenant", "acme", "--out", out, "--resume")
    assert typed.code == 2
    assert "not the beginning of an export" in typed.err


def test_what_is_asked_for_must_be_what_was_begun(
    log_file: Path, tmp_path: Path, type_: Type
) -> None:
    out = tmp_path / "out"
    partial = cut(out, log_file, 4)
    for more in (("--tenant", "zeta", "--resume"), ("--tenant", "acme", "--resume", "--detached")):
        assert export(type_, log_file, out, *more) == 2
    assert export(type_, log_file, out, "--tenant", "acme") == 2
    assert partial.exists()
    assert export(type_, log_file, out, "--tenant", "acme", "--force") == 0
    assert not partial.exists()
    assert export(type_, log_file, tmp_path / "new", "--tenant", "acme", "--resume") == 2
    assert export(type_, log_file, "-", "--tenant", "acme", "--resume") == 2
    assert export(type_, log_file, out, "--tenant", "acme", "--session", "s1", "--resume") == 2


def test_an_export_cut_by_its_server_can_be_gone_on_with(
    shelf: Shelf, log_file: Path, tmp_path: Path, type_: Type
) -> None:
    out = tmp_path / "out"
    partial = out.with_name(out.name + SUFFIX)
    pages = 0

    def lie(path: str, body: bytes) -> bytes:
        nonlocal pages
        pages += path.startswith("/v1/events")
        if pages == 3:
            raise OSError("cut")
        return body

    shelf.lie = lie
    assert type_("export", "--tenant", "acme", "--out", out).code == 2
    assert (out.exists(), partial.exists()) == (False, True)
    assert partial.stat().st_mode & 0o777 == 0o600
    assert partial.read_bytes().count(b"\n") == 1 + 10
    typed = type_("export", "--tenant", "acme", "--out", out, "--resume")
    assert typed.code == 0, typed.err
    other = tmp_path / "other"
    assert type_("export", "--tenant", "acme", "--out", other).code == 0
    assert out.read_bytes() == other.read_bytes()


# ── values kept beside events ───────────────────────────────────────────────────────────────────


def test_values_beside_events_go_along_only_when_asked_for(tmp_path: Path, type_: Type) -> None:
    path, out = tmp_path / "aegis.db", tmp_path / "out"
    salt, value = b"\3" * 32, b'"42"'
    payload = {"content": detached.commitment(salt, value)}
    events = chain([envelope(0, "USER_MESSAGE", {"content": "x"}, session_id="a"),
                    envelope(0, "USER_MESSAGE", payload, session_id="b")])  # fmt: skip
    row = Detached(
        tenant_id="acme", position=1, pointer="/content", subject="u1", salt=salt, value=value
    )
    store = SqliteStore(str(path))
    store.append(Batch(tenant_id="acme", first_position=0, events=events, detached=[row]))
    store.close()
    assert export(type_, path, out) == 0
    assert not any(isinstance(part, ExportedDetached) for part in parts(out))
    for scope, number in (((), 1), (("--session", "b"), 0)):
        assert export(type_, path, out, "--force", "--detached", *scope) == 0
        (told,) = [part for part in parts(out) if isinstance(part, ExportedDetached)]
        assert (told.position, told.pointer, told.salt, told.value) == (
            number, "/content", salt, value.decode()
        )  # fmt: skip
        assert type_("verify", out).code == 0
    assert type_("export", "--out", "-", "--tenant", "acme", "--detached").code == 2

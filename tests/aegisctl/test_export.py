"""`export`: the same bytes for everybody, written whole or not at all, of a log that holds."""

from pathlib import Path

import pytest

from aegisctl.database import DatabaseLog
from aegisctl.display import silent
from aegisctl.transfer import replacing, write_export
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.export import ExportedDocument, Scope, read
from tests.aegisctl.conftest import Type
from tests.aegisctl.tampering import tamper


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


def test_a_write_that_fails_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("old")
    full = OSError("disk")

    def fill() -> None:
        with replacing(out) as draft:
            draft.write(b"new")
            raise full

    with pytest.raises(OSError, match="disk"):
        fill()
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_two_exports_of_one_log_are_equal(recorded: Path, tmp_path: Path) -> None:
    written = []
    for name in ("a", "b"):
        log = DatabaseLog(str(recorded))
        with (tmp_path / name).open("wb") as out:
            written.append(write_export(log, "acme", None, out, silent))
        log.close()
    assert written[0] == written[1]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (written[0].events, written[0].sessions, written[0].documents) == (18, 3, 2)

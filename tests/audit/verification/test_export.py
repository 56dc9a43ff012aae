"""An export: any byte that is changed in it shows, with nothing but the file."""

from pathlib import Path

from aegisd.audit.verification.file import verify_file
from aegisd.audit.verification.result import Verification
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.export import Scope
from aegisd.core.log.export_reading import read
from tests.core.builders import export_lines


def look(path: Path) -> Verification:
    return verify_file(str(path))


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
    bare.write_bytes(b"".join(export_lines(Scope(tenant_id="acme"), (), events)))
    assert {each.rule for each in look(bare).breaks} == {"document"}

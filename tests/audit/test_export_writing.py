"""An export is the same bytes for everybody, and of a log that holds."""

import io
from contextlib import closing
from pathlib import Path

import pytest

from aegisd.audit.database_log import DatabaseLog
from aegisd.audit.export_writing import complete, write_export
from aegisd.audit.partial_export import ExportPlan, PartialExport
from aegisd.audit.proofs import StoredProofs
from aegisd.core.errors import LogCorrupt, SessionUnknown
from tests.audit.signed import sign
from tests.audit.tampering import rows, tamper


def test_two_exports_of_one_log_are_equal(recorded: Path, tmp_path: Path) -> None:
    written = []
    for name in ("a", "b"):
        with closing(DatabaseLog(str(recorded))) as log, (tmp_path / name).open("wb") as out:
            written.append(write_export(log, "acme", out))
    assert written[0] == written[1]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (written[0].events, written[0].sessions, written[0].documents) == (18, 3, 2)


def test_of_a_session_too_only_what_was_there_at_the_beginning_is_exported(
    log_file: Path, tmp_path: Path
) -> None:
    plan = ExportPlan(tenant_id="acme", session_id="s1", values=False, end=9, note="")
    with (
        closing(DatabaseLog(str(log_file))) as log,
        closing(PartialExport.temporary(plan)) as partial,
        (tmp_path / "out").open("wb") as out,
    ):
        written = complete(log, StoredProofs(log), partial, out)
    assert written.events == len(rows(log_file, "seq", "session_id = 's1' AND position < 9"))


def test_a_log_that_does_not_hold_is_not_exported(log_file: Path) -> None:
    tamper(log_file, "UPDATE events SET user_id = 'x' WHERE tenant_id = 'acme' AND position = 5")
    with closing(DatabaseLog(str(log_file))) as log, pytest.raises(LogCorrupt, match="position 5"):
        write_export(log, "acme", io.BytesIO())


def test_a_session_without_events_is_unknown(recorded: Path) -> None:
    plan = ExportPlan(tenant_id="acme", session_id="s9", values=False, end=None, note="")
    with (
        closing(DatabaseLog(str(recorded))) as log,
        closing(PartialExport.temporary(plan)) as partial,
        pytest.raises(SessionUnknown, match="s9"),
    ):
        complete(log, StoredProofs(log), partial, io.BytesIO())


def test_progress_is_told_of_every_event(recorded: Path) -> None:
    done: list[int] = []

    def progress(number: int = 1) -> None:
        done.append(number)

    with closing(DatabaseLog(str(recorded))) as log:
        write_export(log, "acme", io.BytesIO(), progress=progress)
    assert sum(done) == 18


def test_paths_are_not_left_out_in_silence(log_file: Path) -> None:
    note = sign(log_file).note
    plan = ExportPlan(tenant_id="acme", session_id="s1", values=False, end=None, note=note)
    with (
        closing(DatabaseLog(str(log_file))) as log,
        closing(PartialExport.temporary(plan)) as partial,
        pytest.raises(ValueError, match="needs proofs"),
    ):
        complete(log, None, partial, io.BytesIO())

"""An export as a log: it answers what the database answers that it was taken from."""

import io
from pathlib import Path

import pytest

from aegisd.audit.database_log import DatabaseLog
from aegisd.audit.export_log import ExportLog
from aegisd.audit.log import all_sessions
from aegisd.core.errors import ExportInvalid
from aegisd.core.log.export import LINE_BYTES_MAX
from aegisd.export_file import lines


def test_an_export_tells_the_same_log_as_its_database(export: Path, recorded: Path) -> None:
    log, told = DatabaseLog(str(recorded)), ExportLog(str(export))
    assert told.tenants() == ["acme"]
    assert list(told.events("acme")) == list(log.events("acme"))
    assert list(told.events("acme", from_position=4, limit=3)) == list(
        log.events("acme", from_position=4, limit=3)
    )
    assert list(all_sessions(told, "acme")) == list(all_sessions(log, "acme"))
    assert told.sessions("acme", after="s1") == log.sessions("acme", after="s1")
    assert told.sessions("acme", limit=1) == log.sessions("acme", limit=1)
    for name in ("$control", "s1", "s2"):
        assert told.session_head("acme", name) == log.session_head("acme", name)
        assert list(told.session_events("acme", name, from_seq=1, limit=2)) == list(
            log.session_events("acme", name, from_seq=1, limit=2)
        )
    assert told.session_head("acme", "z1") is None
    assert list(told.events("zeta")) == []
    assert list(told.session_events("acme", "z1")) == []
    told.close()
    log.close()


def test_a_broken_export_is_not_a_log(export: Path) -> None:
    whole = export.read_bytes()
    for broken in (whole[:-2], whole.replace(b"notes", b"sales"), b"{}\n", b""):
        export.write_bytes(broken)
        with pytest.raises(ExportInvalid):
            ExportLog(str(export))


def test_a_line_without_end_is_not_read_into_memory() -> None:
    short, long = b"x" * (LINE_BYTES_MAX - 1) + b"\n", b"x" * (LINE_BYTES_MAX + 2)
    assert [len(line) for line in lines(io.BytesIO(short))] == [LINE_BYTES_MAX]
    assert next(lines(io.BytesIO(long))) == b"x" * (LINE_BYTES_MAX + 1)

"""Why a value is not beside its event: told apart, by the event and by what was recorded since."""

from contextlib import closing
from pathlib import Path

import pytest

from aegisd.audit.absence import NEVER_KEPT, Absences
from aegisd.audit.database_log import DatabaseLog
from aegisd.core.log import detached
from aegisd.rows import Batch, Detached
from aegisd.store.sqlite.store import SqliteStore
from tests.core.builders import chain, envelope

SALT, VALUE = b"\3" * 32, b'"42"'
KEPT = detached.commitment(SALT, VALUE)
SECRET = detached.commitment(SALT, VALUE, kept=False)
ERASED = {"author": "ann", "now_ms": 1, "reason": "r", "subject": "u1", "values": 1}


@pytest.fixture
def log(tmp_path: Path) -> DatabaseLog:
    """A value of each kind: held, missing, secret; and others of u1 before and after an erasure."""
    told = {"held": KEPT, "missing": KEPT, "pin": SECRET}
    events = chain(
        [
            envelope(0, "X", told, user_id="u2"),
            envelope(1, "X", {"a": KEPT}, user_id="u1"),
            envelope(0, "PAYLOAD_ERASED", ERASED, session_id="$control"),
            envelope(2, "X", {"a": KEPT}, user_id="u1"),
        ]
    )
    row = Detached(
        tenant_id="acme", position=0, pointer="/held", subject="u2", salt=SALT, value=VALUE
    )
    path = tmp_path / "aegis.db"
    with closing(SqliteStore(str(path))) as store:
        store.append(Batch(tenant_id="acme", first_position=0, events=events, detached=[row]))
    return DatabaseLog(str(path))


def test_each_value_that_is_not_there_has_its_own_reason(log: DatabaseLog) -> None:
    missing = "missing, and no PAYLOAD_ERASED tells of it; run `aegisctl verify`"
    with closing(log):
        absences = Absences(log, "acme")
        found = [absences.why(event) for event in log.events("acme")]
        assert absences.sentence(0) == f"{NEVER_KEPT}; {missing}"
        assert absences.sentence(99) == ""
    assert found == [
        {"/missing": missing, "/pin": NEVER_KEPT},
        {"/a": "erased: PAYLOAD_ERASED at position 2"},
        {},
        {"/a": missing},
    ]

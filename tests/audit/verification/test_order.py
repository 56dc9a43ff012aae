"""A row that was moved shows by what events tell of their order."""

from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from aegisd.audit.database_log import DatabaseLog
from aegisd.audit.verification.database import verify_database
from aegisd.audit.verification.result import Verification
from tests.audit.tampering import insert, tamper


def check(path: Path, tenant: str) -> Verification:
    """One tenant, without what opening a file does around it."""
    with closing(DatabaseLog(str(path))) as log:
        return verify_database(log, [tenant])


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

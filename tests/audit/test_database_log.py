"""Rows that changed places show, though every chain still links."""

import itertools
import shutil
from contextlib import closing
from pathlib import Path

from aegisd.audit.database_log import DatabaseLog
from aegisd.audit.verification.database import verify_database
from aegisd.audit.verification.result import Verification
from tests.audit.tampering import tamper


def check(path: Path, tenant: str) -> Verification:
    """One tenant, without what opening a file does around it."""
    with closing(DatabaseLog(str(path))) as log:
        return verify_database(log, [tenant])


def test_any_two_rows_that_change_places_show(recorded: Path, tmp_path: Path) -> None:
    for first, second in itertools.combinations(range(18), 2):
        path = Path(shutil.copy(recorded, tmp_path / "swapped.db"))
        swap = "UPDATE events SET position = ? WHERE tenant_id = 'acme' AND position = ?"
        tamper(path, (swap, (99, first)), (swap, (first, second)), (swap, (second, 99)))
        found = check(path, "acme").breaks
        assert found, (first, second)
        assert {first, second} & {each.position for each in found}

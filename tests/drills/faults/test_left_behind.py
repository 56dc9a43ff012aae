"""What a crash or a full disk leaves lying about must not keep the next start from happening."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aegisd.core.log.note import NOTE_BYTES_MAX
from aegisd.signing.guard import GuardFolder
from aegisd.store.sqlite.store import SqliteStore
from drills.faults.interposer import CREATE, WRITE, Interposer, Orders, Unsupported
from tests.core.builders import ROOT

OPEN = """
import sys
from aegisd.store.sqlite.store import SqliteStore
SqliteStore(sys.argv[1]).close()
"""


def test_a_draft_of_a_checkpoint_is_no_tenant(tmp_path: Path) -> None:
    guard = GuardFolder(tmp_path)
    guard.keep("acme", "note")
    (tmp_path / ".acme.checkpoint").write_text("no" * (NOTE_BYTES_MAX // 2))
    assert guard.tenants() == ["acme"]
    guard.keep("acme", "newer note")
    assert guard.newest("acme") == "newer note"


# Between the calls that write the draft's log and those that copy it into the draft.
@pytest.mark.parametrize("passing", range(56, 74, 3))
def test_a_log_that_a_full_disk_kept_from_being_made_is_made_later(
    tmp_path: Path, passing: int
) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    path = str(folder / "aegis.db")
    try:
        between = Interposer(folder, tmp_path)
    except Unsupported as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    between.order(Orders(operations=WRITE | CREATE, error=errno.ENOSPC, passing=passing))
    subprocess.run(
        [sys.executable, "-c", OPEN, path],
        env=between.environment,
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert between.failed
    store = SqliteStore(path)
    assert store.faults() == []
    store.close()

"""What the tests of the audit library share: a recorded log, and exports of it."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from aegisd.audit.database_log import DatabaseLog
from aegisd.audit.export_writing import complete, plan_of
from aegisd.audit.partial_export import PartialExport
from aegisd.audit.proofs import StoredProofs
from tests.audit.full import filled
from tests.audit.recording import database


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded database. Never written to; take `log_file` for that."""
    return database(tmp_path_factory.mktemp("recorded"))


@pytest.fixture
def log_file(recorded: Path, tmp_path: Path) -> Path:
    """A copy of the recorded database, to be tampered with."""
    return Path(shutil.copy(recorded, tmp_path / "aegis.db"))


@pytest.fixture
def full(log_file: Path) -> Path:
    """A log with values beside events, blocks and checkpoints."""
    return filled(log_file)


@pytest.fixture
def export(recorded: Path, tmp_path: Path) -> Path:
    """An export of a whole tenant."""
    return exported(recorded, tmp_path / "acme.jsonl")


def exported(source: Path, path: Path, session_id: str | None = None) -> Path:
    """Export tenant acme of a database, or one session of it, with what shows that it holds."""
    with closing(DatabaseLog(str(source))) as log, path.open("wb") as out:
        proofs = StoredProofs(log)
        plan = plan_of(proofs, "acme", session_id, values=False)
        with closing(PartialExport.temporary(plan)) as partial:
            complete(log, proofs, partial, out)
    return path

"""A file is verified as what its content is, and asked for nothing that it cannot tell."""

from pathlib import Path

import pytest

from aegisd.audit.verification.file import verify_file
from aegisd.core.errors import ConfigInvalid, NotFound


def test_a_database_and_its_export_hold_alike(recorded: Path, export: Path) -> None:
    database, exported = (verify_file(str(path), "acme") for path in (recorded, export))
    assert database.holds
    assert exported.holds
    assert [each.events for each in database.tenants] == [each.events for each in exported.tenants]


def test_what_a_file_cannot_tell_is_refused(recorded: Path, export: Path) -> None:
    for path in (recorded, export):
        with pytest.raises(ConfigInvalid, match="--event goes with"):
            verify_file(str(path), event="event.json")
        with pytest.raises(NotFound):
            verify_file(str(path), "nobody")

"""What a file is its content tells, and whose log is meant, the tenants in it."""

from contextlib import closing
from pathlib import Path

import pytest

from aegisd.audit import log
from aegisd.audit.database_log import DatabaseLog
from aegisd.core.errors import ConfigInvalid, NotFound, WrongFile
from aegisd.core.log import proof
from tests.audit.signed import proved


def test_a_file_is_what_its_first_bytes_say(recorded: Path, export: Path, tmp_path: Path) -> None:
    shown = tmp_path / "shown"
    shown.write_text(proof.write(proved(recorded, 3)), "utf-8")
    kinds = [log.kind(str(path)) for path in (recorded, export, shown)]
    assert kinds == ["database", "export", "proof"]
    assert log.kind("postgresql://nobody@nowhere/x") == "database"
    shown.write_bytes(b"hello")
    with pytest.raises(WrongFile, match="none of them"):
        log.kind(str(shown))


def test_a_database_and_an_export_of_it_are_opened_as_the_same_log(
    recorded: Path, export: Path
) -> None:
    with log.opened(str(recorded)) as one, log.opened(str(export)) as other:
        assert list(one.events("acme")) == list(other.events("acme"))


def test_a_proof_is_no_log(recorded: Path, tmp_path: Path) -> None:
    path = tmp_path / "shown"
    path.write_text(proof.write(proved(recorded, 3)), "utf-8")
    with pytest.raises(WrongFile, match="no log"), log.opened(str(path)):
        pass


def test_the_tenant_that_is_meant_is_named_or_the_only_one(recorded: Path, export: Path) -> None:
    with log.opened(str(export)) as source:
        assert log.one_tenant(source, None) == "acme"
    with closing(DatabaseLog(str(recorded))) as source:
        assert log.one_tenant(source, "zeta") == "zeta"
        with pytest.raises(ConfigInvalid, match="acme, zeta"):
            log.one_tenant(source, None)
        with pytest.raises(NotFound, match="nobody"):
            log.known_tenants(source, "nobody")

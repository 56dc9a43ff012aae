"""Verify, export, backup and restore work with PostgreSQL as they do with a file."""

from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from aegisd.store.dsn import open_store
from tests.aegisctl.conftest import Type
from tests.audit.full import tables
from tests.audit.signed import sign, vkey


def test_a_log_goes_into_postgresql_and_back_unchanged(
    log_file: Path, tmp_path: Path, dsn: str, type_: Type
) -> None:
    sign(log_file)
    out = tmp_path / "out.db"
    assert type_("restore", log_file, "--dsn", dsn).code == 0
    typed = type_("verify", dsn, "--tenant", "acme", "--key", vkey())
    assert typed.code == 0
    assert "SIGNED, 18 events lead to" in typed.out
    for verb in ("events", "sessions", "replay"):
        read = [type_(verb, place, "--tenant", "acme") for place in (dsn, log_file)]
        assert read[0].out == read[1].out
        assert read[0].code == 0
    looked = type_("doctor", "--dsn", dsn)
    assert "acme: 18 events" in looked.out
    assert type_("backup", "--dsn", dsn, "--out", out).code == 0
    assert tables(out) == tables(log_file)
    for scope in ((), ("--session", "s1")):
        told = []
        for source in (dsn, log_file):
            place = tmp_path / "export"
            options = ("--tenant", "acme", *scope, "--out", place, "--force")
            assert type_("export", "--dsn", source, *options).code == 0
            told.append(place.read_bytes())
        assert told[0] == told[1]


def test_a_database_that_holds_a_log_is_not_restored_into(
    log_file: Path, dsn: str, type_: Type
) -> None:
    assert type_("restore", log_file, "--dsn", dsn).code == 0
    typed = type_("restore", log_file, "--dsn", dsn)
    assert typed.code == 2
    assert "holds a log already" in typed.err
    with closing(open_store(dsn)) as store:
        assert store.next_position("acme") == 18


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE aegis.events CASCADE",
        "DROP TABLE aegis.tenant_head CASCADE",
        "ALTER TABLE aegis.events RENAME COLUMN body TO was",
        "DROP SCHEMA aegis CASCADE",
        "DELETE FROM aegis.migrations",
        "UPDATE aegis.migrations SET number = number + 90",
        "ALTER TABLE aegis.migrations RENAME COLUMN digest TO was",
    ],
)
def test_a_database_with_nothing_left_to_tell_does_not_hold_for_whoever_brings_a_key(
    log_file: Path, dsn: str, type_: Type, statement: str
) -> None:
    sign(log_file)
    assert type_("restore", log_file, "--dsn", dsn).code == 0
    with psycopg.connect(dsn, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute(statement.encode())
    typed = type_("verify", dsn, "--key", vkey())
    assert (typed.code, "bug" in typed.err) == (1, False)
    assert type_("verify", dsn).code in (1, 2)


def test_a_server_that_cannot_be_asked_is_unknown_whatever_was_brought(type_: Type) -> None:
    typed = type_("verify", "postgresql://nobody@127.0.0.1:9/none", "--key", vkey())
    assert (typed.code, typed.out) == (2, "")

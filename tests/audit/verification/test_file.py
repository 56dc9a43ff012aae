"""A file is verified as what its content is, and asked for nothing that it cannot tell."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from aegisd.audit.anchors import NONE, Anchors, read_head
from aegisd.audit.verification.file import verify_file
from aegisd.core.errors import ConfigInvalid, NotFound, WrongFile
from conformance.verifier import aegis_verify
from tests.audit.full import TABLES
from tests.audit.signed import checkpoint, key, sign
from tests.audit.tampering import tamper

# What the owner of a database may do to it so that there is nothing to tell, and what that is to
# somebody who brings nothing: a break, or unknown.
EMPTIED = {
    "every row": tuple(f"DELETE FROM {table}" for table in TABLES),  # noqa: S608 - names of ours
    "another tenant": (
        "DELETE FROM tenant_heads",
        "DELETE FROM events WHERE tenant_id <> 'acme'",
        "UPDATE events SET tenant_id = 'other'",
    ),
    "the events": ("DELETE FROM events", "DELETE FROM tenant_heads"),
    "a table": ("DROP TABLE events",),
    "every table that lists tenants": ("DROP TABLE events", "DROP TABLE tenant_heads"),
    "a column": ("ALTER TABLE events RENAME COLUMN body TO was",),
    "a later version": ("PRAGMA user_version = 99",),
    "no version": ("PRAGMA user_version = 0",),
    "another program": ("PRAGMA application_id = 0",),
}
UNKNOWN_TO_NOBODY_ELSE = {"another program"}


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


@pytest.fixture
def signed(log_file: Path) -> Path:
    sign(log_file)
    return log_file


def anchors(path: Path) -> tuple[Anchors, ...]:
    """A key, a checkpoint that was kept, and both."""
    keys = (key(),)
    kept = (read_head(checkpoint(path).note, keys),)
    return Anchors(keys=keys), Anchors(kept=kept), Anchors(keys=keys, kept=kept)


@pytest.mark.parametrize("name", EMPTIED)
def test_a_database_with_nothing_left_to_tell_does_not_hold_for_whoever_brings_something(
    signed: Path, name: str
) -> None:
    brought = anchors(signed)
    with closing(sqlite3.connect(signed, isolation_level=None)) as file:
        triggers = file.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for (trigger,) in triggers:
            file.execute(f"DROP TRIGGER {trigger}")
        for statement in EMPTIED[name]:
            file.execute(statement)
    for each in brought:
        assert not verify_file(str(signed), anchors=each).holds
        assert not verify_file(str(signed), "acme", anchors=each).holds
    if name in UNKNOWN_TO_NOBODY_ELSE:
        with pytest.raises(WrongFile):
            verify_file(str(signed))
    else:
        assert not verify_file(str(signed)).holds


def test_rows_deleted_by_somebody_who_put_the_schema_back_are_missed_only_without_anchors(
    signed: Path,
) -> None:
    brought = anchors(signed)
    tamper(signed, *EMPTIED["every row"])
    with pytest.raises(NotFound):
        verify_file(str(signed))
    assert all(not verify_file(str(signed), anchors=each).holds for each in brought)


@pytest.mark.parametrize("length", [0, 1, 16, 99, 100, 4096, 8192, 20_000, -8192, -1])
def test_a_database_that_was_cut_does_not_hold_for_whoever_brings_something(
    signed: Path, length: int
) -> None:
    brought = anchors(signed)
    signed.write_bytes(signed.read_bytes()[:length])
    assert all(not verify_file(str(signed), anchors=each).holds for each in brought)


def hot_journal(path: Path) -> None:
    """What a program leaves that was killed while it changed the file, without a log of changes."""
    half = path.with_name("half.db")
    half.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(half, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=DELETE")
        other.execute("PRAGMA cache_size=1")
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE more AS SELECT * FROM events")
        other.execute("INSERT INTO more SELECT * FROM more")
        path.write_bytes(half.read_bytes())
        Path(f"{path}-journal").write_bytes(Path(f"{half}-journal").read_bytes())


def replaced(make: Callable[[Path], None]) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        path.unlink()
        make(path)

    return replace


# What whoever hands a file over may do to it.
ODD: dict[str, Callable[[Path], None]] = {
    "a folder": replaced(Path.mkdir),
    "a pipe": replaced(os.mkfifo),
    "a link to itself": replaced(lambda path: path.symlink_to(path.name)),
    "a folder beside": lambda path: Path(f"{path}-wal").mkdir(),
    "a pipe beside": lambda path: os.mkfifo(f"{path}-wal"),
    "a folder as the index": lambda path: Path(f"{path}-shm").mkdir(),
    "half of a change": hot_journal,
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_no_file_or_has_none_beside_it_does_not_hold_for_whoever_brings_something(
    signed: Path, name: str
) -> None:
    brought = anchors(signed)
    ODD[name](signed)
    assert all(not verify_file(str(signed), anchors=each).holds for each in brought)
    if not signed.is_file():
        read = aegis_verify.keys_of(str(key()))
        assert aegis_verify.check(signed, None, read, []).exit_code == 1


def test_a_file_that_is_not_there_says_nothing_whatever_was_brought(
    signed: Path, tmp_path: Path
) -> None:
    for each in (NONE, *anchors(signed)):
        with pytest.raises(OSError, match="none"):
            verify_file(str(tmp_path / "none"), anchors=each)

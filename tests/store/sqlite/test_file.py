"""What may be at the path of a log, and what is made there."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aegisd.core.errors import ConfigInvalid, LogCorrupt
from aegisd.rows import Batch, Checkpoint, Detached, Growth
from aegisd.store.sqlite.file import sqlite_version_affected
from aegisd.store.sqlite.reader import SqliteReader
from aegisd.store.sqlite.schema import SCHEMA_VERSION
from aegisd.store.sqlite.store import SqliteStore
from tests.store.contract import batch, document, event

# The user that owns nothing, by the custom of every Unix.
NOBODY = 65534


def test_a_new_log_is_marked_as_ours_and_readable_by_its_owner_only(path: Path) -> None:
    SqliteStore(str(path)).close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes()[68:72] == b"AEGI"
    assert sorted(p.name for p in path.parent.iterdir()) == ["aegis.db", "aegis.db.lock"]


def test_the_side_files_are_readable_by_the_owner_only(store: SqliteStore, path: Path) -> None:
    store.append(batch([event(0)]))
    assert {p.stat().st_mode & 0o777 for p in path.parent.iterdir()} == {0o600}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET user_id = 'x'",
        "DELETE FROM events",
        "UPDATE documents SET body = x'00'",
        "DELETE FROM documents",
        "UPDATE checkpoints SET root = x'00' WHERE note = ''",
        "UPDATE checkpoints SET size = 9 WHERE note = ''",
        "UPDATE checkpoints SET tenant_id = 'other' WHERE note = ''",
        "UPDATE checkpoints SET note = 'forged' WHERE note = 'signed'",
        "UPDATE checkpoints SET note = '' WHERE note = 'signed'",
        "DELETE FROM checkpoints",
        "UPDATE blocks SET root = x'00'",
        "DELETE FROM blocks",
        "DELETE FROM detached",
        "UPDATE detached SET value = x'00'",
        "UPDATE detached SET value = zeroblob(length(value))",
        "UPDATE detached SET salt = zeroblob(32), value = zeroblob(length(value) - 1)",
        "UPDATE detached SET salt = zeroblob(32), value = zeroblob(length(value)), subject = 'u2'",
        "UPDATE detached SET salt = zeroblob(32), value = zeroblob(length(value)), position = 7",
    ],
)
def test_the_tables_refuse_to_be_edited(store: SqliteStore, path: Path, statement: str) -> None:
    points = [Checkpoint(tenant_id="acme", size=1, root=b"r" * 32, note="signed")]
    points.append(Checkpoint(tenant_id="acme", size=2, root=b"r" * 32))
    value = Detached(
        tenant_id="acme", position=0, pointer="/a", subject="u1", salt=b"s" * 32, value=b'"v"'
    )
    rows = [event(0)]
    kept = [document(b"m")]
    store.append(
        Batch(tenant_id="acme", first_position=0, events=rows, documents=kept, detached=[value])
    )
    store.grow(Growth(tenant_id="acme", first_block=0, blocks=[b"b" * 32], checkpoints=points))
    with (
        closing(sqlite3.connect(path)) as other,
        pytest.raises(sqlite3.IntegrityError, match=r"append-only|can only be erased"),
    ):
        other.execute(statement)


def test_an_empty_file_becomes_a_log(path: Path) -> None:
    path.touch()
    opened = SqliteStore(str(path))
    opened.append(batch([event(0)]))
    opened.close()


def test_what_a_crash_left_while_the_file_was_made_is_no_hindrance(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(f"aegis.db.new{suffix}").write_bytes(b"half")
    opened = SqliteStore(str(path))
    opened.append(batch([event(0)]))
    opened.close()
    assert not list(path.parent.glob("*.new*"))


def foreign_text(path: Path) -> None:
    path.write_text("a letter to somebody\n" * 100)


def foreign_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE events (a)")


def newer_schema(path: Path) -> None:
    SqliteStore(str(path)).close()
    with closing(sqlite3.connect(path)) as made:
        made.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (foreign_text, "not an SQLite database"),
        (foreign_database, "not an Aegis log"),
        (newer_schema, "schema version 3, this build reads 1 to 2"),
        (Path.mkdir, "a folder or a device"),
        (os.mkfifo, "a folder or a device"),
    ],
)
@pytest.mark.parametrize("kind", [SqliteStore, SqliteReader])
def test_what_is_no_log_of_ours_is_refused_and_left_untouched(
    path: Path, make: Callable[[Path], None], sentence: str, kind: type[SqliteReader]
) -> None:
    make(path)
    before = path.read_bytes() if path.is_file() else path.stat().st_ino
    with pytest.raises(ConfigInvalid, match=sentence):
        kind(str(path))
    assert (path.read_bytes() if path.is_file() else path.stat().st_ino) == before


@pytest.mark.parametrize("kind", [SqliteStore, SqliteReader])
def test_a_missing_folder_is_named(tmp_path: Path, kind: type[SqliteReader]) -> None:
    with pytest.raises(ConfigInvalid, match="missing is not a folder; make it"):
        kind(str(tmp_path / "missing" / "aegis.db"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_below_a_file_is_refused(path: Path) -> None:
    path.touch()
    with pytest.raises(ConfigInvalid):
        SqliteStore(str(path / "aegis.db"))


AS_NOBODY = """
import os, sys
from aegisd.core.errors import AegisError
from aegisd.store.sqlite.store import SqliteStore
from aegisd.store.sqlite.reader import SqliteReader
if os.geteuid() == 0:
    os.setgroups([]); os.setgid({nobody}); os.setuid({nobody})
try:
    opened = {kind}(sys.argv[1])
    print([event.position for event in opened.events("acme")])
except AegisError as error:
    print(error.code, error.message)
"""


@pytest.fixture
def shared() -> Iterator[Path]:
    """A path below no folder that is closed to others, as pytest's are."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder, "aegis.db")


def as_nobody(kind: str, path: Path) -> str:
    """What a process that may write nothing says after opening `path` and reading it."""
    path.parent.chmod(0o555)
    script = AS_NOBODY.format(kind=kind, nobody=NOBODY)
    command = [sys.executable, "-c", script, str(path)]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    path.parent.chmod(0o755)
    return ran.stdout


def test_a_folder_that_may_not_be_written_is_refused_for_writing(shared: Path) -> None:
    said = as_nobody("SqliteStore", shared)
    assert said.startswith("config_invalid ")
    assert "Permission denied" in said


def test_a_file_that_may_not_be_written_is_refused_for_writing(shared: Path) -> None:
    SqliteStore(str(shared)).close()
    shared.chmod(0o444)
    Path(f"{shared}.lock").chmod(0o666)
    said = as_nobody("SqliteStore", shared)
    assert said.startswith("config_invalid ")
    assert "check the rights" in said


def test_a_reader_reads_a_log_in_a_folder_that_may_not_be_written(shared: Path) -> None:
    opened = SqliteStore(str(shared))
    opened.append(batch([event(0)]))
    opened.close()
    shared.chmod(0o444)
    assert as_nobody("SqliteReader", shared) == "[0]\n"


def test_a_reader_says_so_when_it_may_not_see_what_was_not_yet_copied(
    store: SqliteStore, path: Path, shared: Path
) -> None:
    store.append(batch([event(0)]))
    for suffix in ("", "-wal"):
        shared.with_name(f"aegis.db{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())
    assert as_nobody("SqliteReader", shared).startswith("config_invalid ")


def test_sqlite_without_strict_tables_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 9))
    with pytest.raises(ConfigInvalid, match=r"expected SQLite 3\.37\.0 or newer"):
        SqliteStore(str(path))
    assert not path.exists()


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 0), False),
        ((4, 0, 0), False),
    ],
)
def test_the_versions_with_the_wal_reset_bug_are_known(
    version: tuple[int, int, int], *, affected: bool
) -> None:
    assert sqlite_version_affected(version) is affected


def test_a_log_whose_guards_were_taken_away_is_not_written_to(path: Path) -> None:
    SqliteStore(str(path)).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TRIGGER events_no_delete")
        other.execute("CREATE TABLE mine (a)")
    before = path.read_bytes()
    wanted = "schema: table mine was added; schema: trigger events_no_delete is missing"
    with pytest.raises(LogCorrupt, match=wanted):
        SqliteStore(str(path))
    assert path.read_bytes() == before


def test_a_trigger_under_a_name_of_sqlites_own_is_found(path: Path) -> None:
    SqliteStore(str(path)).close()
    trigger = (
        "CREATE TRIGGER sqlite_stat1 BEFORE UPDATE ON detached BEGIN SELECT RAISE(IGNORE); END"
    )
    row = ("trigger", "sqlite_stat1", "detached", 0, trigger)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA writable_schema=ON")
        other.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", row)
    with pytest.raises(LogCorrupt, match="schema: trigger sqlite_stat1 was added"):
        SqliteStore(str(path))


def test_figures_kept_by_analyze_are_no_change_of_the_schema(path: Path) -> None:
    opened = SqliteStore(str(path))
    opened.append(batch([event(0)]))
    opened.close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("ANALYZE")
    SqliteStore(str(path)).close()

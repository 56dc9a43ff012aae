"""What an Aegis database file is: its marks, how it is made, and whether it can be one of ours."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from aegisd.core.errors import AegisError, ConfigInvalid, LogCorrupt, UnknownVersion, WrongFile
from aegisd.store.sqlite.schema import SCHEMA, SCHEMA_VERSION, SCHEMAS, version_of
from aegisd.whole_file import sync

# The four letters AEGI in the file's header, where `file` and SQLite's own shell show them.
APPLICATION_ID = 0x41454749

# STRICT tables came with 3.37.
SQLITE_VERSION_MIN = (3, 37, 0)

# Bytes. An event of up to 3 KB needs no overflow page, and a batch that touches 32 sessions still
# writes only 32 index pages.
PAGE_BYTES = 8192

# The first patch release of an older line of SQLite without the WAL-reset bug.
REPAIRED_PATCH = {(3, 44): 6, (3, 50): 7}

# What SQLite may leave beside a database: https://sqlite.org/tempfiles.html
SIDE_FILES = ("-journal", "-wal", "-shm")


# The parameters of a URI that open a database without the changes beside it.
ALONE = "mode=ro&immutable=1"


def create(path: str) -> None:
    """Make an empty log at `path`, readable by its owner only, whole or not at all.

    Built beside its place and renamed into it, so that a crash never leaves half a database where
    the next start looks. Raises `OSError` or `sqlite3.Error`.
    """
    draft = f"{path}.new"
    for suffix in ("", *SIDE_FILES):
        Path(draft + suffix).unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(sqlite3.connect(uri(draft, "mode=rw"), uri=True, isolation_level=None)) as file:
        file.execute(f"PRAGMA page_size={PAGE_BYTES}")
        file.execute("PRAGMA journal_mode=WAL")
        file.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA:
            file.execute(statement)
        file.execute(f"PRAGMA application_id={APPLICATION_ID}")
        file.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        file.execute("COMMIT")
        # Closing would do it too, and keep silent where the disk is full.
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sync(Path(draft))
    Path(draft).replace(path)
    sync(Path(path).parent)


def leave_wal(path: str) -> None:
    """Make a finished log one file, which nobody who reads it leaves anything beside.

    The next writer takes up the write-ahead log again with its first write.
    """
    with closing(sqlite3.connect(uri(path, "mode=rw"), uri=True, isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode=DELETE")
    sync(Path(path))


def may_hold(beside: Path) -> bool:
    """Whether a file beside a database may hold what was acknowledged; readers leave empty ones."""
    return os.path.lexists(beside) and (not beside.is_file() or beside.stat().st_size > 0)


def refuse_orphans(path: str) -> None:
    """Raise `ConfigInvalid` where a log of changes lies beside a database that is not there.

    A new file would hide it, and what was acknowledged may be in it alone.
    """
    for suffix in ("-wal", "-journal"):
        orphan = Path(path + suffix)
        # Looked at in this order: whoever starts at the same time makes the database first.
        if may_hold(orphan) and not (Path(path).exists() and Path(path).stat().st_size):
            raise ConfigInvalid(
                f"{path} is missing or empty, but {orphan} is there and may hold what was "
                "acknowledged; put the database back beside it, or move it away to begin a new "
                "log; nothing was made",
                path=path,
            )


def older_changes(connection: sqlite3.Connection, path: str) -> list[str]:
    """Whether the changes beside a database are older than it: one sentence, or none.

    SQLite believes them as they are, and closing would copy them over what is newer. Of a database
    that a crash left in the middle of such a copy nothing is newer than the changes.
    """
    if not (os.path.lexists(f"{path}-wal") and Path(f"{path}-wal").stat().st_size):
        return []
    heads = (
        "SELECT tenant_id, next_position FROM tenant_heads WHERE typeof(next_position) = 'integer'"
    )
    with closing(sqlite3.connect(uri(path, ALONE), uri=True)) as alone:
        try:
            without = dict(alone.execute(heads).fetchall())
        except (sqlite3.Error, UnicodeDecodeError):
            return []
    found = dict(connection.execute(heads).fetchall())
    return [
        f"{path}-wal is older than it: with that the log of tenant {tenant_id} ends before "
        f"position {found.get(tenant_id, 0)}, without it before {end}; they are of two copies, put "
        "both back from one"
        for tenant_id, end in without.items()
        if end > found.get(tenant_id, 0)
    ][:1]


@contextmanager
def as_typed(typed: str, path: str) -> Iterator[None]:
    """What goes wrong with `path` is told by the name that somebody typed for it."""
    try:
        yield
    except AegisError as error:
        raise type(error)(error.message.replace(path, typed), **error.details) from error


def uri(path: str, query: str) -> str:
    """The `file:` URI of a path, so that no character of the path is taken for a parameter."""
    return f"file:{quote(os.fsencode(path))}?{query}"


def require_version() -> None:
    """Raise `ConfigInvalid` where SQLite itself is too old."""
    if sqlite3.sqlite_version_info < SQLITE_VERSION_MIN:
        raise ConfigInvalid(
            f"expected SQLite {'.'.join(map(str, SQLITE_VERSION_MIN))} or newer, found "
            f"{sqlite3.sqlite_version}; use a Python built with a newer one"
        )


def require(path: str) -> None:
    """Raise `ConfigInvalid` with a sentence for each way a path can be no database file.

    `LogCorrupt` for what lies beside one in the place of a file of SQLite's.
    """
    folder = Path(path).parent
    if not folder.is_dir():
        raise ConfigInvalid(f"{folder} is not a folder; make it, or choose another log", path=path)
    try:
        status = Path(path).stat()
    except FileNotFoundError as error:
        raise ConfigInvalid(f"{path} does not exist; check the --dsn", path=path) from error
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be opened: {error.strerror}", path=path) from error
    if not stat.S_ISREG(status.st_mode):
        raise ConfigInvalid(f"{path} is a folder or a device; give the path of a file", path=path)
    if status.st_size == 0:
        raise ConfigInvalid(f"{path} is empty and holds no log; check the --dsn", path=path)
    for beside in (Path(path + suffix) for suffix in SIDE_FILES):
        if os.path.lexists(beside) and not beside.is_file():
            raise LogCorrupt(
                f"{beside} is no file, and SQLite would look in it for changes of {path}; move it "
                "away",
                path=path,
            )


def identify(connection: sqlite3.Connection, path: str) -> None:
    """Raise `WrongFile` unless the file is a log this build reads. Only reads.

    Raises `sqlite3.DatabaseError` for a file that is no database at all.
    """
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    version = version_of(connection)
    if application_id != APPLICATION_ID:
        raise WrongFile(
            f"{path} is not an Aegis log: expected application id {APPLICATION_ID:#x}, found "
            f"{application_id:#x}; it was left untouched, choose another log",
            path=path,
        )
    if version not in SCHEMAS:
        raise UnknownVersion(
            f"{path} has schema version {version}, this build reads 1 to {SCHEMA_VERSION}; it was "
            "left untouched, start the version of Aegis that wrote it or a newer one",
            path=path,
            found=version,
            expected=SCHEMA_VERSION,
        )


def sqlite_version_affected(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Tell whether a version of SQLite has the WAL-reset bug of https://sqlite.org/wal.html.

    It may corrupt a file when two connections write or checkpoint at once. Aegis has one connection
    that does either, so it is safe; a second program that writes to the file is not. The bug is in
    3.7.0 to 3.51.2, save the releases of older lines that the repair was carried back to.
    """
    repaired = REPAIRED_PATCH.get((version[0], version[1]))
    return (3, 7, 0) <= version < (3, 51, 3) and (repaired is None or version[2] < repaired)

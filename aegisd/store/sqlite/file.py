"""What an Aegis database file is: its marks, its schema, and what SQLite's errors say about it."""

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from aegisd.core.errors import AegisError, ConfigInvalid, LogCorrupt, StoreBroken

# The four letters AEGI in the file's header, where `file` and SQLite's own shell show them.
APPLICATION_ID = 0x41454749

# Raised by one when the schema changes; an older build then refuses the file.
SCHEMA_VERSION = 2

# STRICT tables came with 3.37.
SQLITE_VERSION_MIN = (3, 37, 0)

# Bytes. An event of up to 3 KB needs no overflow page, and a batch that touches 32 sessions still
# writes only 32 index pages.
PAGE_BYTES = 8192

# `events` keeps rowids: without them a row past a quarter of a page spills into overflow pages,
# which triples the file and halves the speed for bodies of 1 to 2 KB. The triggers stop accidents,
# not an owner of the file; against that owner there are hashes and checkpoints.
_VERSION_1 = (
    """CREATE TABLE events (
        tenant_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        session_id TEXT NOT NULL,
        seq INTEGER NOT NULL,
        event_type TEXT NOT NULL,
        ts_unix_ms INTEGER NOT NULL,
        user_id TEXT NOT NULL,
        agent_id TEXT,
        idempotency_key TEXT,
        prev_hash BLOB NOT NULL,
        hash BLOB NOT NULL,
        body BLOB NOT NULL
    ) STRICT""",
    "CREATE UNIQUE INDEX events_by_position ON events (tenant_id, position)",
    "CREATE UNIQUE INDEX events_by_session ON events (tenant_id, session_id, seq)",
    """CREATE INDEX events_by_key ON events (tenant_id, idempotency_key, position)
        WHERE idempotency_key IS NOT NULL""",
    """CREATE TABLE documents (
        digest BLOB NOT NULL PRIMARY KEY,
        kind TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE snapshots (
        tenant_id TEXT NOT NULL,
        session_id TEXT NOT NULL,
        rules_version TEXT NOT NULL,
        head INTEGER NOT NULL,
        head_hash BLOB NOT NULL,
        body BLOB NOT NULL,
        PRIMARY KEY (tenant_id, session_id)
    ) STRICT""",
    # What the last commit said of each tenant's end. A cache: nothing is derived from it, but rows
    # cut from the tail show against it. Kept by a trigger so that a commit stays one statement.
    """CREATE TABLE tenant_heads (
        tenant_id TEXT NOT NULL PRIMARY KEY,
        next_position INTEGER NOT NULL,
        hash BLOB NOT NULL
    ) STRICT""",
    """CREATE TRIGGER events_head AFTER INSERT ON events BEGIN
        INSERT INTO tenant_heads VALUES (new.tenant_id, new.position + 1, new.hash)
        ON CONFLICT (tenant_id) DO UPDATE
        SET next_position = excluded.next_position, hash = excluded.hash;
    END""",
    *(
        f"""CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
        BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"""
        for table in ("events", "documents")
        for verb in ("update", "delete")
    ),
)

# What version 2 added: the tree over the events, and values kept beside them. A checkpoint is kept
# before it is signed, so its note may be filled in once. A value is erased where it lies, see
# `sqlite_detached`, so no row of it ever leaves either.
_VERSION_2 = (
    """CREATE TABLE checkpoints (
        tenant_id TEXT NOT NULL,
        size INTEGER NOT NULL,
        root BLOB NOT NULL,
        note TEXT NOT NULL,
        PRIMARY KEY (tenant_id, size)
    ) STRICT""",
    """CREATE TABLE blocks (
        tenant_id TEXT NOT NULL,
        number INTEGER NOT NULL,
        root BLOB NOT NULL,
        PRIMARY KEY (tenant_id, number)
    ) STRICT""",
    """CREATE TABLE detached (
        tenant_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        pointer TEXT NOT NULL,
        subject TEXT NOT NULL,
        salt BLOB NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (tenant_id, position, pointer)
    ) STRICT""",
    """CREATE INDEX detached_by_subject ON detached (tenant_id, subject)
        WHERE salt <> zeroblob(32)""",
    """CREATE TRIGGER checkpoints_no_update BEFORE UPDATE ON checkpoints
        WHEN old.note <> '' OR (new.tenant_id, new.size, new.root)
            IS NOT (old.tenant_id, old.size, old.root)
        BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END""",
    """CREATE TRIGGER detached_no_update BEFORE UPDATE ON detached
        WHEN (new.tenant_id, new.position, new.pointer, new.subject, new.salt, new.value)
            IS NOT (old.tenant_id, old.position, old.pointer, old.subject, zeroblob(32),
                zeroblob(length(old.value)))
        BEGIN SELECT RAISE(ABORT, 'a detached value can only be erased'); END""",
    """CREATE TRIGGER blocks_no_update BEFORE UPDATE ON blocks
        BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END""",
    *(
        f"""CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
        BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"""
        for table in ("checkpoints", "blocks", "detached")
    ),
)

# Every object of a file of each version, in the order it is made.
SCHEMAS = {1: _VERSION_1, 2: (*_VERSION_1, *_VERSION_2)}
SCHEMA = SCHEMAS[SCHEMA_VERSION]

# The first patch release of an older line of SQLite without the WAL-reset bug.
REPAIRED_PATCH = {(3, 44): 6, (3, 50): 7}

# What SQLite may leave beside a database: https://sqlite.org/tempfiles.html
SIDE_FILES = ("-journal", "-wal", "-shm")


def create_file(path: str) -> None:
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
    _sync(draft)
    Path(draft).replace(path)
    _sync(str(Path(path).parent))


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def uri(path: str, query: str) -> str:
    """The `file:` URI of a path, so that no character of the path is taken for a parameter."""
    return f"file:{quote(os.fsencode(path))}?{query}"


def require_file(path: str) -> None:
    """Raise `ConfigInvalid` with a sentence for each way a path can be no database file."""
    folder = Path(path).parent
    if not folder.is_dir():
        raise ConfigInvalid(
            f"{folder} is not a folder; make it, or choose another --dsn", path=path
        )
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


def schema_version(connection: sqlite3.Connection) -> int:
    """The version of the schema that the file says it has."""
    version: int
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return version


def identify(connection: sqlite3.Connection, path: str) -> None:
    """Raise `ConfigInvalid` unless the file is a log this build reads. Only reads.

    Raises `sqlite3.DatabaseError` for a file that is no database at all.
    """
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    version = schema_version(connection)
    if application_id != APPLICATION_ID:
        raise ConfigInvalid(
            f"{path} is not an Aegis log: expected application id {APPLICATION_ID:#x}, found "
            f"{application_id:#x}; it was left untouched, choose another --dsn",
            path=path,
        )
    if version not in SCHEMAS:
        raise ConfigInvalid(
            f"{path} has schema version {version}, this build reads 1 to {SCHEMA_VERSION}; it was "
            "left untouched, start the version of Aegis that wrote it or a newer one",
            path=path,
            found=version,
            expected=SCHEMA_VERSION,
        )


def schema_changes(connection: sqlite3.Connection) -> list[str]:
    """One sentence for each table, index or trigger that is not as Aegis made it, sorted by name.

    Held against the schema of the version that the file says it has. SQLite's own objects
    (`sqlite_…`, such as the figures ANALYZE keeps) do not count.
    """
    with closing(sqlite3.connect(":memory:")) as fresh:
        for statement in SCHEMAS.get(schema_version(connection), SCHEMA):
            fresh.execute(statement)
        expected = _objects(fresh)
    found = _objects(connection)
    sentences = []
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            sentences.append(f"schema: {name} is missing")
        elif name not in expected:
            sentences.append(f"schema: {name} was added")
        elif found[name] != expected[name]:
            sentences.append(f"schema: {name} was changed")
    return sentences


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Add what an older file's schema lacks. Call it in a transaction; no stored byte changes."""
    version = schema_version(connection)
    if version < SCHEMA_VERSION:
        for statement in SCHEMA[len(SCHEMAS[version]) :]:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _objects(connection: sqlite3.Connection) -> dict[str, str]:
    rows = connection.execute(
        "SELECT type || ' ' || name, ifnull(sql, '') FROM sqlite_schema "
        "WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    return {str(name): str(sql) for name, sql in rows}


def sqlite_version_affected(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Tell whether a version of SQLite has the WAL-reset bug of https://sqlite.org/wal.html.

    It may corrupt a file when two connections write or checkpoint at once. Aegis has one connection
    that does either, so it is safe; a second program that writes to the file is not. The bug is in
    3.7.0 to 3.51.2, save the releases of older lines that the repair was carried back to.
    """
    repaired = REPAIRED_PATCH.get((version[0], version[1]))
    return (3, 7, 0) <= version < (3, 51, 3) and (repaired is None or version[2] < repaired)


# What a call on a damaged file may raise: where the damage is in a name that SQLite's sentence
# repeats, Python's module fails to decode the sentence.
READ_ERRORS = (sqlite3.Error, UnicodeDecodeError)


def primary_code(error: sqlite3.Error | UnicodeDecodeError) -> int:
    """SQLite's primary result code, the low byte of the extended one: sqlite.org/rescode.html.

    Errors that Python's module raises by itself have none and count as misuse.
    """
    if isinstance(error, UnicodeDecodeError):
        return sqlite3.SQLITE_CORRUPT
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE)
    return code & 0xFF


def opening_failure(error: sqlite3.Error | UnicodeDecodeError, path: str) -> AegisError:
    """What an error of SQLite while opening a file means for the start."""
    match primary_code(error):
        case sqlite3.SQLITE_IOERR:
            return StoreBroken(f"{path} cannot be read: {error}; check the disk", path=path)
        case sqlite3.SQLITE_CORRUPT:
            return LogCorrupt(f"{path} is damaged: {error}; run `aegisctl verify`", path=path)
        case sqlite3.SQLITE_NOTADB:
            found = "is not an SQLite database and was left untouched; choose another --dsn"
            return ConfigInvalid(f"{path} {found}", path=path)
        case sqlite3.SQLITE_BUSY:
            found = "is being written to by another program; stop that program"
            return ConfigInvalid(f"{path} {found}", path=path)
        case _:
            found = f"cannot be opened: {error}; check the rights of the file and of its folder"
            return ConfigInvalid(f"{path} {found}", path=path)

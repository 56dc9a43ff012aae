"""The tables of an Aegis database file, by version, and what differs from them in a file."""

import sqlite3
from contextlib import closing

# Raised by one when the schema changes; an older build then refuses the file.
SCHEMA_VERSION = 2

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
# `store.ERASE`, so no row of it ever leaves either.
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


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the schema that the file says it has."""
    version: int
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return version


def changes(connection: sqlite3.Connection) -> list[str]:
    """One sentence for each table, index or trigger that is not as Aegis made it, sorted by name.

    Held against the schema of the version that the file says it has. The figures that ANALYZE keeps
    and the indexes of primary keys are SQLite's own and do not count.
    """
    with closing(sqlite3.connect(":memory:")) as fresh:
        for statement in SCHEMAS.get(version_of(connection), SCHEMA):
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
    version = version_of(connection)
    if version < SCHEMA_VERSION:
        for statement in SCHEMA[len(SCHEMAS[version]) :]:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _objects(connection: sqlite3.Connection) -> dict[str, str]:
    # By name and kind: whoever writes `sqlite_schema` may call a trigger what they like.
    rows = connection.execute(
        "SELECT type || ' ' || name, ifnull(sql, '') FROM sqlite_schema "
        "WHERE NOT (type = 'index' AND sql IS NULL) "
        "AND NOT (type = 'table' AND name IN ('sqlite_stat1', 'sqlite_stat4'))"
    )
    return {str(name): str(sql) for name, sql in rows}

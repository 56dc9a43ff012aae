"""The log in one SQLite file, written by one process through one connection."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from itertools import chain
from pathlib import Path

from msgspec.structs import astuple

from aegisd.core.errors import (
    AegisError,
    ConfigInvalid,
    LogCorrupt,
    PositionConflict,
    StoreBroken,
    StoreFailed,
)
from aegisd.core.log.envelope import StoredEvent
from aegisd.rows import Batch, Growth, SnapshotRow
from aegisd.store.alone import Alone
from aegisd.store.lock import LockFile
from aegisd.store.sqlite import failure, file, open_files, schema
from aegisd.store.sqlite.reader import KEPT_HERE, SqliteReader

# Rows of one statement. One statement is one release of the interpreter lock, and beside a busy
# thread each release costs up to a switch interval (5 ms); row by row, a batch of 64 took 300 ms.
STATEMENT_ROWS_MAX = 128

# Seconds to wait for a lock. Nobody else writes, so only a foreign program can make us wait.
BUSY_S_MAX = 2.0

# Pages of 8 KiB (16 MiB) in the write-ahead log before it is copied into the file: fewer make more
# commits wait for the copy, more make each wait longer.
CHECKPOINT_PAGES = 2000

# Statements besides the inserts of each size that stay compiled.
OTHER_STATEMENTS = 16

# Primary result codes after which nobody knows what is on the disk.
DISK_FAILED = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

# The condition is evaluated once, before the first row goes in: the rows are read to the end first
# because they come from a query on the table they go to.
INSERT = """INSERT INTO events SELECT * FROM (VALUES {rows})
    WHERE (SELECT ifnull(max(position), -1) + 1 FROM events WHERE tenant_id = ?) = ?"""
ROW = f"({', '.join('?' * len(StoredEvent.__struct_fields__))})"
LAST_POSITION = "SELECT ifnull(max(position), -1) FROM events WHERE tenant_id = ?"
INSERT_DOCUMENT = "INSERT INTO documents VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING"
REPLACE_SNAPSHOT = "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?, ?)"

INSERT_DETACHED = "INSERT INTO detached VALUES (?, ?, ?, ?, ?, ?)"
# A row that is deleted makes SQLite move its neighbours, and it leaves copies of what it moved in
# the free space of a page, `secure_delete` or not; those would outlive their own erasure. So rows
# never leave and never move: salt and value are overwritten where they lie by as many zeros. What
# is left is the row's place, its subject and the length of the value, which the event tells anyway.
ERASE = f"""UPDATE detached SET salt = zeroblob(32), value = zeroblob(length(value))
    WHERE tenant_id = ? AND position = ? AND pointer = ? AND {KEPT_HERE}"""  # noqa: S608 - ours

# Writes a page of the file, the first, as it is.
PROBE = f"PRAGMA user_version={schema.SCHEMA_VERSION}"

INSERT_BLOCK = "INSERT INTO blocks VALUES (?, ?, ?) ON CONFLICT (tenant_id, number) DO NOTHING"
BLOCKS = "SELECT root FROM blocks WHERE tenant_id = ? AND number >= ? ORDER BY number LIMIT ?"
INSERT_CHECKPOINT = """INSERT INTO checkpoints VALUES (?, ?, ?, ?)
    ON CONFLICT (tenant_id, size) DO UPDATE SET note = excluded.note
    WHERE note = '' AND excluded.note <> '' AND root = excluded.root"""
CHECKPOINT = "SELECT root FROM checkpoints WHERE tenant_id = ? AND size = ?"


class SqliteStore(SqliteReader, Alone):
    """An `EventStore` in one file. Only this connection ever writes or checkpoints.

    That is also what keeps SQLite's WAL-reset bug away, see `file.sqlite_version_affected`: every
    other connection, here and in other processes of ours, is a `SqliteReader`'s.
    """

    waits = True

    def __init__(self, path: str) -> None:
        """Open the log at `path`, or make an empty one.

        Raises `ConfigInvalid` when the path cannot hold a log or another process writes to it, and
        `LogCorrupt` when the file is damaged or its schema was changed.
        """
        place = os.path.realpath(path)
        file.require_version()
        with file.as_typed(path, place), ExitStack() as undo:
            try:
                self._claim(place, undo)
            except OSError as error:
                raise ConfigInvalid(
                    f"{place} cannot be used: {error.strerror} ({error.filename}); check the "
                    "rights of the file and of its folder",
                    path=place,
                ) from error
            except failure.READ_ERRORS as error:
                raise failure.opening(error, place) from error
            self._resources = undo.pop_all()

    def _claim(self, path: str, undo: ExitStack) -> None:
        """Take the lock, make the file when there is none, and open both kinds of connection."""
        place = Path(path)
        new = place.parent.is_dir() and not place.exists()
        if new or place.is_file():
            if new or place.stat().st_size == 0:
                file.refuse_orphans(path)
            undo.callback(LockFile(f"{path}.lock").release)
            if not place.exists() or place.stat().st_size == 0:
                file.create(path)
        super().__init__(path)
        undo.callback(super().close)
        self._writer = sqlite3.connect(
            file.uri(path, "mode=rw"),
            uri=True,
            timeout=BUSY_S_MAX,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENT_ROWS_MAX + OTHER_STATEMENTS,
        )
        undo.callback(self._writer.close)
        self._prepare(path)
        self._files = open_files.OpenFiles(self._path)
        # Nothing of the file changes before the first write, which comes once a start has held the
        # log to whatever was signed of it.
        self._is_begun = False
        self._broken, self.fault = "", ""
        self._erased_in_wal = False

    def _prepare(self, path: str) -> None:
        """Set what makes a commit durable, and see that the file can be written."""
        writer = self._writer
        writer.execute("PRAGMA synchronous=FULL")
        # Elsewhere than on macOS these two do nothing; there a plain fsync stops at the drive.
        writer.execute("PRAGMA fullfsync=ON")
        writer.execute("PRAGMA checkpoint_fullfsync=ON")
        writer.execute("PRAGMA mmap_size=0")
        writer.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        writer.execute(f"PRAGMA journal_size_limit={open_files.WAL_BYTES_MAX}")
        # What is erased is overwritten, and not kept in a temporary file either.
        writer.execute("PRAGMA secure_delete=ON")
        writer.execute("PRAGMA temp_store=MEMORY")
        # Where another program writes, this waits and fails. It writes nothing itself.
        with self._transaction():
            changes = schema.changes(writer) or file.older_changes(writer, path)
        if changes:
            raise LogCorrupt(
                f"{path} is not as Aegis made it: {'; '.join(changes)}; nothing was written, "
                "run `aegisctl verify` on a copy",
                path=path,
            )

    def _begin(self) -> None:
        """Bring the file up to date, before the first write. What fails may be tried again."""
        writer, path = self._writer, self._path
        (mode,) = writer.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode != "wal":
            raise ConfigInvalid(
                f"{path} cannot have a write-ahead log, expected journal mode wal, found {mode}; "
                "choose a --dsn on a local disk",
                path=path,
            )
        try:
            with self._transaction():
                schema.bring_up_to_date(writer)
        finally:
            self._files = open_files.OpenFiles(path)
        self._is_begun = True

    def close(self) -> None:
        """Close every connection, readers first so that the last one empties the log beside it.

        Of a log that was not written to the writer goes first: so it leaves what a crash, or
        somebody else, put there.
        """
        if not self._is_begun and open_files.found(self._files.wal)[1]:
            self._writer.close()
        super().close()
        self._resources.close()

    # ── append ───────────────────────────────────────────────────────────────────────────────────

    def append(self, batch: Batch) -> None:
        """See `aegisd.ports.EventStore.append`. After `StoreBroken` every further batch raises it.

        A failed checkpoint is no error: the batch is durable in the write-ahead log by then, which
        SQLite keeps until a later checkpoint succeeds.
        """
        self._refuse_when_unusable()
        batch.refuse_strangers()
        try:
            self._write(batch)
        except failure.READ_ERRORS as error:
            raise self._refusal(error, batch.tenant_id) from error
        self.fault = ""
        if batch.erased:
            self._erased_in_wal = True
            self._empty_wal()

    def grow(self, *growths: Growth) -> None:
        """See `aegisd.ports.EventStore.grow`."""
        self._refuse_when_unusable()
        tenant_id = ""
        try:
            with self._transaction():
                for growth in growths:
                    tenant_id = growth.tenant_id
                    self._grow(growth)
        except failure.READ_ERRORS as error:
            raise self._refusal(error, tenant_id) from error
        self.fault = ""
        self._empty_wal()

    def keep(self, rows: Sequence[SnapshotRow]) -> None:
        """See `aegisd.ports.EventStore.keep`."""
        self._refuse_when_unusable()
        try:
            with self._transaction():
                self._writer.executemany(REPLACE_SNAPSHOT, map(astuple, rows))
        except failure.READ_ERRORS as error:
            raise self._refusal(error, rows[0].tenant_id) from error

    def _grow(self, growth: Growth) -> None:
        """Keep roots and checkpoints. Call it in a transaction that is undone if it raises."""
        writer, tenant_id, first = self._writer, growth.tenant_id, growth.first_block
        numbered = [(tenant_id, at, root) for at, root in enumerate(growth.blocks, first)]
        writer.executemany(INSERT_BLOCK, numbered)
        kept = writer.execute(BLOCKS, (tenant_id, first, len(numbered))).fetchall()
        for (found,), (_, number, root) in zip(kept, numbered, strict=True):
            _require_root(tenant_id, f"block {number}", found, root)
        for point in growth.checkpoints:
            writer.execute(INSERT_CHECKPOINT, astuple(point))
            (found,) = writer.execute(CHECKPOINT, (tenant_id, point.size)).fetchone()
            _require_root(tenant_id, f"the tree of {point.size} events", found, point.root)

    def _empty_wal(self) -> None:
        """Copy the write-ahead log into the file and cut it to nothing, if it holds erased values.

        A reader in the middle of a read of another process may keep that from happening; it is
        tried again as the tree grows, and `close` empties it at the latest.
        """
        if not self._erased_in_wal:
            return
        with suppress(sqlite3.Error):
            self._files.empties()
            (busy, *_) = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._erased_in_wal = bool(busy)

    def _refuse_when_unusable(self) -> None:
        if not self._connections.pool.open:
            raise StoreFailed(f"{self._path}: the store is closed and takes no events")
        # The index beside the log is the readers', and `probe` looks at it.
        self._look(index=False)
        if not self._is_begun:
            try:
                self._begin()
            except failure.READ_ERRORS as error:
                raise self._refusal(error, "") from error

    def _look(self, *, index: bool) -> None:
        """Raise `StoreBroken` where a file is not what SQLite takes it for."""
        self._broken = self._broken or self._files.lost(self._rescued, index=index)
        if self._broken:
            self.fault = f"{self._broken}; the log takes no events until a restart"
            raise StoreBroken(self.fault)

    def _rescued(self) -> str:
        """Copy what the open write-ahead log holds into the open database file; say if it is.

        Not where another file stands in its place: then somebody else has the database open.
        """
        if self._files.replaced():
            return ""
        with suppress(sqlite3.Error):
            copied = self._writer.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
            if copied[0] == 0 and copied[1] == copied[2]:
                return "; all that was acknowledged was copied into the database file"
        return ""

    def probe(self) -> None:
        """See `aegisd.ports.EventStore.probe`."""
        self._refuse_when_unusable()
        self._look(index=True)
        if self.fault:
            try:
                with self._transaction():
                    self._writer.execute(PROBE)
            except failure.READ_ERRORS as error:
                raise self._refusal(error, "") from error
            self.fault = ""

    def _write(self, batch: Batch) -> None:
        beside = batch.documents or batch.detached or batch.erased
        if len(batch.events) <= STATEMENT_ROWS_MAX and not beside:
            # A statement alone is a transaction; it takes the write lock before it reads.
            self._insert(batch, batch.first_position, batch.events)
            return
        with self._transaction():
            self._require_end(batch)
            for first in range(0, len(batch.events), STATEMENT_ROWS_MAX):
                rows = batch.events[first : first + STATEMENT_ROWS_MAX]
                self._insert(batch, batch.first_position + first, rows)
            self._writer.executemany(INSERT_DOCUMENT, map(astuple, batch.documents))
            self._writer.executemany(INSERT_DETACHED, map(astuple, batch.detached))
            erased = self._writer.executemany(
                ERASE, [(batch.tenant_id, *at) for at in batch.erased]
            )
            if batch.erased and erased.rowcount != len(batch.erased):
                raise StoreFailed(f"{self._path}: a value to erase is not there; nothing is erased")

    def _insert(self, batch: Batch, position: int, events: Sequence[StoredEvent]) -> None:
        """Insert rows if the tenant's log ends at `position`; raise `PositionConflict` if not."""
        if not events:
            self._require_end(batch)
            return
        values = (*chain.from_iterable(map(astuple, events)), batch.tenant_id)
        written = self._writer.execute(insert_sql(len(events)), (*values, position))
        if written.rowcount != len(events):
            self._require_end(batch)
            raise StoreFailed(f"{self._path}: {written.rowcount} of {len(events)} rows were taken")

    def _require_end(self, batch: Batch) -> None:
        (last,) = self._writer.execute(LAST_POSITION, (batch.tenant_id,)).fetchone()
        # Of a damaged file it may be anything, and is no end that a batch could begin at.
        batch.refuse_other_end(last + 1 if isinstance(last, int) else -1)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Commit what is done inside, or roll all of it back."""
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._writer.execute("COMMIT")
        finally:
            # SQLite has rolled back by itself after some errors, such as a full disk.
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")

    def _refusal(self, error: sqlite3.Error | UnicodeDecodeError, tenant_id: str) -> AegisError:
        """Say what an error of SQLite means for the tenant's batch."""
        code = failure.primary_code(error)
        if code in DISK_FAILED or self._writer.in_transaction:
            self._broken = f"{self._path} failed before"
            self.fault = (
                f"{self._path}: the disk failed under a batch: {error}; what is on it is not "
                "known, check the disk before starting again"
            )
            return StoreBroken(self.fault)
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CONSTRAINT_UNIQUE:
            return PositionConflict(
                f"tenant {tenant_id!r}: a session and seq of the batch are taken; "
                "read the head again",
                tenant_id=tenant_id,
            )
        self.fault = f"{self._path}: nothing of a batch was written: {error}; try again"
        return StoreFailed(self.fault)


@cache
def insert_sql(rows: int) -> str:
    """The statement that inserts this many rows, at most `STATEMENT_ROWS_MAX`."""
    return INSERT.format(rows=", ".join([ROW] * rows))


def _require_root(tenant_id: str, what: str, found: object, wanted: bytes) -> None:
    """Raise `LogCorrupt` where something is kept with another root."""
    if found == wanted:
        return
    kept = found.hex() if isinstance(found, bytes) else "of the wrong type"
    raise LogCorrupt(
        f"tenant {tenant_id!r}: {what} is kept with root {kept}, the events give {wanted.hex()}; "
        "run `aegisctl verify`",
        tenant_id=tenant_id,
    )

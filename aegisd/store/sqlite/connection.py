"""Read-only connections to a file that a daemon may be writing to, each lent for one read."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from aegisd.store.pool import Pool
from aegisd.store.sqlite import failure, file

# Connections kept open when nobody reads. As many as threads that usually read at once.
IDLE_CONNECTIONS_MAX = 8

# Seconds to wait for a lock. A reader meets one only while a crashed log is being recovered.
BUSY_S_MAX = 5.0


class Connections:
    """Connections to one file for any number of threads, which never write and never checkpoint."""

    def __init__(self, path: str) -> None:
        """Open `path`. Raises `ConfigInvalid` when there is no log of ours that can be read."""
        self._path = path
        self._query = "mode=ro"
        self.pool = Pool(self._connect, IDLE_CONNECTIONS_MAX, path)
        file.require(self._path)
        with ExitStack() as undo:
            undo.callback(self.pool.close)
            try:
                self._identify()
            except failure.READ_ERRORS as error:
                raise failure.opening(error, self._path) from error
            undo.pop_all()

    def _identify(self) -> None:
        try:
            with self.pool.lent() as connection:
                file.identify(connection, self._path)
        except sqlite3.OperationalError:
            # A reader makes the index of the write-ahead log, which a read-only folder forbids.
            # Nobody can be writing there, and without a log beside it the file alone is the truth.
            wal = Path(f"{self._path}-wal")
            if os.access(wal.parent, os.W_OK) or (wal.exists() and wal.stat().st_size > 0):
                raise
            self._query = "mode=ro&immutable=1"
            with self.pool.lent() as connection:
                file.identify(connection, self._path)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            file.uri(self._path, self._query),
            uri=True,
            timeout=BUSY_S_MAX,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.text_factory = _text
        # A file from a stranger may hold views and damaged pages: https://sqlite.org/security.html
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA cell_size_check=ON")
        connection.execute("PRAGMA mmap_size=0")
        connection.execute("PRAGMA query_only=ON")
        return connection

    @contextmanager
    def reading(self, what: str, **place: str | int) -> Iterator[sqlite3.Connection]:
        """Lend a connection and say what an error of SQLite means for `what` is read.

        Raises `LogCorrupt` with `place` as details when the file is damaged, `StoreBroken` when the
        disk is, `StoreFailed` for what may pass.
        """
        try:
            with self.pool.lent() as connection:
                yield connection
        except failure.READ_ERRORS as error:
            raise failure.reading(
                error, f"{self._path}: SQLite could not read {what}", place
            ) from error


def _text(stored: bytes) -> str | bytes:
    """Decode a text column; bytes that are no UTF-8 stay bytes, a wrong type like any other."""
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored

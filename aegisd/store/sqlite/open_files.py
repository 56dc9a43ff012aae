"""The files of an open database, to which SQLite goes on writing whatever became of them.

Of each file the name must lead to the same one, and that be no shorter; and the database must have
what was copied into it, which an older copy that somebody writes into the same file has not.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing

from aegisd.store.sqlite import failure, file

# Bytes the write-ahead log is cut back to after a long read has let it grow.
WAL_BYTES_MAX = 1 << 26

COPIED = """SELECT rowid, hash FROM events WHERE rowid = ?
    UNION ALL SELECT * FROM (SELECT rowid, hash FROM events ORDER BY rowid DESC LIMIT 1)"""


class OpenFiles:
    """What is known of them. Looked at by one thread, the one that writes."""

    def __init__(self, path: str) -> None:
        """Note which files they are, and the least bytes that each has from now on."""
        self._path = path
        self.wal = f"{path}-wal"
        self._known = tuple((name, found(name)[0]) for name in (path, self.wal, f"{path}-shm"))
        self._least = dict.fromkeys((name for name, _ in self._known), 0)
        # When the database was last written to, and the newest row that it had then without the
        # changes beside it.
        self._written_ns = 0
        self._copied = (0, b"")

    def lost(self, rescued: Callable[[], str], *, index: bool) -> str:
        """How SQLite would go on writing to a file that no restart finds; empty where it would not.

        `index` tells whether the one beside the write-ahead log counts, which is the readers'.
        `rescued` is asked of a file that was moved or deleted, and what it says goes behind that.
        """
        for name, known in self._known[: 3 if index else 2]:
            identity, size, written_ns = found(name)
            if identity != known:
                return f"{name} was moved or deleted while open{rescued()}"
            if size < self._least[name]:
                return f"{name} was cut short while open"
            # SQLite cuts a write-ahead log that grew past its limit back to it.
            self._least[name] = size if name == self._path else min(size, WAL_BYTES_MAX)
            if name == self._path and written_ns != self._written_ns:
                self._written_ns = written_ns
                if not self._has_what_was_copied():
                    return f"{name} was overwritten with another database while open"
        return ""

    def replaced(self) -> bool:
        """Whether another write-ahead log stands in the place of ours: somebody else's."""
        return found(self.wal)[0] not in (self._known[1][1], None)

    def empties(self) -> None:
        """Take it from here on that the write-ahead log is cut to nothing."""
        self._least[self.wal] = 0

    def _has_what_was_copied(self) -> bool:
        """Look into a database that was written to, and know it anew.

        Most often a checkpoint of ours did; one of another program's, or a touch, does no harm.
        """
        try:
            with closing(sqlite3.connect(file.uri(self._path, file.ALONE), uri=True)) as alone:
                rows = alone.execute(COPIED, self._copied[:1]).fetchall()
        except failure.READ_ERRORS:
            # A full disk leaves half of a checkpoint, which is whole with the changes beside it.
            self._written_ns = 0
            return True
        if self._copied[0] and self._copied not in rows:
            return False
        self._copied = rows[-1] if rows else self._copied
        return True


def found(path: str) -> tuple[tuple[int, int] | None, int, int]:
    """Which file a path leads to, None where to none; its bytes, and when it was written to."""
    try:
        status = os.stat(path)  # noqa: PTH116 - on the hot path, and as short
    except OSError:
        return None, 0, 0
    return (status.st_dev, status.st_ino), status.st_size, status.st_mtime_ns

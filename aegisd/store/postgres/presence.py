"""Which keys the daemons on one database sign with, told by locks that end with whoever holds them.

Two daemons that sign one log with different keys would each record, for good, that the other's
keys were changed to its own.
"""

import threading
from collections.abc import Sequence

import psycopg

from aegisd.store.postgres.connection import READER, Connection, connect_again

# Names these locks among a database's advisory locks: the letters "sign" as a number.
LOCKS = int.from_bytes(b"sign")

HOLD = "SELECT pg_advisory_lock_shared(%s::int4, %s::int4)"
OTHERS = """SELECT array_agg(objid::int8) FROM pg_locks
    WHERE locktype = 'advisory' AND classid::int8 = %s AND objsubid = 2 AND pid <> pg_backend_pid()
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    GROUP BY pid"""


class Presence:
    """Holds a lock for each key of this process, on a connection of its own."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._lock = threading.Lock()
        self._key_ids: tuple[bytes, ...] = ()
        self._connection: Connection | None = None

    def announce(self, key_ids: Sequence[bytes]) -> list[tuple[bytes, ...]]:
        """See `aegisd.ports.EventStore.announce`. Raises as `connect_again`."""
        with self._lock:
            if self._key_ids != tuple(key_ids):
                self._drop()
            self._key_ids = tuple(key_ids)
            found = self._held().execute(OTHERS, (LOCKS,)).fetchall()
        return [tuple(number.to_bytes(4) for number in numbers) for (numbers,) in found]

    def renew(self) -> None:
        """Hold the locks again where the connection was lost. Raises as `connect_again`."""
        with self._lock:
            if self._key_ids:
                self._held()

    def close(self) -> None:
        """Give them back."""
        with self._lock:
            self._key_ids = ()
            self._drop()

    def _held(self) -> Connection:
        """A connection that lives and has the locks."""
        if self._connection is not None:
            try:
                self._connection.execute("SELECT")
            except psycopg.Error:
                self._drop()
        if self._connection is None:
            self._connection = connect_again(self._dsn, READER)
            for key_id in self._key_ids:
                number = int.from_bytes(key_id, signed=True)
                self._connection.execute(HOLD, (LOCKS, number))
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

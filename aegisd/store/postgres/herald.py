"""Tells other daemons of commits: where a log ends now, soon after, and never slower than that.

Not in the commit's own transaction: PostgreSQL commits transactions that notify one after another,
each with its own flush to disk. That cost eight tenants side by side up to half of their speed.
"""

import threading

import psycopg

from aegisd.core.errors import AegisError
from aegisd.store.postgres.connection import READER, Connection, connect

CHANNEL = "aegis"

# Seconds in which the commits of a tenant become one notification.
GATHER_S = 0.02

# Seconds before a notification that could not be sent is tried again.
RETRY_S = 1.0

# Seconds to wait at the end for what is left to be sent. A server that hangs is not waited for:
# whoever listens looks by itself.
END_S_MAX = 2.0

NOTIFY = "SELECT pg_notify(%s, %s)"


class Herald:
    """Sends on a thread and a connection of its own, both begun by the first commit."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._lock = threading.Lock()
        self._ends: dict[str, int] = {}
        self._wake, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def tell(self, tenant_id: str, next_position: int) -> None:
        """Have it known that a tenant's log ends there now. Returns at once."""
        with self._lock:
            self._ends[tenant_id] = next_position
            if self._thread is None and not self._ended.is_set():
                self._thread = threading.Thread(target=self._run, name="herald", daemon=True)
                self._thread.start()
        self._wake.set()

    def close(self) -> None:
        """Send what is left, if the server takes it, and end."""
        self._ended.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(END_S_MAX)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                with connect(self._dsn, READER) as connection:
                    # A notification lost in a crash is made up for by whoever listens.
                    connection.execute("SET synchronous_commit = off")
                    self._send_on(connection)
            except (psycopg.Error, AegisError):
                self._ended.wait(RETRY_S)

    def _send_on(self, connection: Connection) -> None:
        last = False
        while not last:
            self._wake.wait()
            self._wake.clear()
            last = self._ended.wait(GATHER_S)
            with self._lock:
                ends = dict(self._ends)
            with connection.pipeline():
                for tenant_id, next_position in ends.items():
                    connection.execute(NOTIFY, (CHANNEL, f"{next_position} {tenant_id}"))
            with self._lock:
                # What was committed meanwhile stays to be told.
                self._ends = {t: end for t, end in self._ends.items() if ends.get(t) != end}

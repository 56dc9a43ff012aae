"""Hears of commits, whoever makes them, so that followers of other daemons wake."""

import threading
import time
from collections.abc import Callable

import psycopg

from aegisd.core.errors import AegisError
from aegisd.store.postgres.connection import READER, Connection, connect
from aegisd.store.postgres.herald import CHANNEL, END_S_MAX

# Seconds between two attempts to hear again, and between two looks at a flag while hearing.
PAUSE_S = 1.0

# Seconds between two looks at where every log ends. Whoever was killed between a commit and its
# notification told nobody.
LOOK_S = 5.0


class Listener:
    """Calls back on a thread of its own, until closed.

    A notification is only a wake-up. Where the logs end is read as well: at once after a connection
    was lost, for which a new one is sought each second, and every `LOOK_S`.
    """

    def __init__(
        self, dsn: str, heads: Callable[[], dict[str, int]], callback: Callable[[str, int], None]
    ) -> None:
        self._dsn, self._heads, self._callback = dsn, heads, callback
        self._ended = threading.Event()
        self._known: dict[str, int] = {}
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End; returns once no more calls come, or soon where the server hangs."""
        self._ended.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(END_S_MAX)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                with connect(self._dsn, READER) as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    while not self._ended.is_set():
                        self._look()
                        self._hear(connection, time.monotonic() + LOOK_S)
            except (psycopg.Error, AegisError):
                # The server is away; the log takes nothing either. Look again in a moment.
                self._ended.wait(PAUSE_S)

    def _look(self) -> None:
        for tenant_id, next_position in self._heads().items():
            self._tell(tenant_id, next_position)

    def _hear(self, connection: Connection, until: float) -> None:
        while time.monotonic() < until and not self._ended.is_set():
            for heard in connection.notifies(timeout=PAUSE_S, stop_after=1):
                position, _, tenant_id = heard.payload.partition(" ")
                if position.isdecimal():
                    self._tell(tenant_id, int(position))

    def _tell(self, tenant_id: str, next_position: int) -> None:
        if next_position > self._known.get(tenant_id, 0) and not self._ended.is_set():
            self._known[tenant_id] = next_position
            self._callback(tenant_id, next_position)

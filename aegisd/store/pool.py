"""Open connections, lent to one thread at a time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from aegisd.core.errors import StoreFailed


class Closable(Protocol):
    """What a pool holds."""

    def close(self) -> None:
        """Close it. Twice is once."""


C = TypeVar("C", bound=Closable)


class Pool(Generic[C]):
    """Connections for any number of threads: no two ever share one.

    `connect` opens another where none is idle; at most `idle_max` stay open when nobody uses them.
    `open` is false once `close` was called; `name` is what a refusal then calls the log.
    """

    def __init__(self, connect: Callable[[], C], idle_max: int, name: str = "the log") -> None:
        self._connect, self._idle_max, self._name = connect, idle_max, name
        self._lock = threading.Lock()
        self._idle: list[C] = []
        self.open = True

    def take(self) -> C:
        """A connection, idle or new. Raises `StoreFailed` after `close`, and as `connect`."""
        with self._lock:
            if not self.open:
                raise StoreFailed(f"{self._name} is closed")
            connection = self._idle.pop() if self._idle else None
        return self._connect() if connection is None else connection

    def give(self, connection: C) -> None:
        """Take one back, to be lent again or closed."""
        with self._lock:
            if self.open and len(self._idle) < self._idle_max:
                self._idle.append(connection)
                return
        connection.close()

    @contextmanager
    def lent(self) -> Iterator[C]:
        """A connection for what is done inside; one that fails there is closed."""
        connection, holds = self.take(), False
        try:
            yield connection
            holds = True
        finally:
            if holds:
                self.give(connection)
            else:
                connection.close()

    def forget(self) -> None:
        """Close the idle ones."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def close(self) -> None:
        """Close every connection; those lent out close when they come back."""
        with self._lock:
            self.open = False
        self.forget()

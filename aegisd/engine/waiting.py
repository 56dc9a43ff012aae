"""Who waits for a writer, for what, and what they are told when it cannot be done."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from aegisd.core.errors import LogUnavailable, QueueFull
from aegisd.engine.commands.command import Command

# Events per commit. At about 0.3 ms to judge one, a full batch holds others up for 80 ms.
BATCH_EVENTS_MAX = 256

# Events waiting to be decided. Several seconds of work; beyond it, waiting longer helps nobody.
QUEUE_EVENTS_MAX = 8192


class Waiting(NamedTuple):
    """A command in the queue, and whoever waits for what it gives."""

    command: Command[Any]
    reply: asyncio.Future[Any]


class Queue:
    """Commands in the order they came, up to `QUEUE_EVENTS_MAX` events of them."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._events = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, waiting: Waiting) -> None:
        """Queue a command behind all others. Raises `QueueFull`."""
        size = waiting.command.size
        if self._events + size > QUEUE_EVENTS_MAX:
            raise QueueFull(
                f"{self._events} events wait already, QUEUE_EVENTS_MAX is "
                f"{QUEUE_EVENTS_MAX}; try again shortly"
            )
        self._waiting.append(waiting)
        self._events += size

    def take(self) -> list[Waiting]:
        """What becomes one batch: at least one command, of which any may be larger than a batch."""
        taken: list[Waiting] = []
        size = 0
        while self._waiting:
            command = self._waiting[0].command
            full = size + command.size > BATCH_EVENTS_MAX
            if taken and (full or command.is_alone or taken[0].command.is_alone):
                break
            size += command.size
            taken.append(self._waiting.popleft())
        self._events -= size
        return taken

    def put_back(self, left: Sequence[Waiting]) -> None:
        """Queue again, in order and in front of all others, what a batch had no time for."""
        self._waiting.extendleft(reversed(left))
        self._events += sum(waiting.command.size for waiting in left)

    def fail(self, error: Exception) -> None:
        """Tell everybody the same, and forget them."""
        waiting = list(self._waiting)
        self._waiting.clear()
        self._events = 0
        fail_all(waiting, error)


def unavailable() -> LogUnavailable:
    """What is told when nothing was written."""
    return LogUnavailable("the events could not be made durable; nothing of them was decided")


def unknown() -> LogUnavailable:
    """What is told when nobody knows whether it was written."""
    return LogUnavailable(
        "the database was lost during the commit, which it may hold; ask again under the same "
        "idempotency key",
        commit="unknown",
    )


def fail(reply: asyncio.Future[Any], error: Exception) -> None:
    """Tell one caller, who may have gone."""
    if not reply.done():
        reply.set_exception(error)


def fail_all(taken: Iterable[Waiting], error: Exception) -> None:
    """Tell everybody the same."""
    for waiting in taken:
        fail(waiting.reply, error)

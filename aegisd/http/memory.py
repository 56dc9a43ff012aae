"""Memory that large bodies, or unread answers, hold together: taken before it is used."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

from aegisd.core.errors import Busy

# Bytes of bodies past `INLINE_BYTES_MAX`, of all requests at once: two of the largest, or fifty
# that bring a thousand events. What is made of one until it is recorded takes up to twenty times as
# much, and each more that is read at the same time keeps everybody else waiting.
HELD_BYTES_MAX = 16_777_216

# Bytes of a body that is read on the event loop, half a millisecond of it and forty of the dearest
# numbers, and is not counted, so that large ones never keep small ones out; connections bound them.
INLINE_BYTES_MAX = 32_768

# Bytes taken ahead of the next part of a body: as much as is read from a socket at once.
STEP_BYTES = 262_144

# Bytes a second of large bodies, and as many of what is heard out and dropped: they take a tenth of
# the loop at most, and a thousand ordinary events are there in some ten milliseconds.
READ_BYTES_PER_SECOND_MAX = 33_554_432

# Files that are uploaded at once: each may fill the disk it is spooled to.
SPOOLS_MAX = 2

_MEMORY, _HELD = "aegis.memory", "aegis.held"


class Pace:
    """A speed that many connections share, so that what they bring keeps nobody else waiting."""

    def __init__(self, bytes_per_second: int) -> None:
        self._bytes_per_second = bytes_per_second
        self._free_s = 0.0

    def pause(self, size: int, now_s: float) -> float:
        """Seconds to wait before more is read, after `size` bytes at `now_s` of a steady clock."""
        self._free_s = max(self._free_s, now_s) + size / self._bytes_per_second
        return self._free_s - now_s


class HeldMemory:
    """How much is held, of at most `bytes_max`. `turn` is whose body is being read apart.

    `reading` is the pace of large bodies, `hearing` of what is heard out and dropped.
    """

    def __init__(
        self,
        bytes_max: int = HELD_BYTES_MAX,
        bytes_per_second: int = READ_BYTES_PER_SECOND_MAX,
    ) -> None:
        self.bytes_max = bytes_max
        self.held = 0
        self.turn = asyncio.Lock()
        self.spools = 0
        self.reading, self.hearing = Pace(bytes_per_second), Pace(bytes_per_second)

    def take(self, size: int) -> bool:
        """Hold so many bytes more, or nothing of them."""
        if self.held + size > self.bytes_max:
            return False
        self.held += size
        return True

    def give(self, size: int) -> None:
        """Hold so many bytes less."""
        self.held -= size


class Accounted:
    """ASGI wrapper: what a request took, it holds until it is answered, and no longer."""

    def __init__(self, inside: ASGIApp, memory: HeldMemory) -> None:
        self._inside, self._memory = inside, memory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        scope[_MEMORY] = self._memory
        try:
            await self._inside(scope, receive, send)
        finally:
            held = scope.get(_HELD)
            if held:
                self._memory.give(held)


def expect(scope: Scope, size: int) -> None:
    """Refuse a body of that size where there is no room for it now. Raises `Busy`."""
    memory: HeldMemory = scope[_MEMORY]
    if memory.held + size > memory.bytes_max:
        raise _busy(memory)


def grow(scope: Scope, size: int) -> None:
    """Hold at least `size` bytes for a request. Raises `Busy`, and holds what it held."""
    memory: HeldMemory = scope[_MEMORY]
    held = scope.get(_HELD, 0)
    if size > held:
        if not memory.take(size - held):
            raise _busy(memory)
        scope[_HELD] = size


async def pace(scope: Scope, size: int) -> None:
    """Leave the loop to others for as long as `size` bytes of a large body are worth."""
    memory: HeldMemory = scope[_MEMORY]
    await asyncio.sleep(memory.reading.pause(size, asyncio.get_running_loop().time()))


@contextmanager
def spool(scope: Scope) -> Iterator[None]:
    """One of `SPOOLS_MAX` uploads. Raises `Busy`."""
    memory: HeldMemory = scope[_MEMORY]
    if memory.spools >= SPOOLS_MAX:
        raise Busy(f"SPOOLS_MAX = {SPOOLS_MAX} uploads are under way; send this one again later")
    memory.spools += 1
    try:
        yield
    finally:
        memory.spools -= 1


def turn(scope: Scope) -> asyncio.Lock:
    """Held by whoever reads a large body or a manifest: each takes the interpreter from others."""
    memory: HeldMemory = scope[_MEMORY]
    return memory.turn


def _busy(memory: HeldMemory) -> Busy:
    return Busy(
        f"large requests hold the {memory.bytes_max} bytes of HELD_BYTES_MAX together; nothing of "
        "this one was recorded, send it again"
    )

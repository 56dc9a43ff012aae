"""Work that many ask for one by one, and that costs hardly more for many of them than for one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Rounds(Generic[T]):
    """Does what has gathered while the round before it was at work. On one event loop.

    `work` does up to `most` items and tells whether that succeeded, for all of them alike.
    """

    def __init__(self, work: Callable[[Sequence[T]], Awaitable[bool]], most: int) -> None:
        self._work, self._most = work, most
        self._waiting: list[tuple[T, asyncio.Future[bool]]] = []
        self._task: asyncio.Task[None] | None = None

    async def do(self, item: T) -> bool:
        """Whether a round with this item in it succeeded."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="rounds")
        return await done

    async def stop(self) -> None:
        """End, in the middle of a round."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while self._waiting:
            part, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            # Whoever was cancelled meanwhile asks for nothing.
            asked = [(item, done) for item, done in part if not done.done()]
            held = await self._work([item for item, _done in asked])
            for _item, done in asked:
                if not done.done():
                    done.set_result(held)
        self._task = None

"""`LibraryThread`: a library on an event loop of its own, for callers that have none."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any, Generic, TypeVar

from aegisd.core.errors import Unavailable
from aegisd.library.library import Library, closed, forked_from

# Seconds of one wait. A signal that comes just before a wait does not end it: without a next one,
# Ctrl-C would be noticed when the answer comes, and an answer may not come.
WAKE_SECONDS = 1.0

T = TypeVar("T")


class _Reply(Generic[T]):
    """What one caller waits for. `notify` wakes that caller, once, whatever the end is."""

    def __init__(self, work: Coroutine[Any, Any, T], notify: Callable[[], None]) -> None:
        self._work, self._notify = work, notify
        self._task: asyncio.Task[T] | None = None

    def begin(self, done: Callable[["_Reply[T]"], None]) -> None:
        """Start the work on the running loop; `done` is told at its end."""
        self._task = asyncio.get_running_loop().create_task(self._work)
        self._task.add_done_callback(lambda _task: done(self))

    def end(self) -> None:
        """Wake the caller; work that never began never will."""
        if self._task is None:
            self._work.close()
        self._notify()

    def result(self) -> T:
        """What the work gave or raised. Raises `Stopping` for work that the end cut short."""
        task = self._task
        if task is None or not task.done() or task.cancelled():
            raise closed()
        return task.result()


class LibraryThread:
    """A `Library` on an event loop of its own, asked from any thread but that one.

    Starts it, and closes it at its end. The thread does not keep the interpreter alive.
    """

    def __init__(self, library: Library) -> None:
        self.library = library
        self._process = os.getpid()
        self._waiting: set[_Reply[Any]] = set()
        self._ended = False
        self._loop = _new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="aegis", daemon=True)
        self._thread.start()
        with ExitStack() as undo:
            undo.callback(self.close)
            self.call(self.library.start())
            undo.pop_all()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine of `library` and wait. Raises what it raises, and `Unavailable`."""
        done = threading.Lock()
        done.acquire()
        reply = self._ask(work, done.release)
        while not done.acquire(timeout=WAKE_SECONDS):
            continue
        return reply.result()

    async def call_async(self, work: Coroutine[Any, Any, T]) -> T:
        """As `call`, for a caller on another event loop, which goes on meanwhile."""
        theirs = asyncio.get_running_loop()
        done = theirs.create_future()
        reply = self._ask(work, lambda: _wake(theirs, done))
        await done
        return reply.result()

    def close(self) -> None:
        """Answer what is queued, give the log back, end the thread. Twice is once."""
        if os.getpid() != self._process:
            return
        if not self._ended:
            self._tell(self._stop.set)
        if threading.current_thread() is not self._thread:
            while self._thread.is_alive():
                self._thread.join(WAKE_SECONDS)

    def _ask(self, work: Coroutine[Any, Any, T], notify: Callable[[], None]) -> _Reply[T]:
        reply = _Reply(work, notify)
        against = self._against()
        if against is None:
            # In this order, and `_run` in the other: either it finds the reply, or this the end.
            self._waiting.add(reply)
            if not self._ended and self._tell(lambda: reply.begin(self._done)):
                return reply
            self._waiting.discard(reply)
        work.close()
        raise against or closed()

    def _against(self) -> Unavailable | None:
        if threading.current_thread() is self._thread:
            return Unavailable("a gate's own thread cannot wait for the gate")
        return forked_from(self._process)

    def _tell(self, what: Callable[[], None]) -> bool:
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError:
            # The loop has closed since; that is how it says so.
            return False
        return True

    def _done(self, reply: _Reply[Any]) -> None:
        if reply in self._waiting:
            self._waiting.discard(reply)
            reply.end()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve())
        finally:
            self._ended = True
            for reply in tuple(self._waiting):
                self._done(reply)

    async def _serve(self) -> None:
        await self._stop.wait()
        await self.library.close()


def _wake(loop: asyncio.AbstractEventLoop, done: asyncio.Future[None]) -> None:
    def wake() -> None:
        if not done.done():
            done.set_result(None)

    try:
        loop.call_soon_threadsafe(wake)
    except RuntimeError:
        # The caller's loop has closed: nobody waits there any more.
        return


def _new_event_loop() -> asyncio.AbstractEventLoop:
    """The faster loop where there is one: a call's two thread hops are a third of its time."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform, and only this thread needs it
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()

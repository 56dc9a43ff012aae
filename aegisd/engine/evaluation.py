"""The one thread that judges where an engine may hang, and the watch over it."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

from aegisd.core.errors import EvaluatorStuck

# A whole batch takes well under a second; the process ends past this, because a thread that hangs
# cannot be stopped and everything behind it waits.
EVALUATOR_STUCK_MS_MAX = 10_000

T = TypeVar("T")


class Evaluation:
    """Runs one thing at a time for all tenants. Time spent in line is nobody's fault.

    Its thread begins with the first work. It is a daemon thread, which an executor's would not be:
    one that hangs must not keep the interpreter from ending.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._begun_s: float | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` gives. Raises `EvaluatorStuck` to everybody in line behind what hangs."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="evaluator", daemon=True)
            self._thread.start()
        told: Future[T] = Future()
        self._queue.put(lambda: self._timed(work, told))
        running = asyncio.wrap_future(told)
        bound_s = EVALUATOR_STUCK_MS_MAX / 1000
        left_s = bound_s
        try:
            while not (await asyncio.wait({running}, timeout=left_s))[0]:
                begun_s = self._begun_s
                left_s = bound_s if begun_s is None else begun_s + bound_s - time.monotonic()
                if left_s <= 0:
                    raise EvaluatorStuck("the policy evaluator does not answer")
            return running.result()
        finally:
            running.cancel()

    def close(self) -> None:
        """Take nothing more. A stuck evaluation never ends, so nobody waits for it."""
        self._queue.put(None)

    def _serve(self) -> None:
        while (work := self._queue.get()) is not None:
            work()

    def _timed(self, work: Callable[[], T], told: Future[T]) -> None:
        if not told.set_running_or_notify_cancel():
            return
        self._begun_s = time.monotonic()
        try:
            given = work()
        except BaseException as error:  # noqa: BLE001 - the caller's to hear, whatever it is
            told.set_exception(error)
        else:
            told.set_result(given)
        finally:
            self._begun_s = None

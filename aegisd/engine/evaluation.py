"""The one thread that judges, and the watch over it."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from aegisd.core.errors import EvaluatorStuck

# A whole batch takes well under a second; the process ends past this, because a thread that hangs
# cannot be stopped and everything behind it waits.
EVALUATOR_STUCK_MS_MAX = 10_000

T = TypeVar("T")


class Evaluation:
    """Runs one thing at a time for all tenants. Time spent in line is nobody's fault."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "evaluator")
        self._begun_s: float | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` gives. Raises `EvaluatorStuck` to everybody in line behind what hangs."""
        bound_s = EVALUATOR_STUCK_MS_MAX / 1000
        running = asyncio.get_running_loop().run_in_executor(self._thread, self._timed, work)
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
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _timed(self, work: Callable[[], T]) -> T:
        self._begun_s = time.monotonic()
        try:
            return work()
        finally:
            self._begun_s = None

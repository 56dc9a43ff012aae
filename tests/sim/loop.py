"""An event loop without a wall clock, and executors without threads: one seed, one history."""

import asyncio
import selectors
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from random import Random
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

# Seconds of simulated time that one piece of blocking work takes at most.
WORK_S_MAX = 0.02


class Deadlock(Exception):
    """Nothing is left that could ever happen, and somebody still waits."""


class _Selector(selectors.SelectSelector):
    """Never waits: where a loop would sleep, simulated time passes."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found and timeout is None:
            raise Deadlock("everybody waits for somebody else")
        if not found and timeout:
            self.now += timeout
        return found


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Callbacks in the order they were asked for, timers by simulated time."""

    def __init__(self) -> None:
        self._world = _Selector()
        super().__init__(self._world)

    def time(self) -> float:
        """Simulated seconds since the loop began."""
        return self._world.now


class Simulation:
    """What all stand-ins of one world share: its loop's time and its chance."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.executors: list[SimulatedExecutor] = []

    def end(self) -> None:
        """The process is gone, and its threads with it."""
        for executor in self.executors:
            executor.shutdown(cancel_futures=True)
        self.executors.clear()

    def pause_s(self) -> float:
        """How long some blocking work takes; often none."""
        return self.chance.choice((0.0, 0.0, self.chance.random() * WORK_S_MAX))


class SimulatedExecutor(Executor):
    """Stands in for a `ThreadPoolExecutor`: work is done later on the loop, in order."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._waiting: deque[tuple[Callable[[], None], Future[Any]]] = deque()
        self._over = False
        simulation.executors.append(self)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Do it after a pause; at once when somebody on the loop cannot go on without."""
        if self._over:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: _Awaited[T] = _Awaited(self._run_next)

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - the asker's to hear, as in a thread
                future.set_exception(error)

        self._waiting.append((run, future))
        asyncio.get_running_loop().call_later(self._simulation.pause_s(), self._run_next)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT002 - as in the standard library
        """What waits is cancelled, and nothing more is taken."""
        self._over = True
        while cancel_futures and self._waiting:
            self._waiting.popleft()[1].cancel()

    def _run_next(self) -> None:
        if self._waiting:
            self._waiting.popleft()[0]()


class _Awaited(Future[T]):
    """A future that a waiting thread brings about itself, since there is no other thread."""

    def __init__(self, run_next: Callable[[], None]) -> None:
        super().__init__()
        self._run_next = run_next

    def result(self, timeout: float | None = None) -> T:
        while not self.done():
            self._run_next()
        return super().result(timeout)


class SimulatedTime:
    """Stands in for the module `time` where the engine bounds how long or how often it works."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._now = 0.0

    def perf_counter(self) -> float:
        """Some milliseconds later each time, so that batches end early by chance."""
        self._now += self._simulation.chance.choice((0.0, 0.001, 0.008))
        return self._now

    def monotonic(self) -> float:
        """Simulated seconds, some later each time: what is bounded by time ends early by chance."""
        self._now += self._simulation.chance.choice((0.0, 0.1, 0.5))
        return asyncio.get_running_loop().time() + self._now


class SimulatedClock:
    """A wall clock that stands, jumps back and forth and drifts beside what elapses."""

    def __init__(self, simulation: Simulation, start_ms: int, offsets: Mapping[str, int]) -> None:
        self._simulation, self._now_ms, self._offsets = simulation, start_ms, offsets
        self._elapsed_ms = 0

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch; what they say is not to be trusted."""
        day = 86_400_000
        jumps = (0,) * 90 + (1000, -1000) * 4 + (day, -day)
        elapsed_ms = self._simulation.chance.choice((0, 0, 1, 7, 1000))
        self._elapsed_ms += elapsed_ms
        self._now_ms += elapsed_ms + self._simulation.chance.choice(jumps)
        return self._now_ms

    def elapsed_ms(self) -> int:
        """Milliseconds that passed, whatever the wall says."""
        return self._elapsed_ms

    def utc_offset_s(self, zone: str, now_ms: int) -> int:
        """Seconds east of UTC, the same all year."""
        return self._offsets[zone]

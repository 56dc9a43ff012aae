"""Stores whose disk fails, by chance, in every way a store's port tells of, and some more."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from random import Random

from aegisd.core.errors import CommitUnknown, StoreBroken, StoreFailed
from aegisd.core.log.checkpoint import TreeHead, read
from aegisd.core.log.envelope import StoredEvent
from aegisd.rows import Batch, Growth, SnapshotRow
from aegisd.store.memory import MemoryStore
from aegisd.store.sqlite.store import SqliteStore
from tests.engine.world import MemoryGuard

# How often each fault meets a write, in parts of a thousand.
FAULTS = {"failed": 30, "unknown": 12, "broken": 12, "crash": 25}

# How often a read fails that may pass, in parts of a thousand.
BLIND = 5


class PowerOff(Exception):
    """The process is gone. Whoever calls the disk now is a ghost and changes nothing."""


class Weather:
    """What the disk does next. Writes that fail may have happened.

    `doubtful` names the events of those that ended the process. Where it goes on, whoever asked has
    to be told that nobody knows.
    `crashed` calls back when a write takes the process with it.
    """

    def __init__(self, chance: Random, crashed: Callable[[], None]) -> None:
        self._chance, self._crashed = chance, crashed
        self.doubtful: set[str] = set()
        self.met: Counter[str] = Counter()
        self.off = False
        self._broken = self._calm = False

    def begin(self) -> None:
        """A new process finds the disk well again."""
        self.off = self._broken = False

    def calm(self) -> None:
        """Nothing fails any more."""
        self._calm = True

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing fails meanwhile: for those who look at the log from outside."""
        before, self._calm = self._calm, True
        yield
        self._calm = before

    def write(
        self,
        work: Callable[[], None],
        events: Sequence[StoredEvent] = (),
        faults: Collection[str] = tuple(FAULTS),
    ) -> None:
        """Do a write as the disk pleases, but only with faults that its port tells of."""
        if self.off:
            raise PowerOff
        if self._broken:
            raise StoreBroken("the disk failed before")
        fault = self._next()
        if fault is None or fault not in faults:
            work()
            return
        self.met[fault] += 1
        if fault == "failed":
            raise StoreFailed("the disk is full")
        if self._chance.random() < 1 / 2:
            work()
            if fault != "unknown":
                self.doubtful.update(event.user_id for event in events)
        if fault == "unknown":
            raise CommitUnknown("the connection is gone")
        if fault == "broken":
            self._broken = True
            raise StoreBroken("fsync: Input/output error")
        self.off = True
        self._crashed()
        raise PowerOff

    def read(self) -> None:
        """Before a read that may fail."""
        if not self._calm and not self.off and self._chance.randrange(1000) < BLIND:
            self.met["read"] += 1
            raise StoreFailed("the log cannot be read for now")

    def _next(self) -> str | None:
        if self._calm:
            return None
        drawn = self._chance.randrange(1000)
        for fault, share in FAULTS.items():
            if drawn < share:
                return fault
            drawn -= share
        return None


class FaultyMemory(MemoryStore):
    """A log in memory that outlives its engines, under the weather."""

    waits = True

    def __init__(self, weather: Weather) -> None:
        super().__init__()
        self.weather = weather

    def append(self, batch: Batch) -> None:
        self.weather.write(partial(super().append, batch), batch.events)

    def grow(self, *growths: Growth) -> None:
        self.weather.write(partial(super().grow, *growths))

    def keep(self, rows: Sequence[SnapshotRow]) -> None:
        self.weather.write(partial(super().keep, rows))

    def snapshot(self, tenant_id: str, session_id: str) -> SnapshotRow | None:
        self.weather.read()
        return super().snapshot(tenant_id, session_id)

    def by_idempotency_key(self, tenant_id: str, key: str) -> list[StoredEvent]:
        self.weather.read()
        return super().by_idempotency_key(tenant_id, key)

    def close(self) -> None:
        """The log outlives the process that closes it."""


class FaultyGuard(MemoryGuard):
    """Checkpoints kept outside the database, on a disk that may be full, and held to their order.

    `published` has every note that anybody could have seen, `early` those that came before their
    events or their row were stored.
    """

    def __init__(self, weather: Weather) -> None:
        super().__init__()
        self.weather = weather
        self.store: MemoryStore | SqliteStore | None = None
        self.published: list[tuple[str, TreeHead]] = []
        self.early: list[str] = []

    def keep(self, tenant_id: str, note: str) -> None:
        head, _signed = read(note)
        if self.store is not None and not self.weather.off:
            kept = self.store.newest_checkpoint(tenant_id)
            end = self.store.next_position(tenant_id)
            if end < head.size or kept is None or kept.size < head.size:
                self.early.append(f"{tenant_id}: {head.size} of {end} events")
            self.published.append((tenant_id, head))
        self.weather.write(partial(super().keep, tenant_id, note), faults=("failed", "crash"))


class FaultySqlite(SqliteStore):
    """A log in a file, under the weather."""

    def __init__(self, path: str, weather: Weather) -> None:
        super().__init__(path)
        self.weather = weather

    def append(self, batch: Batch) -> None:
        self.weather.write(partial(super().append, batch), batch.events)

    def grow(self, *growths: Growth) -> None:
        self.weather.write(partial(super().grow, *growths))

    def keep(self, rows: Sequence[SnapshotRow]) -> None:
        self.weather.write(partial(super().keep, rows))

    def snapshot(self, tenant_id: str, session_id: str) -> SnapshotRow | None:
        self.weather.read()
        return super().snapshot(tenant_id, session_id)

    def by_idempotency_key(self, tenant_id: str, key: str) -> list[StoredEvent]:
        self.weather.read()
        return super().by_idempotency_key(tenant_id, key)

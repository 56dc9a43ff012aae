"""A signed log of a wanted size, and what an event costs in it while it grows.

The engine in this process on SQLite, with a judge that has no rules: what is looked at is the log.
"""

import asyncio
import random
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

from msgspec import Struct

from aegisd.core.proposal import Proposal
from aegisd.engine.checkpoints import EVENTS_DEFAULT, INTERVAL_MS_DEFAULT, Checkpoints, Signing
from aegisd.engine.engine import Engine
from aegisd.signing.guard import GuardFolder
from aegisd.signing.keyring import public_path
from aegisd.signing.signer import guard_path, key_path, open_keyring
from aegisd.store.sqlite.reader import SqliteReader
from benchmarks import filling
from benchmarks.command import Tell
from benchmarks.figures import Timing, timing
from benchmarks.filling import CALLS_PER_APPEND, EVENTS_PER_CALL, TENANT
from benchmarks.report import Section, aim

# Sizes of the log at which its costs are looked at, and of course at its end.
SIZES = (10_000, 100_000)

# Of each round, in which the logs of all sizes have their turn.
ROUNDS = 5
APPENDS = 20
# The first ones of an engine that has just been opened read what a running one has in memory.
WARM_APPENDS = 5
CHECKPOINTS = 10
PROOFS = 80

# Between two checkpoints that are looked at: what a busy log signs together.
EVENTS_PER_CHECKPOINT = EVENTS_DEFAULT

# How much more an event may cost in the largest log than in the smallest: the noise of a shared
# machine, and not a cost that grows with the log, which would be 100 times between them.
FLAT_RATIO = 1.25

# Makes an event of the log about 600 bytes long, the decisions counted in.
_TEXT = "Keep each line short, and name what changed for whoever reads it. " * 3


class Log:
    """A tenant's log in a SQLite file, with the key that signs it beside."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "log.db"
        self._names = 0

    def copied(self, folder: Path) -> "Log":
        """A log like it in another folder, which is made. Nobody may have this one open."""
        copy = Log(folder)
        folder.mkdir()
        shutil.copyfile(self.database, copy.database)
        shutil.copy(key_path(self.database), key_path(copy.database))
        shutil.copytree(guard_path(self.database), guard_path(copy.database))
        copy._names = self._names
        return copy

    def size(self) -> int:
        """Events in it."""
        with closing(SqliteReader(str(self.database))) as reader:
            return reader.next_position(TENANT)

    @property
    def public_key(self) -> Path:
        """The file of its verifier key."""
        return public_path(key_path(self.database))

    @asynccontextmanager
    async def running(self, interval_ms: int = INTERVAL_MS_DEFAULT) -> AsyncIterator[Engine]:
        """An engine on it that signs each `interval_ms` or 256 events, or only when asked (0)."""
        evidence = Signing(
            signer=open_keyring(key_path(self.database), lambda: None),
            guard=GuardFolder(guard_path(self.database)),
            interval_ms=interval_ms,
        )
        async with filling.running(self.database, evidence) as engine:
            yield engine

    def proposals(self) -> Iterator[Proposal]:
        """Calls in sessions of their own."""
        self._names += 1
        return filling.calls(f"s{self._names}-", content=_TEXT)

    async def fill(self, events: int, tell: Tell) -> None:
        """Append until it holds at least so many events."""
        async with self.running() as engine:
            await filling.fill(engine, self.proposals(), events, tell)


class Costs(Struct, frozen=True):
    """What is done in a log of one size, in microseconds; `append` is per event of a batch."""

    append: Timing
    checkpoint: Timing
    inclusion: Timing
    consistency: Timing

    @property
    def event_us(self) -> float:
        """An event in all: appended, and its share of a checkpoint."""
        return self.append.p50_us + self.checkpoint.p50_us / EVENTS_PER_CHECKPOINT


def sizes(events: int) -> Sequence[int]:
    """The sizes at which a log that grows to `events` is looked at."""
    return [*(size for size in SIZES if size < events), events]


def measure(log: Log, events: int, tell: Tell) -> Section:
    """Grow the log, and look at it and at copies of what it was."""
    return section(asyncio.run(_measure(log, events, tell)))


async def _measure(log: Log, events: int, tell: Tell) -> Mapping[int, Costs]:
    logs = {}
    for size in sizes(events):
        await log.fill(size, partial(_tell_of, tell, 0.9 * size / events))
        last = size == events
        logs[size] = log if last else log.copied(log.database.with_name(f"{size}"))
    looks: dict[int, list[Sequence[list[float]]]] = {size: [] for size in logs}
    for number in range(ROUNDS):
        for size, each in logs.items():
            looks[size].append(await _look(each, size, number))
        tell(0.9 + 0.1 * (number + 1) / ROUNDS)
    return {size: Costs(*map(timing, zip(*each, strict=True))) for size, each in looks.items()}


def _tell_of(tell: Tell, share: float, done: float) -> None:
    tell(done * share)


async def _look(log: Log, size: int, number: int) -> Sequence[list[float]]:
    """Microseconds of everything done in one round, in the order of `Costs`."""
    async with log.running() as engine:
        requests = WARM_APPENDS + APPENDS
        calls = await filling.sampled(engine, log.proposals(), requests, CALLS_PER_APPEND)
        append = [us / EVENTS_PER_CALL for us in calls[WARM_APPENDS:]]
    async with log.running(interval_ms=0) as engine:
        signing = engine.signing()
        checkpoint = []
        for _ in range(CHECKPOINTS):
            count = EVENTS_PER_CHECKPOINT // EVENTS_PER_CALL
            await filling.append(engine, log.proposals(), count)
            # From the last commit to a checkpoint that is signed and kept.
            checkpoint += await _timed([partial(signing.sign_now, TENANT)])
        chance = random.Random(number)
        places = [chance.randrange(size) for _ in range(PROOFS)]
        inclusion = await _timed([partial(signing.inclusion, TENANT, place) for place in places])
        consistency = await _timed([partial(_from_middle, signing, size + at) for at in places])
    return append, checkpoint, inclusion, consistency


def _from_middle(signing: Checkpoints, twice: int) -> Awaitable[object]:
    """A proof from the middle of the log or behind it, so that no two are of the same blocks."""
    return signing.consistency(TENANT, twice // 2, None)


async def _timed(calls: Sequence[Callable[[], Awaitable[object]]]) -> list[float]:
    samples = []
    for call in calls:
        started = time.perf_counter()
        await call()
        samples.append((time.perf_counter() - started) * 1e6)
    return samples


def section(costs: Mapping[int, Costs]) -> Section:
    """The costs by size; ratios are to the smallest."""
    smallest, largest = next(iter(costs)), [*costs][-1]
    base = costs[smallest]
    grown = costs[largest].event_us / base.event_us
    return Section(
        name="flat",
        title="cost by size of the log",
        method=f"in-process, checkpoints each {INTERVAL_MS_DEFAULT} ms or 256 events; one log, and "
        f"copies of what it was at each size, in turns for {ROUNDS} rounds. Medians of the rounds' "
        f"medians: {APPENDS} requests of {CALLS_PER_APPEND} calls with their decisions, "
        f"{CHECKPOINTS} checkpoints over {EVENTS_PER_CHECKPOINT} new events (grow, store, sign, "
        f"keep outside), {PROOFS} proofs of events at random, and {PROOFS} that the newest tree "
        "continues one behind the middle. In all: append and its share of a checkpoint",
        durability="SQLite WAL, synchronous=FULL; checkpoints fsynced in database and file",
        tables={
            "an event, by events in the log": [
                {
                    "events": f"{size:,}",
                    "event us": at.event_us,
                    "of the smallest": at.event_us / base.event_us,
                    **_figures("append", at.append),
                    **_figures("checkpoint", at.checkpoint),
                }
                for size, at in costs.items()
            ],
            "proofs, by events in the log": [
                {
                    "events": f"{size:,}",
                    **_figures("inclusion", at.inclusion),
                    **_figures("consistency", at.consistency),
                }
                for size, at in costs.items()
            ],
        },
        aims=[
            aim(
                f"cost of an event at {largest:,}, of that at {smallest:,}",
                grown,
                at_most=FLAT_RATIO,
            )
        ],
    )


def _figures(name: str, cost: Timing) -> Mapping[str, float]:
    return {f"{name} us": cost.p50_us, f"{name} p99 us": cost.p99_us}

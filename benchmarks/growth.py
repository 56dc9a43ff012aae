"""A signed log of a wanted size, and what an event costs in it while it grows.

The engine in this process on SQLite, with a judge that has no rules: what is looked at is the log.
"""

import asyncio
import random
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path

from msgspec import Struct

from aegisd.core.proposal import Proposal, read
from aegisd.engine.checkpoints import EVENTS_DEFAULT, INTERVAL_MS_DEFAULT, Checkpoints, Signing
from aegisd.engine.engine import Engine
from aegisd.signing.guard import GuardFolder
from aegisd.signing.keyring import public_path
from aegisd.signing.signer import guard_path, key_path, open_keyring
from aegisd.store.sqlite.reader import SqliteReader
from aegisd.store.sqlite.store import SqliteStore
from benchmarks import filling
from benchmarks.figures import Timing, micros, timing
from benchmarks.filling import CALLS_PER_APPEND, EVENTS_PER_CALL, TENANT
from benchmarks.report import Aim, Grid, Section, Tell

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

CALLS_PER_SESSION = 20

# How much more an event may cost in the largest log than in the smallest: the noise of a shared
# machine, and not a cost that grows with the log, which would be 100 times between them.
FLAT_RATIO = 1.25

# Makes an event of the log about 600 bytes long, the decisions counted in.
_TEXT = "Keep each line short, and name what changed for whoever reads it. " * 3


class Log:
    """A tenant's log in a SQLite file, with the key that signs it beside."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "log.db"
        self.close: Callable[[], None] = lambda: None
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

    def evidence(self, interval_ms: int) -> Signing:
        """Who signs it; each `interval_ms` or 256 events, or only when asked (0)."""
        return Signing(
            signer=open_keyring(key_path(self.database), lambda: None),
            guard=GuardFolder(guard_path(self.database)),
            interval_ms=interval_ms,
        )

    def opened(self, interval_ms: int = INTERVAL_MS_DEFAULT) -> Engine:
        """An engine on it that has not been started; `close` ends it for good."""
        store = SqliteStore(str(self.database))
        self.close = store.close
        return filling.engine(store, self.evidence(interval_ms))

    def proposals(self, count: int) -> Iterator[Proposal]:
        """Calls in sessions of their own."""
        self._names += 1
        for number in range(count):
            args = {"path": f"/workspace/out/{number}.md", "content": _TEXT}
            yield read(
                {
                    "tenant_id": TENANT,
                    "session_id": f"s{self._names}-{number // CALLS_PER_SESSION}",
                    "event_type": "TOOL_CALL_PROPOSED",
                    "payload": {"tool_name": "write_file", "args": args},
                }
            )

    async def fill(self, events: int, tell: Tell) -> None:
        """Append until it holds at least so many events."""
        engine = self.opened()
        await engine.start()
        missing = events - (await engine.reads.tenant(TENANT)).next_position
        calls = max(0, -(-missing // EVENTS_PER_CALL))
        done = 0

        def advance(more: int) -> None:
            nonlocal done
            done += more
            tell(done / calls)

        await filling.append(engine, self.proposals(calls), advance)
        await _end(engine, self)


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
    looks: dict[int, list[_Look]] = {size: [] for size in logs}
    for number in range(ROUNDS):
        for size, each in logs.items():
            looks[size].append(await _look(each, size, number))
        tell(0.9 + 0.1 * (number + 1) / ROUNDS)
    return {size: _costs(each) for size, each in looks.items()}


def _tell_of(tell: Tell, share: float, done: float) -> None:
    tell(done * share)


class _Look(Struct, frozen=True):
    """Microseconds of everything done in one round."""

    append: list[float]
    checkpoint: list[float]
    inclusion: list[float]
    consistency: list[float]


def _costs(looks: Sequence[_Look]) -> Costs:
    return Costs(*(timing([getattr(look, name) for look in looks]) for name in _TOLD))


async def _look(log: Log, size: int, number: int) -> _Look:
    engine = log.opened()
    await engine.start()
    append = await _appends(log, engine)
    await _end(engine, log)
    engine = log.opened(interval_ms=0)
    await engine.start()
    signing = engine.signing()
    checkpoint = await _checkpoints(log, engine)
    chance = random.Random(number)
    places = [chance.randrange(size) for _ in range(PROOFS)]
    inclusion = await _timed(partial(signing.inclusion, TENANT, place) for place in places)
    consistency = await _timed(partial(_from_middle, signing, size + place) for place in places)
    await _end(engine, log)
    return _Look(append, checkpoint, inclusion, consistency)


def _from_middle(signing: Checkpoints, twice: int) -> Awaitable[object]:
    """A proof from the middle of the log or behind it, so that no two are of the same blocks."""
    return signing.consistency(TENANT, twice // 2, None)


async def _appends(log: Log, engine: Engine) -> list[float]:
    """Microseconds per event in requests of `CALLS_PER_APPEND` calls."""
    waiting = log.proposals((WARM_APPENDS + APPENDS) * CALLS_PER_APPEND)
    requests = list(iter(lambda: tuple(islice(waiting, CALLS_PER_APPEND)), ()))
    whole = await _timed(partial(engine.append, request) for request in requests)
    return [us / (CALLS_PER_APPEND * EVENTS_PER_CALL) for us in whole[WARM_APPENDS:]]


async def _checkpoints(log: Log, engine: Engine) -> list[float]:
    """Microseconds from the last commit to a checkpoint that is signed and kept."""
    samples = []
    for _ in range(CHECKPOINTS):
        await filling.append(engine, log.proposals(EVENTS_PER_CHECKPOINT // EVENTS_PER_CALL))
        started = time.perf_counter()
        await engine.signing().sign_now(TENANT)
        samples.append((time.perf_counter() - started) * 1e6)
    return samples


async def _timed(calls: Iterator[Callable[[], Awaitable[object]]]) -> list[float]:
    samples = []
    for call in calls:
        started = time.perf_counter()
        await call()
        samples.append((time.perf_counter() - started) * 1e6)
    return samples


async def _end(engine: Engine, log: Log) -> None:
    await engine.stop()
    log.close()


# ── what is told ─────────────────────────────────────────────────────────────────────────────────

_COSTS, _PROOFS = ("append", "checkpoint"), ("inclusion", "consistency")
_TOLD = (*_COSTS, *_PROOFS)


def section(costs: Mapping[int, Costs]) -> Section:
    """The costs by size; ratios are to the smallest."""
    base, *_, last = (*costs.values(), *costs.values())
    plain = []
    for size, at in costs.items():
        figures: dict[str, float] = {
            "events": size,
            "event_us": round(at.event_us, 2),
            "event_ratio": round(at.event_us / base.event_us, 3),
        }
        for name in _TOLD:
            timing, first = getattr(at, name), getattr(base, name)
            figures[f"{name}_p50_us"] = round(timing.p50_us, 2)
            figures[f"{name}_p99_us"] = round(timing.p99_us, 2)
            figures[f"{name}_ratio"] = round(timing.p50_us / first.p50_us, 3)
        plain.append(figures)
    return Section(
        name="flat: cost by size of the log",
        method=f"in-process, checkpoints each {INTERVAL_MS_DEFAULT} ms or 256 events; one log, and "
        f"copies of what it was at each size, in turns for {ROUNDS} rounds. Medians of the rounds' "
        f"medians: {APPENDS} requests of {CALLS_PER_APPEND} calls with their decisions, "
        f"{CHECKPOINTS} checkpoints over {EVENTS_PER_CHECKPOINT} new events (grow, store, sign, "
        f"keep outside), {PROOFS} proofs of events at random, and {PROOFS} that the newest tree "
        "continues one behind the middle. In all: append and its share of a checkpoint",
        durability="SQLite WAL, synchronous=FULL; checkpoints fsynced in database and file",
        figures={"by_events": plain},
        grids=[
            _grid("an event", plain, ("event_us", "event_ratio"), _COSTS),
            _grid("proofs", plain, (), _PROOFS),
        ],
        aims=[
            Aim(
                what=f"cost of an event at {list(costs)[-1]:,}, of that at {next(iter(costs)):,}",
                found=last.event_us / base.event_us,
                aim=FLAT_RATIO,
                at_most=True,
            )
        ],
    )


def _grid(
    title: str, sizes: Sequence[Mapping[str, float]], first: Sequence[str], names: Sequence[str]
) -> Grid:
    """Figures by size: those called `first`, then the median and the ratio of each of `names`."""
    keys = [*first, *(key for name in names for key in (f"{name}_p50_us", f"{name}_ratio"))]
    heads = ["ratio" if "ratio" in key else f"{key.split('_')[0]} us" for key in keys]
    rows = [
        (f"{figures['events']:,}", *(_cell(key, figures[key]) for key in keys)) for figures in sizes
    ]
    return Grid(title=f"{title}, by events in the log", columns=("events", *heads), rows=rows)


def _cell(key: str, number: float) -> str:
    return f"{number:.2f}x" if key.endswith("ratio") else micros(number)

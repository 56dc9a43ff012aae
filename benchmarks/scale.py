"""Do a decision and its evidence cost the same in a large log: `python -m benchmarks.scale`.

The log is filled by the engine itself with a judge that allows, then opened anew with the real one.
Then one session grows long, and then 100,000 sessions stay in memory. Flat is what is wanted.
"""

import asyncio
import gc
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import repeat
from pathlib import Path

import click
from msgspec import Struct

from aegisd.core.proposal import Proposal
from aegisd.daemon import GARBAGE_OBJECTS
from aegisd.engine.checkpoints import EVENTS_DEFAULT, Checkpoints
from aegisd.engine.engine import Engine
from aegisd.rego.engines import choose
from benchmarks import filling
from benchmarks.command import ENGINE, benchmark
from benchmarks.figures import Timing, timing
from benchmarks.filling import CALLS_PER_APPEND, EVENTS_PER_CALL, TENANT
from benchmarks.process import resident_mb
from benchmarks.report import Row, Section, aim
from benchmarks.workloads import CALLS_PER_SESSION

SINGLES, REQUESTS = 300, 10
CHECKPOINTS, PROOFS = 20, 200

# How much more may be taken in the largest log than in the smallest: the noise of a shared machine,
# and not a cost that grows with the log, which would be 1,000 times between them.
FLAT_RATIO = 1.25

# A long session is looked at by its last calls before it has this many.
LENGTHS = (1_000, 2_500, 5_000, 10_000)
LENGTH_SINGLES, LENGTH_REQUESTS = 200, 5

# Calls of each resident session.
RESIDENT_CALLS = 2


class Cost(Struct, frozen=True):
    """A decision alone, its commit included, and one of a hundred in a request."""

    single: Timing
    batched: Timing


class Evidence(Struct, frozen=True):
    """A checkpoint over what a busy log signs together, and proofs for events at random."""

    checkpoint: Timing
    inclusion: Timing
    consistency: Timing


@benchmark("python -m benchmarks.scale --events 1000 --events 100000 --resident 10000")
@click.option(
    "--events", "sizes", multiple=True, type=click.IntRange(1), show_default=True,
    default=(1_000, 10_000, 100_000, 1_000_000), help="Sizes of the log; may be repeated.",
)  # fmt: skip
@click.option("--resident", default=100_000, show_default=True, help="Sessions kept in memory.")
@ENGINE
def main(sizes: tuple[int, ...], resident: int, engine: str) -> Sequence[Section]:
    """Cost of decisions and evidence by size of the log and of the session; memory by sessions.

    Ratios are to the smallest log, the shortest session and the process without sessions.
    """
    gc.set_threshold(GARBAGE_OBJECTS)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        memory = asyncio.run(_memory(place / "memory.db", resident))
        by_size, proven = asyncio.run(_by_size(place / "size.db", sorted(sizes), engine))
        by_length = asyncio.run(_by_length(place / "length.db", engine))
    base, grown = by_size[min(by_size)], by_size[max(by_size)]
    return [
        Section(
            name="scale",
            title=f"one decision in a large log, {choose(engine).name}",
            method="in-process, checkpoints each 1000 ms or 256 events; medians of single "
            f"decisions in new sessions, of requests of {CALLS_PER_APPEND} calls, of {CHECKPOINTS} "
            f"checkpoints over {EVENTS_DEFAULT} new events (grow, store, sign, keep outside), of "
            f"{PROOFS} proofs of events at random, and of as many that the newest tree continues "
            "one behind the middle",
            durability="SQLite WAL, synchronous=FULL, committed before the answer; checkpoints "
            "fsynced in database and file",
            tables={
                "by size of the log": _rows("events in the log", by_size),
                "evidence by size of the log": _evidence_rows(proven),
                "by length of one session": _rows("calls in the session", by_length),
                f"sessions of {RESIDENT_CALLS} calls each in memory": [memory],
            },
            aims=[
                aim(
                    f"cost of one of {CALLS_PER_APPEND} decisions in the largest log, of that in "
                    "the smallest",
                    grown.batched.p50_us / base.batched.p50_us,
                    at_most=FLAT_RATIO,
                )
            ],
        )
    ]


async def _by_size(
    database: Path, sizes: Sequence[int], engine: str
) -> tuple[Mapping[int, Cost], Mapping[int, Evidence]]:
    costs, proven = {}, {}
    for size in sizes:
        # What measurements left in the log counts.
        async with filling.running(database) as filled:
            await filling.fill(filled, filling.calls(f"f{size}-"), size)
        async with filling.running(database, engine) as judged:
            costs[size] = await _cost(judged, filling.calls(f"n{size}-"), SINGLES, REQUESTS)
        async with filling.running(database, interval_ms=0) as asked:
            proven[size] = await _evidence(asked, filling.calls(f"e{size}-"), size)
    return costs, proven


async def _cost(engine: Engine, proposals: Iterator[Proposal], singles: int, requests: int) -> Cost:
    alone = await filling.sampled(engine, proposals, singles, 1)
    together = await filling.sampled(engine, proposals, requests, CALLS_PER_APPEND)
    return Cost(timing([alone]), timing([together]))


async def _evidence(engine: Engine, proposals: Iterator[Proposal], size: int) -> Evidence:
    signing = engine.signing()
    checkpoints = []
    for _ in range(CHECKPOINTS):
        await filling.append(engine, proposals, EVENTS_DEFAULT // EVENTS_PER_CALL)
        # From the last commit to a checkpoint that is signed and kept.
        checkpoints += await _timed([partial(signing.sign_now, TENANT)])
    places = random.Random(size).choices(range(size), k=PROOFS)
    inclusion = await _timed([partial(signing.inclusion, TENANT, place) for place in places])
    consistency = await _timed([partial(_from_middle, signing, size + at) for at in places])
    return Evidence(timing([checkpoints]), timing([inclusion]), timing([consistency]))


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


async def _by_length(database: Path, engine: str) -> Mapping[int, Cost]:
    async with filling.running(database, engine) as judged:
        new = filling.calls("new")
        # Not the first calls of the tenant, which pay for the activation and the compiler too.
        await filling.append(judged, new, 2 * CALLS_PER_SESSION)
        costs = {CALLS_PER_SESSION: await _cost(judged, new, SINGLES, REQUESTS)}
        long, reached = repeat(filling.call("long")), 0
        for length in LENGTHS:
            looked_at = LENGTH_SINGLES + LENGTH_REQUESTS * CALLS_PER_APPEND
            await filling.append(judged, long, length - reached - looked_at)
            costs[length] = await _cost(judged, long, LENGTH_SINGLES, LENGTH_REQUESTS)
            reached = length
    return costs


async def _memory(database: Path, sessions: int) -> Row:
    async with filling.running(database) as filled:
        await filling.append(filled, filling.calls("first"), 1)
        gc.collect()
        before = resident_mb()
        started = time.perf_counter()
        count = sessions * RESIDENT_CALLS
        await filling.append(filled, filling.calls("s", RESIDENT_CALLS), count)
        elapsed = time.perf_counter() - started
        gc.collect()
        after = resident_mb()
    return {
        "sessions": f"{sessions:,}",
        "MB without": before,
        "MB with": after,
        "of without": after / before,
        "KB a session": (after - before) * 1024 / sessions,
        "filled, events/s": count * EVENTS_PER_CALL / elapsed,
    }


def _rows(what: str, costs: Mapping[int, Cost]) -> Sequence[Row]:
    base = next(iter(costs.values()))
    return [
        {
            what: f"{at:,}",
            "single p50 us": cost.single.p50_us,
            "single p99 us": cost.single.p99_us,
            "of the first": cost.single.p50_us / base.single.p50_us,
            "batched p50 us": cost.batched.p50_us,
            "batched p99 us": cost.batched.p99_us,
            "of the first, batched": cost.batched.p50_us / base.batched.p50_us,
        }
        for at, cost in costs.items()
    ]


def _evidence_rows(costs: Mapping[int, Evidence]) -> Sequence[Row]:
    base = next(iter(costs.values())).checkpoint
    return [
        {
            "events in the log": f"{at:,}",
            "checkpoint p50 us": cost.checkpoint.p50_us,
            "of the first": cost.checkpoint.p50_us / base.p50_us,
            "inclusion p50 us": cost.inclusion.p50_us,
            "consistency p50 us": cost.consistency.p50_us,
        }
        for at, cost in costs.items()
    ]


if __name__ == "__main__":
    main()

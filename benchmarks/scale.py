"""Does a decision cost the same in a large log: `python -m benchmarks.scale`.

The log is filled by the engine itself with a judge that allows, then opened anew with the real one.
Then one session grows long, and then 100,000 sessions stay in memory. Flat is what is wanted.
"""

import asyncio
import gc
import json
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import repeat
from pathlib import Path

import click
from msgspec import Struct

from aegisd import compose, resources
from aegisd.core.proposal import Proposal
from aegisd.daemon import GARBAGE_OBJECTS
from aegisd.engine.engine import Engine
from aegisd.rego.engines import choose
from aegisd.rego.installation import installation
from aegisd.store.sqlite.store import SqliteStore
from benchmarks import filling
from benchmarks.command import ENGINE, benchmark
from benchmarks.figures import Timing, timing
from benchmarks.filling import CALLS_PER_APPEND, CALLS_PER_SESSION, EVENTS_PER_CALL
from benchmarks.process import resident_mb
from benchmarks.report import Row, Section

SINGLES, REQUESTS = 300, 10

# A long session is looked at by its last calls before it has this many.
LENGTHS = (1_000, 2_500, 5_000, 10_000)
LENGTH_SINGLES, LENGTH_REQUESTS = 200, 5

# Calls of each resident session.
RESIDENT_CALLS = 2


class Cost(Struct, frozen=True):
    """A decision alone, its commit included, and one of a hundred in a request."""

    single: Timing
    batched: Timing


@benchmark("python -m benchmarks.scale --events 1000 --events 100000 --resident 10000")
@click.option(
    "--events", "sizes", multiple=True, type=click.IntRange(1), show_default=True,
    default=(1_000, 10_000, 100_000, 1_000_000), help="Sizes of the log; may be repeated.",
)  # fmt: skip
@click.option("--resident", default=100_000, show_default=True, help="Sessions kept in memory.")
@ENGINE
def main(sizes: tuple[int, ...], resident: int, engine: str) -> Sequence[Section]:
    """Cost of a decision by size of the log and length of the session, and memory by sessions.

    Ratios are to the smallest log, the shortest session and the process without sessions.
    """
    gc.set_threshold(GARBAGE_OBJECTS)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        memory = asyncio.run(_memory(place / "memory.db", resident))
        by_size = asyncio.run(_by_size(place / "size.db", sorted(sizes), engine))
        by_length = asyncio.run(_by_length(place / "length.db", engine))
    return [
        Section(
            name="scale",
            title=f"one decision in a large log, {choose(engine).name}",
            method="in-process; medians of single decisions in new sessions, and of requests of "
            f"{CALLS_PER_APPEND} calls",
            durability="SQLite WAL, synchronous=FULL, committed before the answer",
            tables={
                "by size of the log": _rows("events in the log", by_size),
                "by length of one session": _rows("calls in the session", by_length),
                f"sessions of {RESIDENT_CALLS} calls each in memory": [memory],
            },
        )
    ]


async def _by_size(database: Path, sizes: Sequence[int], engine: str) -> Mapping[int, Cost]:
    costs = {}
    for size in sizes:
        # What measurements left in the log counts.
        async with filling.running(database) as filled:
            await filling.fill(filled, filling.calls(f"f{size}-"), size)
        async with _judging(database, engine) as judged:
            costs[size] = await _cost(judged, filling.calls(f"n{size}-"), SINGLES, REQUESTS)
    return costs


@asynccontextmanager
async def _judging(database: Path, engine: str) -> AsyncIterator[Engine]:
    """The engine as the daemon composes it, but for budgets, which would end a long session."""
    manifest = json.loads((resources.manifests() / "quickstart.json").read_bytes())
    manifest["budgets"] = dict.fromkeys(manifest["budgets"])
    store = SqliteStore(str(database))
    judge = installation(engine).judge(store.document)
    configured = compose.configured(judge, compose.read_manifest(manifest))
    judged = compose.engine(store, judge, configured, on_fatal=print)
    await judged.start()
    try:
        yield judged
    finally:
        await judged.stop()
        store.close()


async def _cost(engine: Engine, proposals: Iterator[Proposal], singles: int, requests: int) -> Cost:
    alone = await filling.sampled(engine, proposals, singles, 1)
    together = await filling.sampled(engine, proposals, requests, CALLS_PER_APPEND)
    return Cost(timing([alone]), timing([together]))


async def _by_length(database: Path, engine: str) -> Mapping[int, Cost]:
    async with _judging(database, engine) as judged:
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


if __name__ == "__main__":
    main()

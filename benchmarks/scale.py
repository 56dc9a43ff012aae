"""Does a decision cost the same in a large log: `python -m benchmarks.scale`.

The engine in this process on SQLite (synchronous=FULL), judging with the base rules. The log is
filled by the engine itself with a judge that allows, then opened anew with the real one, and calls
are decided in sessions of their own, one at a time and a hundred to a request. Then one session
grows long, and then 100,000 sessions stay in memory. Flat is what is wanted; ratios say how flat.
"""

import asyncio
import gc
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from pathlib import Path

import click
from msgspec import Struct

from aegisd import compose, resources
from aegisd.engine.engine import Engine
from aegisd.rego.engines import CHOICES, choose
from aegisd.rego.installation import installation
from aegisd.store.sqlite.store import SqliteStore
from benchmarks import filling
from benchmarks.figures import Timing, micros, ratio, timing
from benchmarks.filling import CALLS_PER_APPEND, EVENTS_PER_CALL
from benchmarks.process import resident_mb
from benchmarks.tables import console, table

SINGLES = 300
REQUESTS = 10
CALLS_PER_SESSION = 20

# A long session is looked at by its last calls before it has this many.
LENGTHS = (1_000, 2_500, 5_000, 10_000)
LENGTH_SINGLES = 200
LENGTH_REQUESTS = 5

# Calls of each resident session.
RESIDENT_CALLS = 2

# As the daemon sets it: decisions make no cycles, and the resident sessions are many.
GARBAGE_OBJECTS = 50_000


class Cost(Struct, frozen=True):
    """A decision alone, its commit included, and one of a hundred in a request."""

    single: Timing
    batched: Timing


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: python -m benchmarks.scale --events 1000 --events 100000 --resident 10000",
)
@click.option(
    "--events", "sizes", multiple=True, type=click.IntRange(1), show_default=True,
    default=(1_000, 10_000, 100_000, 1_000_000), help="Sizes of the log; may be repeated.",
)  # fmt: skip
@click.option("--resident", default=100_000, show_default=True, help="Sessions kept in memory.")
@click.option(
    "--engine", type=click.Choice(CHOICES), default="auto", show_default=True,
    help="Which Rego engine judges.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of tables.")
def main(sizes: tuple[int, ...], resident: int, engine: str, *, as_json: bool) -> None:
    """Cost of a decision by size of the log and length of the session, and memory by sessions.

    Ratios are to the smallest log, the shortest session and the process without sessions.
    """
    gc.set_threshold(GARBAGE_OBJECTS)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        memory = asyncio.run(_memory(place / "memory.db", resident))
        by_size = asyncio.run(_by_size(place / "size.db", sorted(sizes), engine))
        by_length = asyncio.run(_by_length(place / "length.db", engine))
    if as_json:
        document = {
            "durability": "SQLite WAL, synchronous=FULL, committed before the answer",
            "engine": choose(engine).name,
            "method": "in-process; medians of single decisions, and of requests of 100 calls",
            "memory": memory,
            "by_events_in_the_log": _plain(by_size),
            "by_calls_in_the_session": _plain(by_length),
        }
        click.echo(json.dumps(document, sort_keys=True))
        return
    _show("by size of the log, new sessions, synchronous=FULL", "events in the log", by_size)
    _show("by length of one session, synchronous=FULL", "calls in the session", by_length)
    _show_memory(memory)


# ── by size of the log ───────────────────────────────────────────────────────────────────────────


async def _by_size(database: Path, sizes: Sequence[int], engine: str) -> Mapping[int, Cost]:
    costs = {}
    for size in sizes:
        await _grow(database, size)
        store = SqliteStore(str(database))
        judged = _judging(store, engine)
        await judged.start()
        new = _sessions(f"n{size}-")
        costs[size] = Cost(
            await _singles(judged, new, SINGLES), await _requests(judged, new, REQUESTS)
        )
        await _end(judged, store)
    return costs


def _sessions(prefix: str) -> Iterator[str]:
    """Names of sessions, each for `CALLS_PER_SESSION` calls in a row."""
    number = 0
    while True:
        yield from [f"{prefix}{number}"] * CALLS_PER_SESSION
        number += 1


async def _grow(database: Path, events: int) -> None:
    """Fill the log up to so many events; what measurements left in it counts."""
    store = SqliteStore(str(database))
    filled = filling.engine(store)
    await filled.start()
    missing = events - store.next_position(filling.TENANT)
    calls = missing // EVENTS_PER_CALL
    prefix = f"f{events}-"
    await filling.append(
        filled, filling.calls(calls, calls_per_session=CALLS_PER_SESSION, prefix=prefix)
    )
    await _end(filled, store)


def _judging(store: SqliteStore, engine: str) -> Engine:
    """The engine as the daemon composes it, but for budgets, which would end a long session."""
    manifest = json.loads((resources.manifests() / "quickstart.json").read_bytes())
    manifest["budgets"] = dict.fromkeys(manifest["budgets"])
    judge = installation(engine).judge(store.document)
    return compose.engine(
        store, judge, compose.configured(judge, compose.read_manifest(manifest)), on_fatal=print
    )


async def _end(engine: Engine, store: SqliteStore) -> None:
    await engine.stop()
    store.close()


async def _singles(engine: Engine, sessions: Iterator[str], count: int) -> Timing:
    samples = []
    for _ in range(count):
        proposals = (filling.call(next(sessions)),)
        started = time.perf_counter()
        answers = await engine.append(proposals)
        samples.append((time.perf_counter() - started) * 1e6)
        _must_be_decided(len(answers), 1)
    return timing([samples])


async def _requests(engine: Engine, sessions: Iterator[str], count: int) -> Timing:
    """Microseconds per decision in requests of `CALLS_PER_APPEND`."""
    samples = []
    for _ in range(count):
        proposals = tuple(filling.call(next(sessions)) for _ in range(CALLS_PER_APPEND))
        started = time.perf_counter()
        answers = await engine.append(proposals)
        samples.append((time.perf_counter() - started) * 1e6 / CALLS_PER_APPEND)
        _must_be_decided(len(answers), CALLS_PER_APPEND)
    return timing([samples])


def _must_be_decided(found: int, expected: int) -> None:
    if found != expected:
        raise RuntimeError(f"expected {expected} answers, got {found}")


# ── by length of the session ─────────────────────────────────────────────────────────────────────


async def _by_length(database: Path, engine: str) -> Mapping[int, Cost]:
    store = SqliteStore(str(database))
    judged = _judging(store, engine)
    await judged.start()
    new = _sessions("new")
    # Not the first calls of the tenant, which pay for the activation and the compiler too.
    await _singles(judged, new, 2 * CALLS_PER_SESSION)
    short = Cost(await _singles(judged, new, SINGLES), await _requests(judged, new, REQUESTS))
    costs = {CALLS_PER_SESSION: short}
    reached = 0
    for length in LENGTHS:
        looked_at = LENGTH_SINGLES + LENGTH_REQUESTS * CALLS_PER_APPEND
        await filling.append(judged, [filling.call("long")] * (length - reached - looked_at))
        long = repeat("long")
        costs[length] = Cost(
            await _singles(judged, long, LENGTH_SINGLES),
            await _requests(judged, long, LENGTH_REQUESTS),
        )
        reached = length
    await _end(judged, store)
    return costs


# ── memory ───────────────────────────────────────────────────────────────────────────────────────


async def _memory(database: Path, sessions: int) -> Mapping[str, float]:
    store = SqliteStore(str(database))
    filled = filling.engine(store)
    await filled.start()
    await filling.append(filled, [filling.call("first")])
    gc.collect()
    before = resident_mb()
    started = time.perf_counter()
    calls = sessions * RESIDENT_CALLS
    await filling.append(filled, filling.calls(calls, calls_per_session=RESIDENT_CALLS))
    elapsed = time.perf_counter() - started
    gc.collect()
    after = resident_mb()
    await _end(filled, store)
    return {
        "sessions": sessions,
        "calls_per_session": RESIDENT_CALLS,
        "baseline_mb": round(before, 1),
        "resident_mb": round(after, 1),
        "kb_per_session": round((after - before) * 1024 / sessions, 2),
        "filled_events_per_second": round(calls * EVENTS_PER_CALL / elapsed),
    }


# ── showing ──────────────────────────────────────────────────────────────────────────────────────


def _plain(costs: Mapping[int, Cost]) -> Sequence[Mapping[str, object]]:
    base = next(iter(costs.values()))
    return [
        {
            "at": at,
            "single_p50_us": cost.single.p50_us,
            "single_p99_us": cost.single.p99_us,
            "single_ratio": round(cost.single.p50_us / base.single.p50_us, 2),
            "batched_p50_us": cost.batched.p50_us,
            "batched_p99_us": cost.batched.p99_us,
            "batched_ratio": round(cost.batched.p50_us / base.batched.p50_us, 2),
        }
        for at, cost in costs.items()
    ]


def _show(title: str, what: str, costs: Mapping[int, Cost]) -> None:
    columns = ("single p50 us", "p99", "ratio", "of 100 p50 us", "p99", "ratio")
    shown = table(f"one decision {title}", (what, *columns))
    base = next(iter(costs.values()))
    parts: Sequence[Callable[[Cost], Timing]] = (lambda c: c.single, lambda c: c.batched)
    for at, cost in costs.items():
        row = []
        for part in parts:
            mine, first = part(cost), part(base)
            row += [micros(mine.p50_us), micros(mine.p99_us), ratio(mine.p50_us, first.p50_us)]
        shown.add_row(f"{at:,}", *row)
    console.print(shown)


def _show_memory(memory: Mapping[str, float]) -> None:
    console.print(
        f"memory: {memory['baseline_mb']:,.0f} MB without sessions, {memory['resident_mb']:,.0f} "
        f"MB with {memory['sessions']:,} of {RESIDENT_CALLS} calls each in memory "
        f"({ratio(memory['resident_mb'], memory['baseline_mb'])}, "
        f"{memory['kb_per_session']:.1f} KB a session)"
    )


if __name__ == "__main__":
    main()

"""Signed logs of a wanted size, made in seconds: the engine itself, with a judge without rules."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count, islice
from pathlib import Path

from aegisd import compose, resources
from aegisd.core.policy.input import PolicyInput
from aegisd.core.policy.verdict import Verdict
from aegisd.core.proposal import Proposal, read
from aegisd.engine.checkpoints import INTERVAL_MS_DEFAULT
from aegisd.engine.engine import Engine
from aegisd.rego.installation import installation
from aegisd.rego.judge import RegoJudge
from aegisd.rego.shelter import Shelter
from aegisd.rules_version import rules_version
from aegisd.store.sqlite.store import SqliteStore
from benchmarks.workloads import CALLS_PER_SESSION
from drills.daemon import proposal

TENANT = "bench"

# Calls of one append, and appends in flight: enough that the writer never waits.
CALLS_PER_APPEND = 100
APPENDS_IN_FLIGHT = 4

# Each call leaves itself and its decision in the log.
EVENTS_PER_CALL = 2


class Allowing(RegoJudge):
    """A judge that asks no rules: the log's size is what matters, not how it was judged."""

    def judge(self, _bundle: str, _manifest: str, _policy_input: PolicyInput) -> Verdict:
        """Yes."""
        return Verdict(outcome="allow", reason="OK")

    def is_prompt(self, _bundle: str, _manifest: str) -> bool:
        """Always."""
        return True


@asynccontextmanager
async def running(
    database: Path, evaluator: str = "", interval_ms: int = INTERVAL_MS_DEFAULT
) -> AsyncIterator[Engine]:
    """The engine on a file, with its keys beside: it signs as the daemon does, or when asked (0).

    It allows everything; with an `evaluator` it judges as the daemon does, but for budgets, which
    would end a long session.
    """
    store = SqliteStore(str(database))
    made = installation(evaluator or "auto")
    judge = made.judge(store.document)
    manifest = None
    if evaluator:
        told = json.loads((resources.manifests() / "quickstart.json").read_bytes())
        told["budgets"] = dict.fromkeys(told["budgets"])
        manifest = compose.read_manifest(told)
    else:
        shown = made.evaluator
        judge = Allowing(shown, Shelter(shown), made.base, store.document, rules_version())
    engine = compose.engine(
        store,
        judge,
        compose.configured(judge, manifest),
        on_fatal=print,
        signing=compose.signing(str(database), store, interval_ms=interval_ms),
        snapshot_key=compose.snapshot_key(str(database)),
    )
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()
        store.close()


def call(session: str, content: str = "") -> Proposal:
    """One tool call that the quickstart manifest allows; `content` makes it a longer one."""
    if not content:
        return read(proposal(session, tenant_id=TENANT))
    args = {"path": "/workspace/out/notes.md", "content": content}
    return read(proposal(session, tool="write_file", args=args, tenant_id=TENANT))


def calls(
    prefix: str, per_session: int = CALLS_PER_SESSION, content: str = ""
) -> Iterator[Proposal]:
    """Calls without end, in sessions of so many each, named after the prefix and a number."""
    return (call(f"{prefix}{number // per_session}", content) for number in count())


async def append(to: Engine, proposals: Iterator[Proposal], wanted: int) -> None:
    """Append the next so many calls; all of them are durable when it returns."""
    done = 0
    while done < wanted:
        parts = [
            tuple(islice(proposals, min(CALLS_PER_APPEND, wanted - first)))
            for first in range(done, wanted, CALLS_PER_APPEND)[:APPENDS_IN_FLIGHT]
        ]
        await asyncio.gather(*(to.append(part) for part in parts))
        done += sum(map(len, parts))


async def fill(to: Engine, proposals: Iterator[Proposal], events: int) -> None:
    """Append calls until the log holds at least so many events."""
    missing = events - (await to.reads.tenant(TENANT)).next_position
    await append(to, proposals, -(-missing // EVENTS_PER_CALL))


async def sampled(
    to: Engine, proposals: Iterator[Proposal], requests: int, size: int
) -> list[float]:
    """Microseconds per call of so many appends of `size` calls, one append at a time.

    Raises `RuntimeError` where a call has no answer.
    """
    samples = []
    for _ in range(requests):
        part = tuple(islice(proposals, size))
        started = time.perf_counter()
        answers = await to.append(part)
        samples.append((time.perf_counter() - started) * 1e6 / size)
        if len(answers) != size:
            raise RuntimeError(f"expected {size} answers, got {len(answers)}")
    return samples

"""Logs of a wanted size, made in seconds: the engine itself, with a judge that has no rules."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from aegisd import compose
from aegisd.core.capabilities import NONE, Capabilities
from aegisd.core.policy.input import PolicyInput
from aegisd.core.policy.verdict import Verdict
from aegisd.core.proposal import Proposal, read
from aegisd.engine.checkpoints import Signing
from aegisd.engine.engine import Engine
from aegisd.ports import EventStore
from aegisd.rows import Document
from aegisd.rules_version import rules_version

TENANT = "bench"

# Calls of one append, and appends in flight: enough that the writer never waits.
CALLS_PER_APPEND = 100
APPENDS_IN_FLIGHT = 4

# Each call leaves itself and its decision in the log.
EVENTS_PER_CALL = 2


class Allowing:
    """A judge without rules: the log's size is what matters, not how it was judged."""

    rules_version = rules_version()
    generation = 0

    def evaluator(self) -> tuple[str, str]:
        """No engine."""
        return "none", "0"

    def capabilities(self, _manifest: str) -> Capabilities:
        """No manifest."""
        return NONE

    def renewed(self, bundle: bytes) -> bytes:
        """As it is."""
        return bundle

    def problem(self, _bundle: bytes) -> None:
        """None."""

    def judge(self, _bundle: str, _manifest: str, _policy_input: PolicyInput) -> Verdict:
        """Yes."""
        return Verdict(outcome="allow", reason="OK")

    def is_prompt(self, _bundle: str, _manifest: str) -> bool:
        """Always."""
        return True

    def on(self, _engine: str) -> "Allowing":
        """Itself."""
        return self

    def released(self, _bundle: str) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def bundle(self, _files: object) -> bytes:
        """An empty bundle."""
        return b'{"files":{}}'

    def keep(self, _document: Document) -> None:
        """Nothing to keep."""


def engine(store: EventStore, evidence: Signing | None = None) -> Engine:
    """The engine on a store, allowing everything; with `evidence` what it records is signed."""
    judge = Allowing()
    return compose.engine(store, judge, compose.configured(judge), on_fatal=print, signing=evidence)


def call(session: str) -> Proposal:
    """One tool call that the quickstart manifest allows."""
    return read(
        {
            "tenant_id": TENANT,
            "session_id": session,
            "event_type": "TOOL_CALL_PROPOSED",
            "payload": {"tool_name": "read_file", "args": {"path": "/workspace/notes.txt"}},
        }
    )


def calls(count: int, *, calls_per_session: int, prefix: str = "s") -> Iterator[Proposal]:
    """`count` calls in sessions of so many each, named `s0`, `s1`, … after the prefix."""
    return (call(f"{prefix}{number // calls_per_session}") for number in range(count))


async def append(
    to: Engine, proposals: Iterable[Proposal], advance: Callable[[int], object] = lambda _: None
) -> None:
    """Append them in order, and tell how many became durable since the last time."""
    waiting = iter(proposals)
    while True:
        parts = [
            part
            for _ in range(APPENDS_IN_FLIGHT)
            if (part := tuple(islice(waiting, CALLS_PER_APPEND)))
        ]
        if not parts:
            return
        await asyncio.gather(*(to.append(part) for part in parts))
        advance(sum(len(part) for part in parts))

"""Aegis in your own process: ask before a tool runs, and keep a log that shows every change.

    from aegis import Gate

    with Gate(manifest="manifests/quickstart.json") as gate:
        decision = gate.propose("read_file", {"path": "/workspace/notes.txt"})
        print(decision.outcome, decision.reason)  # allow OK

`Gate` is for plain code and threads, `AsyncGate` for code on an event loop. Both are the engine of
`aegisd`, without a server: the same rules, the same log, the same refusals.
"""

from aegis.decision import (
    ApprovalRequired,
    Decision,
    Denied,
    Preview,
    Receipt,
    Refused,
    TimedOut,
    UnmetCondition,
    Withheld,
)
from aegis.gate import AsyncGate, Gate
from aegis.session import AsyncSession, Session
from aegisd.core.decision import Reason
from aegisd.core.errors import AegisError, Unavailable

__all__ = (
    "AegisError",
    "ApprovalRequired",
    "AsyncGate",
    "AsyncSession",
    "Decision",
    "Denied",
    "Gate",
    "Preview",
    "Reason",
    "Receipt",
    "Refused",
    "Session",
    "TimedOut",
    "Unavailable",
    "UnmetCondition",
    "Withheld",
)

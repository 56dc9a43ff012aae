"""The gate as a library: the daemon's engine in its caller's own process, without a server.

`Library` runs on an event loop that exists; `LibraryThread` brings one on a thread of its own, for
callers that have none. Every call goes through the engine, as every request of the daemon does.
"""

from aegisd.compose import Manifest, Policy
from aegisd.core.decision import Decision
from aegisd.door.answer import (
    EventRecord,
    Receipt,
    SessionOpenedReceipt,
    SessionSnapshot,
    SessionVerification,
)
from aegisd.door.operator import ActReceipt
from aegisd.library.library import Library, Receipts
from aegisd.library.thread import LibraryThread
from aegisd.ports import EventReader

__all__ = (
    "ActReceipt",
    "Decision",
    "EventReader",
    "EventRecord",
    "Library",
    "LibraryThread",
    "Manifest",
    "Policy",
    "Receipt",
    "Receipts",
    "SessionOpenedReceipt",
    "SessionSnapshot",
    "SessionVerification",
)

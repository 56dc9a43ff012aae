"""The HTTP door over a log in memory and the real rules, asked like a server asks it."""

import asyncio
from functools import cache
from pathlib import Path
from typing import Self

import httpx
import msgspec
from starlette.types import Receive, Scope, Send

from aegisd import compose
from aegisd.core import capabilities
from aegisd.engine.checkpoints import Signing
from aegisd.engine.configured import Configured
from aegisd.http.app import app
from aegisd.rego import bundle
from aegisd.rego.engines import choose
from aegisd.rego.judge import RegoJudge
from aegisd.rego.shelter import Shelter
from aegisd.store.memory import MemoryStore

ROOT = Path(__file__).parent.parent.parent

MANIFEST: dict[str, object] = {
    "schema": "aegis.dev/manifest/v0.2",
    "name": "notes",
    "version": "1",
    "publisher": "tests",
    "tools": {
        "read_file": {"effects": ["read"], "risk": "low"},
        "think": {"risk": "low"},
        "ask_boss": {"risk": "low", "approval": True},
    },
    "fs": {"read_roots": ["/workspace"]},
    "budgets": {"steps": None, "tool_calls": None, "wall_time_ms": None},
}


class Clock:
    """Time that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now, self.jumped = 1_700_000_000_000, 0

    def now_ms(self) -> int:
        return self.now

    def elapsed_ms(self) -> int:
        return self.now - self.jumped

    def utc_offset_s(self, _zone: str, _now_ms: int) -> int:
        return 0


def judge_of(store: MemoryStore) -> RegoJudge:
    """The base rules on whichever engine is here: what a door does with a verdict is the same."""
    return RegoJudge(choose("auto"), Shelter(choose("auto")), _base(), store.document, "tests")


@cache
def _base() -> dict[str, str]:
    return bundle.load_directory(ROOT / "policies" / "aegis")


@cache
def _configured() -> Configured:
    """What every door starts with, checked once: that takes longer than most tests."""
    return compose.configured(judge_of(MemoryStore()), capabilities.from_value(MANIFEST))


class Door:
    """An engine and its door on an event loop of their own; every ask runs to its end."""

    def __init__(self, store: MemoryStore | None = None, evidence: Signing | None = None) -> None:
        self.runner = asyncio.Runner()
        self.store = store or MemoryStore()
        self.clock = Clock()
        self.fatal: list[str] = []
        self.engine = compose.engine(
            self.store,
            judge_of(self.store),
            _configured(),
            clock=self.clock,
            on_fatal=self.fatal.append,
            signing=evidence,
        )
        self.app = app(self.engine)
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://127.0.0.1:8080"
        )

    def __enter__(self) -> Self:
        self.runner.run(self.engine.start())
        return self

    def __exit__(self, *_: object) -> None:
        self.runner.run(self.client.aclose())
        self.runner.run(self.engine.stop())
        self.runner.close()

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """One request. `body` is encoded unless it is bytes."""
        data = body if isinstance(body, bytes) or body is None else msgspec.json.encode(body)
        return self.runner.run(self.client.request(method, path, content=data, headers=headers))

    def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection, message by message."""

        async def serve() -> None:
            await self.app(scope, receive, send)

        self.runner.run(serve())

    def get(self, path: str, **query: object) -> httpx.Response:
        """A GET with its query."""
        return self.ask("GET", str(httpx.URL(path, params={**query})))

    def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        """A POST; header names with `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", path, body, named)

    def record(self, *events: object) -> list[dict[str, object]]:
        """Record events one by one; their receipts."""
        receipts = []
        for event in events:
            answer = self.post("/v1/events", event)
            assert answer.status_code == 201, answer.text
            receipts.append(answer.json())
        return receipts


def event(
    event_type: str, payload: object, session: str = "s1", tenant: object = "acme", **more: object
) -> dict[str, object]:
    """An event request."""
    return {
        "tenant_id": tenant,
        "session_id": session,
        "event_type": event_type,
        "payload": payload,
        **more,
    }


def message(session: str = "s1", **more: object) -> dict[str, object]:
    """A user's words: recorded, never judged by the base rules."""
    return event("USER_MESSAGE", {"content": "hello"}, session, **more)


def call(tool: str = "think", session: str = "s1", **more: object) -> dict[str, object]:
    """A tool call; `think` is allowed."""
    payload = {"tool_name": tool, "args": more.pop("args", {})}
    if "call_id" in more:
        payload["call_id"] = more.pop("call_id")
    return event("TOOL_CALL_PROPOSED", payload, session, **more)

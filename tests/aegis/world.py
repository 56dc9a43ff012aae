"""What an author declares in these tests, and how they read the log back."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from aegisd.core.log.detached import Value, attach
from aegisd.ports import EventReader
from tests.patience import PATIENCE_S

MANIFEST: dict[str, object] = {
    "schema": "aegis.dev/manifest/v0.2",
    "name": "notes",
    "version": "1",
    "publisher": "tests",
    "tools": {
        "read_file": {"effects": ["read"], "risk": "low", "roles": {"path": "path"}},
        "think": {"risk": "low"},
        "ask_boss": {"risk": "low", "approval": True},
    },
    "fs": {"read_roots": ["/workspace"]},
    "budgets": {"steps": None, "tool_calls": None, "wall_time_ms": None},
    "constraints": {"timeout_ms": 30_000, "max_output_bytes": 1000},
}

WITHHOLD = """package aegis.rules

import rego.v1

deny contains {"message": "withheld"} if {
    input.event.type == "TOOL_RESULT"
}
"""


def declared(**constraints: int | None) -> dict[str, object]:
    """The manifest with other limits."""
    return {**MANIFEST, "constraints": constraints}


def told(reader: EventReader, session_id: str = "s1") -> list[tuple[str, object]]:
    """A session's events as (type, payload as it was sent), decisions as their outcome alone."""
    found = []
    for row in reader.session_events("local", session_id):
        payload = msgspec.json.decode(row.body)["payload"]
        if row.event_type == "POLICY_DECISION":
            payload = payload["outcome"]
        kept = reader.detached("local", row.position)
        beside = [Value(pointer=each.pointer, salt=each.salt, value=each.value) for each in kept]
        payload = attach(payload, beside)
        found.append((row.event_type, payload))
    return found


def run(story: Coroutine[Any, Any, object]) -> None:
    asyncio.run(asyncio.wait_for(story, PATIENCE_S))


class Ran:
    """A function that says whether it ran."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def named(self, name: str) -> Callable[[object], object]:
        def tool(value: object = None) -> object:
            self.calls.append(value)
            return value

        tool.__name__ = name
        return tool

    def named_async(self, name: str) -> Callable[[object], Coroutine[Any, Any, object]]:
        async def tool(value: object = None) -> object:
            self.calls.append(value)
            return value

        tool.__name__ = name
        return tool

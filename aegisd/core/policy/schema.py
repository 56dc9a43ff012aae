"""The shape of everything a rule may read: the policy input and `data.manifest`.

Data only. Load checks hold policies to it, so that a rule with a misspelt path does not load
instead of never firing; `policy.input` and `manifest.normal_form` are held to it by tests.
"""

from collections.abc import Mapping
from enum import Enum
from typing import TypeAlias

from msgspec import Struct

# A closed object is a mapping from its fields; every other node is one of the markers below.
Schema: TypeAlias = "Mapping[str, Schema] | ListOf | MapOf | Leaf"


class Leaf(Enum):
    """A node with nothing known below it."""

    SCALAR = "scalar"
    """A string, number, boolean or null: nothing lies below it."""
    FREE = "free"
    """Any JSON value: a caller's payload, a tool's arguments."""


class ListOf(Struct, frozen=True):
    """A list whose items all have one shape."""

    item: Schema


class MapOf(Struct, frozen=True):
    """An object whose keys are data, such as the names of tools."""

    value: Schema


_TEXT = _NUMBER = _BOOLEAN = Leaf.SCALAR

INPUT_SCHEMA: Mapping[str, Schema] = {
    "agent": {"allowed": _NUMBER, "denied": _NUMBER, "id": _TEXT},
    "call": {
        "approval": _BOOLEAN,
        "args": Leaf.FREE,
        "args_errors": ListOf({"rule": _TEXT, "where": _TEXT}),
        "args_typed": _BOOLEAN,
        "commands": ListOf(
            {
                "args": ListOf(_TEXT),
                "binary": _TEXT,
                "unmatched": ListOf(_TEXT),
                "where": _TEXT,
            }
        ),
        "declared": _BOOLEAN,
        "effects": ListOf(_TEXT),
        "hosts": ListOf(
            {"host": _TEXT, "kind": _TEXT, "port": _NUMBER, "scheme": _TEXT, "where": _TEXT}
        ),
        "paths": ListOf({"access": _TEXT, "path": _TEXT, "where": _TEXT}),
        "problems": ListOf({"code": _TEXT, "target": _TEXT, "where": _TEXT}),
        "risk": _TEXT,
        "roles": MapOf(_TEXT),
        "server": _TEXT,
        "tool": _TEXT,
    },
    "event": {
        "agent_id": _TEXT,
        "payload": Leaf.FREE,
        "seq": _NUMBER,
        "session_id": _TEXT,
        "tenant_id": _TEXT,
        "type": _TEXT,
        "user_id": _TEXT,
    },
    "snapshot": {
        "model_calls_consumed": _NUMBER,
        "steps_consumed": _NUMBER,
        "terminated": _BOOLEAN,
        "tool_calls_consumed": _NUMBER,
        "wall_time_ms": _NUMBER,
    },
    "tenant": {"allowed": _NUMBER, "denied": _NUMBER, "sessions": _NUMBER},
    "time": {"date": _TEXT, "minute_of_day": _NUMBER, "now_ms": _NUMBER, "weekday": _NUMBER},
}

MANIFEST_SCHEMA: Mapping[str, Schema] = {
    "budgets": {
        "model_calls": _NUMBER,
        "steps": _NUMBER,
        "tool_calls": _NUMBER,
        "wall_time_ms": _NUMBER,
    },
    "constraints": {"max_output_bytes": _NUMBER, "timeout_ms": _NUMBER},
    "exec": {"binaries": ListOf(_TEXT)},
    "fs": {"read_roots": ListOf(_TEXT), "write_roots": ListOf(_TEXT)},
    "name": _TEXT,
    "net": {"domains": ListOf(_TEXT)},
    "publisher": _TEXT,
    "registered": _BOOLEAN,
    "sandbox": {"image": _TEXT, "mounts": ListOf(_TEXT), "required": _BOOLEAN},
    "tools": MapOf(
        {
            "approval": _BOOLEAN,
            "effects": ListOf(_TEXT),
            "risk": _TEXT,
            "roles": MapOf(_TEXT),
            "server": _TEXT,
            "typed": _BOOLEAN,
        }
    ),
    "version": _TEXT,
    "zone": _TEXT,
}

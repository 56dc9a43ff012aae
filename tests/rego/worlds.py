"""A manifest, a proposal and the base rules, for tests to bend one thing at a time."""

import copy
import json
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from typing import Any  # JSON of any shape, on purpose: wrong types are what is tested.

from aegisd import resources
from aegisd.core.log.canonical import encode
from aegisd.ports import Program
from aegisd.rego import bundle
from aegisd.rego.engines import choose

# Who judges below: the fixture `engine` goes through all there are.
ENGINE: ContextVar[str] = ContextVar("ENGINE", default="regopy")

MANIFEST: dict[str, Any] = {
    "budgets": {"model_calls": 2, "steps": 24, "tool_calls": 12, "wall_time_ms": 120_000},
    "constraints": {"max_output_bytes": None, "timeout_ms": 30_000},
    "exec": {"binaries": ["git", "ls"]},
    "fs": {"read_roots": ["/workspace", "."], "write_roots": ["/workspace/out"]},
    "name": "test",
    "net": {"domains": ["api.example.com", "*.example.org", "192.0.2.7"]},
    "publisher": "tests",
    "registered": True,
    "sandbox": {"image": "", "mounts": [], "required": False},
    "tools": {
        "tool": {
            "approval": False,
            "effects": ["delete", "exec", "net", "read", "write"],
            "risk": "low",
            "roles": {},
            "server": "",
            "typed": True,
        },
        "bound": {
            "approval": False,
            "effects": [],
            "risk": "low",
            "roles": {},
            "server": "files",
            "typed": True,
        },
    },
    "version": "1",
    "zone": "UTC",
}

INPUT: dict[str, Any] = {
    "agent": {"allowed": 1, "denied": 0, "id": "a"},
    "call": {
        "approval": False,
        "args": {"url": "https://api.example.com"},
        "args_errors": [],
        "args_typed": True,
        "commands": [{"args": ["log"], "binary": "git", "unmatched": [], "where": "/args/command"}],
        "declared": True,
        "effects": ["delete", "exec", "net", "read", "write"],
        "hosts": [
            {
                "host": "api.example.com",
                "kind": "name",
                "port": 443,
                "scheme": "https",
                "where": "/args/url",
            }
        ],
        "paths": [{"access": "write", "path": "/workspace/out/a", "where": "/args/path"}],
        "problems": [],
        "risk": "low",
        "roles": {},
        "server": "",
        "tool": "tool",
    },
    "event": {
        "agent_id": "a",
        "payload": {"call_id": "c1", "tool_name": "tool"},
        "seq": 1,
        "session_id": "s",
        "tenant_id": "t",
        "type": "TOOL_CALL_PROPOSED",
        "user_id": "u",
    },
    "snapshot": {
        "model_calls_consumed": 0,
        "steps_consumed": 1,
        "terminated": False,
        "tool_calls_consumed": 1,
        "wall_time_ms": 10,
    },
    "tenant": {"allowed": 1, "denied": 0, "sessions": 1},
    "time": {"date": "2026-01-05", "minute_of_day": 600, "now_ms": 1, "weekday": 1},
}

# Takes the value at a path away.
GONE = object()


def bent(document: Mapping[str, Any], **changes: object) -> dict[str, Any]:
    """A copy with the values at `a__b__0__c` paths replaced, or taken away by `GONE`."""
    copied = copy.deepcopy(dict(document))
    for path, value in changes.items():
        node: Any = copied
        *above, last = [int(step) if step.isdigit() else step for step in path.split("__")]
        for step in above:
            node = node[step]
        if value is GONE:
            del node[last]
        else:
            node[last] = value
    return copied


@cache
def base_files() -> dict[str, str]:
    """The base rules by path."""
    return bundle.load_directory(resources.policies() / "aegis")


def compiled(manifest: object, operator_files: Mapping[str, str] | None = None) -> Program:
    """The base rules, with an operator's, compiled with a manifest."""
    body = bundle.build(operator_files or {}, base_files())
    return choose(ENGINE.get()).compile(body, encode(manifest))


@cache
def _kept(engine: str, manifest: bytes) -> Program:
    return choose(engine).compile(bundle.build({}, base_files()), manifest)


def judged(document: object, manifest: object = MANIFEST) -> dict[str, Any]:
    """What the base rules say about an input."""
    output = _kept(ENGINE.get(), encode(manifest)).evaluate(encode(document))
    decoded: dict[str, Any] = json.loads(output)
    return decoded


def codes(document: object, manifest: object = MANIFEST) -> set[str]:
    """The reason codes of the base rules' denials."""
    return {reason["code"] for reason in judged(document, manifest)["deny"]}

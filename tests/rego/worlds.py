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
from drills.differential import inputs

# Who judges below: the fixture `engine` goes through all there are.
ENGINE: ContextVar[str] = ContextVar("ENGINE", default="regopy")

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


_EFFECTS = ["delete", "exec", "message", "net", "read", "write"]

MANIFEST: dict[str, Any] = bent(
    inputs.MANIFEST,
    name="test",
    publisher="tests",
    tools__tool__effects=_EFFECTS,
    tools__tool__roles={},
    tools__bound={
        **inputs.MANIFEST["tools"]["tool"],
        "effects": [],
        "roles": {},
        "server": "files",
    },
)

INPUT: dict[str, Any] = bent(
    inputs.INPUT,
    call__args={"url": "https://api.example.com"},
    call__effects=_EFFECTS,
    call__roles={},
)


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

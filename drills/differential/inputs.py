"""Policy inputs and manifests that nobody would send: well-shaped ones, bent at any place.

All of it follows from the `random.Random` that is passed in, so a seed names an input.
"""

import copy
from collections.abc import Iterator
from random import Random
from typing import Any, TypeAlias

import msgspec
from msgspec import Raw

from aegisd.core.manifest.model import (
    Budgets,
    Constraints,
    ExecForm,
    FileSystem,
    Net,
    NormalForm,
    Sandbox,
    ToolForm,
)
from aegisd.core.policy.input import (
    Agent,
    Call,
    Command,
    Event,
    RuleInput,
    Snapshot,
    Tenant,
    Time,
)
from aegisd.core.target.model import Host, PathTarget, Recipient

# JSON of any shape, on purpose: what has a wrong shape is what is made here.
Json: TypeAlias = Any

# How often, in percent, a document stays as it is: agreement on the ordinary matters as well.
UNBENT_PERCENT = 10

# Bends of one document. With more, most documents fall at their first rule.
BENDS_MAX = 5

# Items of the largest list: a call that names hundreds of hosts is judged like any other.
ITEMS_MAX = 300

# Built of the structs that core encodes, so that a field no sample has is an error of types.
_encode = msgspec.json.Encoder(order="sorted").encode


def _spelled(value: object) -> Raw:
    return Raw(msgspec.json.encode(value))


_EFFECTS = ("delete", "exec", "net", "read", "spend", "write")

MANIFEST: dict[str, Json] = msgspec.json.decode(
    _encode(
        NormalForm(
            registered=True,
            name="differential",
            version="1",
            publisher="conformance",
            zone="UTC",
            tools={
                "tool": ToolForm(
                    effects=_EFFECTS,
                    risk="low",
                    typed=True,
                    approval=False,
                    server="",
                    roles={"url": "url"},
                )
            },
            fs=FileSystem(read_roots=("/workspace", "."), write_roots=("/workspace/out",)),
            net=Net(domains=("api.example.com", "*.example.org", "192.0.2.7")),
            exec=ExecForm(binaries=("git", "ls")),
            budgets=Budgets(model_calls=2),
            constraints=Constraints(max_output_bytes=None),
            sandbox=Sandbox(),
            recipients={"*": ("42",), "to": ("ann@acme.dev", "@acme.org")},
        )
    )
)

_CALL = Call(
    approval=False,
    args=_spelled({"a": "hello", "b": "he", "amount": 7}),
    args_errors=(),
    args_typed=True,
    commands=(Command(args=("log",), binary="git", unmatched=(), where="/args/command"),),
    declared=True,
    effects=_EFFECTS,
    hosts=(Host(host="api.example.com", kind="name", port=443, scheme="https", where="/args/url"),),
    paths=(PathTarget(path="/workspace/out/a", access="write", where="/args/path"),),
    problems=(),
    recipients=(
        Recipient(recipient="ann@acme.dev", domain="@acme.dev", field="to", where="/args/to"),
    ),
    risk="low",
    roles=_spelled({"url": "url"}),
    server="",
    tool="tool",
)

INPUT: dict[str, Json] = msgspec.json.decode(
    _encode(
        RuleInput(
            agent=_spelled(Agent(allowed=1, denied=0, id="a")),
            call=_CALL,
            event=Event(
                agent_id="a",
                payload={"call_id": "c1", "tool_name": "tool"},
                seq=1,
                session_id="s",
                tenant_id="t",
                type="TOOL_CALL_PROPOSED",
                user_id="u",
            ),
            snapshot=Snapshot(steps_consumed=1, tool_calls_consumed=1, wall_time_ms=10),
            tenant=_spelled(Tenant(allowed=1, denied=0, sessions=1)),
            time=Time(date="2026-01-05", minute_of_day=600, now_ms=1, weekday=1),
        )
    )
)

TYPES = (
    "TOOL_CALL_PROPOSED",
    "MODEL_CALL_STARTED",
    "MEMORY_WRITE",
    "HANDOFF_REQUESTED",
    "USER_MESSAGE",
    "MODEL_CALL_FINISHED",
    "TOOL_RESULT",
    "MEMORY_READ",
)

# What the rules look for, and what is nearly that.
WORDS = (
    *TYPES, *("net", "exec", "read", "write", "delete", "spend", "message", "low", "critical"),
    *("host", "path", "command", "name", "ipv4", "git", "GIT", "ls", "*", "*.", ".", "..", "/"),
    *("api.example.com", "API.EXAMPLE.COM", "x.example.org", ".example.org", "example.org"),
    *("ann@acme.dev", "@acme.org", "to", "recipient"),
    *("192.0.2.7", "/workspace", "/workspace/out", "/workspace/../etc", "vault", "a", ""),
)  # fmt: skip

# Letters that engines stumble over: escapes, marks that combine, letters whose lower case is longer
# or depends on what follows, and characters beyond the first plane.
LETTERS = 'ab/.*%{}[]"\\\n\t\r\b\f\0\x01\x1f\x7f'
LETTERS += "\u00e9\u0130\u03a3\u1e9e\u0301\u2028\ufeff\uffff\U0001f600"

NUMBERS = (
    *(0, 1, -1, 2, 23, 24, 25, 100, 101, 600, 2**31, 2**32 + 1, 2**53 - 1, -(2**53) + 1),
    *(0.5, 1.5, -0.1, 0.1, 22.5, 1e-7, 123456.789, 120000.5, 99.875),
)

# Numbers that one engine or the other does not hold: see docs/ENGINES.md.
EXTREMES = (1e21, -1e300, 1.7976931348623157e308, 5e-324, 99.99999999999999)


def policy_input(random: Random) -> dict[str, Json]:
    """A policy input, its sections objects as every engine is promised, all below bent."""
    document = copy.deepcopy(INPUT)
    kind = random.choice(TYPES) if random.random() < 0.4 else "TOOL_CALL_PROPOSED"  # noqa: PLR2004
    document["event"]["type"] = kind
    if kind != "TOOL_CALL_PROPOSED":
        del document["call"]
    elif random.random() < 0.5:  # noqa: PLR2004 - every other call
        document["call"]["args"] = {"a": value(random, 2), "b": value(random, 2)}
    _bend(document, random)
    return document


def manifest(random: Random) -> dict[str, Json]:
    """The data of a manifest: other values of the same types, as core makes no others."""
    document = copy.deepcopy(MANIFEST)
    places = list(_places(document, 0))
    for node, key in random.sample(places, random.randint(1, BENDS_MAX)):
        kept = node[key]
        if isinstance(kept, bool):
            node[key] = not kept
        elif isinstance(kept, str):
            node[key] = random.choice(WORDS)
        elif kept is None or isinstance(kept, int):
            node[key] = random.choice((None, 0, 1, 100, 2**53 - 1))
        elif isinstance(kept, list):
            node[key] = [random.choice(WORDS) for _ in range(random.randint(0, 3))]
    return document


def _bend(document: dict[str, Json], random: Random) -> None:
    if random.randrange(100) < UNBENT_PERCENT:
        return
    for _ in range(random.randint(1, BENDS_MAX)):
        node, key = random.choice(list(_places(document, 1)))
        random.choice(_BENDS)(node, key, random)


def value(random: Random, depth: int) -> Json:
    """Any JSON value, `depth` levels of lists and objects at most."""
    kind = random.randrange(10)
    if kind < 4 or depth == 0:  # noqa: PLR2004 - of ten values four are text
        return text(random)
    if kind < 7:  # noqa: PLR2004 - and three are numbers
        return number(random)
    if kind == 7:  # noqa: PLR2004
        return random.choice((None, True, False))
    if kind == 8:  # noqa: PLR2004
        return [value(random, depth - 1) for _ in range(random.randint(0, 3))]
    return {text(random): value(random, depth - 1) for _ in range(random.randint(0, 3))}


def text(random: Random) -> str:
    """A word the rules know, or letters."""
    if random.random() < 0.5:  # noqa: PLR2004 - either
        return random.choice(WORDS)
    return "".join(random.choice(LETTERS) for _ in range(random.randint(0, 6)))


def number(random: Random) -> int | float:
    """A whole number or a fraction; one in fifty past what an engine holds."""
    if random.randrange(50) == 0:
        return random.choice(EXTREMES)
    return random.choice(NUMBERS)


def _places(node: Json, keep: int) -> Iterator[tuple[Json, Json]]:
    """Every list or object with a key of it, `keep` levels down and below."""
    keys = list(node) if isinstance(node, dict) else range(len(node))
    for key in keys:
        if keep == 0:
            yield node, key
        if isinstance(node[key], dict | list):
            yield from _places(node[key], max(keep - 1, 0))


def _replace(node: Json, key: Json, random: Random) -> None:
    node[key] = value(random, 3)


def _respell(node: Json, key: Json, random: Random) -> None:
    """Something of the same type, so that it is the value that is judged."""
    if isinstance(node[key], str):
        node[key] = text(random)
    elif isinstance(node[key], int | float):
        node[key] = number(random)
    else:
        _replace(node, key, random)


def _remove(node: Json, key: Json, _random: Random) -> None:
    del node[key]


def _wrap(node: Json, key: Json, random: Random) -> None:
    for _ in range(random.randint(1, 20)):
        node[key] = [node[key]] if random.randrange(2) else {text(random): node[key]}


def _grow(node: Json, key: Json, random: Random) -> None:
    """A list of many, the last of them different."""
    few = random.randrange(10) > 0
    items = random.randint(2, 4) if few else random.randint(5, ITEMS_MAX)
    first = node[key][0] if isinstance(node[key], list) and node[key] else value(random, 2)
    node[key] = [copy.deepcopy(first) for _ in range(items)]
    node[key][-1] = value(random, 2)


def _empty(node: Json, key: Json, random: Random) -> None:
    node[key] = random.choice(([], {}, "", 0, None, False))


_BENDS = (_replace, _respell, _respell, _respell, _remove, _wrap, _grow, _empty)

"""The table of every event type: each is declared in its own room, and nowhere else."""

from collections.abc import Mapping
from itertools import chain

from aegisd.core import (
    activation,
    call,
    clock,
    custody,
    decision,
    handoff,
    lifetime,
    memory,
    message,
)
from aegisd.core.errors import ReservedEventType, UnknownEventType
from aegisd.core.nearest import nearest
from aegisd.core.shapes.declaration import Declaration
from aegisd.core.shapes.payload import AgentPayload, read

DECLARATIONS: Mapping[str, Declaration] = {
    declared.event_type: declared
    for declared in chain(
        message.EVENTS,
        call.EVENTS,
        memory.EVENTS,
        handoff.EVENTS,
        lifetime.EVENTS,
        decision.EVENTS,
        activation.EVENTS,
        custody.EVENTS,
        clock.EVENTS,
    )
}

# What agents may write, with the closed payload of each.
AGENT_EVENTS: Mapping[str, type[AgentPayload]] = {
    name: declared.payload
    for name, declared in DECLARATIONS.items()
    if issubclass(declared.payload, AgentPayload)
}
DAEMON_EVENTS = tuple(name for name in DECLARATIONS if name not in AGENT_EVENTS)

# Each costs a step and needs a manifest.
JUDGED = frozenset(name for name, declared in DECLARATIONS.items() if declared.judged)

# Judged for release, and only where an operator's rule names the type.
RELEASED = frozenset(name for name, declared in DECLARATIONS.items() if declared.released)

# What the daemon says about an event, right behind it and in the same commit.
CONSEQUENCES = frozenset(name for name, declared in DECLARATIONS.items() if declared.consequence)

# Names of versions to come that only the daemon will write: no agent may.
_RESERVED_PREFIXES = ("APPROVAL_", "GRANT_", "LEASE_", "QUARANTINE_")
_RESERVED = frozenset(
    {"FINDINGS_RECORDED", "TAINT_DECLASSIFIED", "TOOL_PINNED", "BUDGET_SET", "RATE_LIMITED"}
)


def check_payload(event_type: str, payload: object) -> AgentPayload:
    """Read an agent's payload as its closed type.

    Raises `UnknownEventType`, `ReservedEventType`, `UnknownField`, `UnsupportedField` or
    `InvalidField`; nothing of the payload's values is repeated in a message.
    """
    shape, declared = AGENT_EVENTS.get(event_type), DECLARATIONS.get(event_type)
    if shape is None or declared is None:
        if declared or event_type in _RESERVED or event_type.startswith(_RESERVED_PREFIXES):
            raise ReservedEventType(f"{event_type} is written by the daemon only")
        raise UnknownEventType(
            f"not an event type of the log; the nearest is {nearest(event_type, AGENT_EVENTS)}"
        )
    if payload is None and declared.nullable:
        return shape()
    event = read(payload, shape, event_type)
    if declared.check is not None:
        declared.check(event)
    return event

"""An event as a fold sees it."""

from collections.abc import Mapping

from msgspec import Struct

from aegisd.core.shapes.declaration import Declaration
from aegisd.core.shapes.identifier import call_id_of


class Cause(Struct, frozen=True, kw_only=True):
    """The newest event that the daemon's consequences may be about."""

    event_type: str
    call_id: str
    judged: bool


class Fact(Struct, frozen=True, kw_only=True):
    """One event: where it stands, its payload decoded, and its declaration.

    `fields` are the payload's members, none of one that is no object. `declared` is None for an
    event type that this build does not know. `cause` is what a consequence behind it would be
    about; None for such a type, and for a consequence. `is_judged` tells that the event costs a
    step, and `now_ms` is the daemon's clock, where the daemon wrote the event.
    """

    position: int
    session_id: str
    seq: int
    hash: bytes
    event_type: str
    agent_id: str | None
    payload: object
    fields: Mapping[str, object]
    declared: Declaration | None
    cause: Cause | None
    is_consequence: bool
    is_judged: bool
    now_ms: int | None


def read(
    *,
    position: int,
    session_id: str,
    seq: int,
    event_hash: bytes,
    event_type: str,
    agent_id: str | None,
    payload: object,
    declared: Declaration | None,
) -> Fact:
    """An event with a decoded payload, as a fold sees it. Total: any payload is read."""
    fields: Mapping[str, object] = payload if isinstance(payload, dict) else {}
    is_consequence = declared is not None and declared.consequence
    return Fact(
        position=position,
        session_id=session_id,
        seq=seq,
        hash=event_hash,
        event_type=event_type,
        agent_id=agent_id,
        payload=payload,
        fields=fields,
        declared=declared,
        cause=None if declared is None or is_consequence else _cause(declared, payload, seq),
        is_consequence=is_consequence,
        is_judged=declared is not None and declared.judged,
        now_ms=None if declared is None else _now_ms(declared, fields),
    )


def _cause(declared: Declaration, payload: object, seq: int) -> Cause:
    return Cause(
        event_type=declared.event_type,
        call_id=call_id_of(payload, seq),
        judged=declared.judged,
    )


def _now_ms(declared: Declaration, fields: Mapping[str, object]) -> int | None:
    if declared.writer != "daemon":
        return None
    now_ms = fields.get(declared.time)
    return now_ms if isinstance(now_ms, int) else 0

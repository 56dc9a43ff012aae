"""What several resources answer with: heads, receipts, decisions, and their JSON bytes."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Raw, Struct
from starlette.responses import Response

from aegisd.core.log.canonical import encode as canonical
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.policy.verdict import Verdict
from aegisd.engine.work import Answer
from aegisd.ports import SessionHead

_REASON = {
    "type": "object",
    "required": ["code", "message", "rule", "where"],
    "properties": {name: {"type": "string"} for name in ("code", "message", "rule", "where")},
}
_TYPED = {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}

Reasons = Annotated[Raw, Meta(extra_json_schema={"type": "array", "items": _REASON})]
TypedList = Annotated[Raw, Meta(extra_json_schema={"type": "array", "items": _TYPED})]
Named = Annotated[Raw, Meta(extra_json_schema={"type": "object"})]

_encoder = msgspec.json.Encoder()


class Head(Struct, frozen=True, kw_only=True):
    """The newest event of a session. `seq` counts from 0; `hash` is hex SHA-256."""

    seq: int
    hash: str


class Decision(Struct, frozen=True, kw_only=True):
    """What was decided. Only `allow` allows; `reasons` are in the order of their precedence."""

    outcome: Literal["allow", "deny", "require_approval"]
    reason: str
    reasons: Reasons
    constraints: Named
    obligations: TypedList
    advice: TypedList


class Receipt(Struct, frozen=True, kw_only=True):
    """One recorded event: where it stands, and the decision where one was asked for.

    `seq` counts the session's events, `position` the tenant's; `call_id` is null where the event is
    about no call, `decision` where nothing judges it. `head` is the session's after the event.
    """

    seq: int
    position: int
    hash: str
    call_id: str | None
    session_id: str
    decision: Decision | None
    head: Head


class _DecisionEnvelope(Struct, frozen=True):
    """The part of a stored POLICY_DECISION that is answered."""

    payload: Decision


_decode_decision = msgspec.json.Decoder(_DecisionEnvelope).decode


def receipt(answer: Answer) -> Receipt:
    """A receipt, from stored bytes alone: the answer to a retry is equal byte for byte."""
    event, decided = answer.event, answer.decision
    return Receipt(
        seq=event.seq,
        position=event.position,
        hash=event.hash.hex(),
        call_id=answer.call_id,
        session_id=event.session_id,
        decision=None if decided is None else _decode_decision(decided.body).payload,
        head=head(decided or event),
    )


def head(event: StoredEvent | SessionHead) -> Head:
    """The place and hash of one event."""
    return Head(seq=event.seq, hash=event.hash.hex())


def decision(verdict: Verdict) -> Decision:
    """A verdict that was not recorded, in the form of those that were."""
    return Decision(
        outcome=verdict.outcome,
        reason=verdict.reason,
        reasons=Raw(canonical([msgspec.to_builtins(reason) for reason in verdict.reasons])),
        constraints=Raw(canonical(verdict.constraints)),
        obligations=Raw(canonical(verdict.obligations)),
        advice=Raw(canonical(verdict.advice)),
    )


def line(value: object) -> bytes:
    """JSON bytes with a newline, so that a terminal's prompt starts on a line of its own."""
    return _encoder.encode(value) + b"\n"


def answer(value: object, status: int = 200, *, replayed: bool = False) -> Response:
    """A JSON answer of everything but the hot route."""
    headers = {"Idempotency-Replayed": "true"} if replayed else None
    return Response(line(value), status, headers, media_type="application/json")

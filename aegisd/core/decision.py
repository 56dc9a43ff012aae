"""What was decided about an event, with all that is needed to decide it again."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from aegisd.core.shapes.declaration import Declaration

Outcome = Literal["allow", "deny", "require_approval"]

DECISION = "POLICY_DECISION"

_REASON = {
    "type": "object",
    "required": ["code", "message", "rule", "where"],
    "properties": {name: {"type": "string"} for name in ("code", "message", "rule", "where")},
}
_TYPED = {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}

Reasons = Annotated[Raw, Meta(extra_json_schema={"type": "array", "items": _REASON})]
TypedList = Annotated[Raw, Meta(extra_json_schema={"type": "array", "items": _TYPED})]
Named = Annotated[Raw, Meta(extra_json_schema={"type": "object"})]


class Reason(Struct, frozen=True, kw_only=True):
    """Why. `where` is a JSON pointer into the payload, or empty."""

    code: str
    message: str
    rule: str
    where: str


class Decision(Struct, frozen=True, kw_only=True):
    """What was decided. Only `allow` allows; `reasons` are in the order of their precedence."""

    outcome: Outcome
    reason: str
    reasons: Reasons
    constraints: Named
    obligations: TypedList
    advice: TypedList


class EvaluatorRecord(Struct, frozen=True, kw_only=True):
    """Which engine judged. `fault` is absent, or `error`, `nonsense` or `timeout`."""

    fault: str | UnsetType = UNSET
    name: str
    version: str


class PolicyDecision(Struct, frozen=True, kw_only=True):
    """Daemon: what was decided about the event before it, and all that is needed to decide again.

    Digests are SHA-256 in hex; `manifest` is empty where none was registered. `facts` are exactly
    what was read across sessions. Times are milliseconds since the Unix epoch; the offset is
    seconds east of UTC. `clock_off_ms` is there where the daemon's clock was too far off to judge
    what depends on time, ahead or, negative, behind; `clock_stepped_ms` where operators put it
    back, and tells how far in all. What is also a `Decision`'s is in canonical JSON, as it is
    answered.
    """

    advice: Raw
    bundle: str
    call_id: str
    clock_off_ms: int | UnsetType = UNSET
    clock_stepped_ms: int | UnsetType = UNSET
    constraints: Raw
    evaluator: EvaluatorRecord
    facts: Raw
    input_sha256: str
    manifest: str
    now_ms: int
    obligations: Raw
    outcome: Outcome
    reason: str
    reasons: Raw
    reserved: Raw
    rules_version: str
    utc_offset_s: int


EVENTS = (
    Declaration(
        event_type=DECISION,
        payload=PolicyDecision,
        writer="daemon",
        consequence=True,
        documents={"manifest": "manifest", "bundle": "bundle"},
        shown=("outcome", "reason", "call_id"),
    ),
)

"""Calls: what an agent asks to do, what it is answered, and what comes of it."""

from collections.abc import Mapping

from msgspec import UNSET, Struct, UnsetType, field
from msgspec.structs import replace

from aegisd.core.decision import DECISION
from aegisd.core.errors import InvalidField
from aegisd.core.ledger import Ledger
from aegisd.core.shapes.declaration import EVERY_CALL, Declaration
from aegisd.core.shapes.fact import Cause, Fact
from aegisd.core.shapes.identifier import Id, call_id_of
from aegisd.core.shapes.payload import AgentPayload, Count, Free, Message, Name

# ── events ───────────────────────────────────────────────────────────────────────────────────────


class Usage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model call consumed, as its caller reports it. Money in millionths of a US dollar."""

    input_tokens: Count | UnsetType = UNSET
    output_tokens: Count | UnsetType = UNSET
    cost_usd_micros: Count | UnsetType = UNSET


class Estimate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a call is expected to cost. A claim: recorded and shown to operators' rules."""

    usd_micros: Count | UnsetType = UNSET
    tokens: Count | UnsetType = UNSET


class ModelCallStarted(AgentPayload, frozen=True, kw_only=True):
    """The agent asks to call a model. Judged."""

    model: Name
    call_id: Id | UnsetType = UNSET
    provider: Name | UnsetType = UNSET
    purpose: Message | UnsetType = UNSET
    complexity: Name | UnsetType = UNSET
    max_tokens: Count | UnsetType = UNSET
    prompt_tokens: Count | UnsetType = UNSET


class ModelCallFinished(AgentPayload, frozen=True, kw_only=True):
    """A model answered."""

    call_id: Id
    finish_reason: Name | UnsetType = UNSET
    content: object = UNSET
    usage: Usage | UnsetType = UNSET
    latency_ms: Count | UnsetType = UNSET


class ToolCallProposed(AgentPayload, frozen=True, kw_only=True):
    """The agent asks to call a tool. Judged. Without `call_id` the server names it `c<seq>`."""

    tool_name: Name
    args: Free = field(default_factory=dict)
    call_id: Id | UnsetType = UNSET
    server: Name | UnsetType = UNSET
    estimate: Estimate | UnsetType = UNSET


class ToolCallExecuted(AgentPayload, frozen=True, kw_only=True):
    """The PEP started the call. `started_ms` is its clock's milliseconds since the Unix epoch."""

    call_id: Id
    started_ms: Count | UnsetType = UNSET


class ToolResult(AgentPayload, frozen=True, kw_only=True):
    """The tool answered: exactly one of `content` (text for the model) and `result` (a record)."""

    call_id: Id
    content: object = UNSET
    result: object = UNSET
    is_error: bool = False
    usage: Usage | UnsetType = UNSET
    latency_ms: Count | UnsetType = UNSET


class ErrorRaised(AgentPayload, frozen=True, kw_only=True):
    """Something failed at the agent or the PEP. With `call_id`, that call is over."""

    code: Name
    message: Message
    fatal: bool = False
    call_id: Id | UnsetType = UNSET


def _check_answer(payload: Struct) -> None:
    if isinstance(payload, ToolResult) and (payload.content is UNSET) == (payload.result is UNSET):
        raise InvalidField(
            "payload of TOOL_RESULT: expected exactly one of content and result", field="payload"
        )


EVENTS = (
    Declaration(
        event_type="MODEL_CALL_STARTED",
        payload=ModelCallStarted,
        judged=True,
        subject="model",
        shown=("model", "call_id"),
    ),
    Declaration(
        event_type="MODEL_CALL_FINISHED",
        payload=ModelCallFinished,
        released=True,
        settles=("MODEL_CALL_STARTED",),
        content=("content",),
        shown=("call_id", "finish_reason", "usage"),
    ),
    Declaration(
        event_type="TOOL_CALL_PROPOSED",
        payload=ToolCallProposed,
        judged=True,
        subject="tool_name",
        shown=("tool_name", "call_id", "args"),
    ),
    Declaration(
        event_type="TOOL_CALL_EXECUTED",
        payload=ToolCallExecuted,
        shown=("call_id",),
    ),
    Declaration(
        event_type="TOOL_RESULT",
        payload=ToolResult,
        released=True,
        check=_check_answer,
        settles=("TOOL_CALL_PROPOSED",),
        content=("content", "result"),
        shown=("call_id", "content", "result"),
    ),
    Declaration(
        event_type="ERROR_RAISED",
        payload=ErrorRaised,
        settles=(EVERY_CALL,),
        shown=("code", "message", "call_id"),
    ),
)

# ── state ────────────────────────────────────────────────────────────────────────────────────────

# Where a call stands: proposed, then its decision's outcome, then settled once an allowed call's
# result or error came.
PROPOSED, ALLOWED, SETTLED = "proposed", "allow", "settled"


class Call(Struct, frozen=True, array_like=True):
    """A call: the event type that asked for it, where it stands, and its tool while it is open."""

    event_type: str
    status: str
    tool: str | None = None


class Calls(Struct, frozen=True, kw_only=True):
    """The calls of a session by their ids.

    `violations` counts results and starts of calls that nobody allowed.
    """

    known: Ledger[Call] = Ledger()
    violations: int = 0

    def get(self, call_id: str) -> Call | None:
        """The call with an id; None for an id never used."""
        return self.known.get(call_id)

    def open(self) -> list[tuple[str, Call]]:
        """The calls that were allowed and have no result yet, by id."""
        return [each for each in self.known.items() if each[1].status == ALLOWED]

    def settled_by(
        self, declared: Declaration | None, payload: Mapping[str, object]
    ) -> tuple[str, Call] | None:
        """The open allowed call that an event settles, and its id.

        None where it settles none: another kind of call, one that nobody allowed or that is closed.
        """
        call_id = payload.get("call_id")
        call = self.known.get(call_id) if isinstance(call_id, str) else None
        if declared is None or call is None or call.status != ALLOWED:
            return None
        if EVERY_CALL not in declared.settles and call.event_type not in declared.settles:
            return None
        return str(call_id), call

    def tool_of(self, payload: Mapping[str, object]) -> str | None:
        """The tool that an answer is of; None where it is of no open call to a tool."""
        call_id = payload.get("call_id")
        call = self.known.get(call_id) if isinstance(call_id, str) else None
        return None if call is None else call.tool

    def fold(self, event: Fact, cause: Cause | None) -> "Calls":
        """One more event of the session."""
        if event.is_judged:
            return self._proposed(event)
        if event.event_type == DECISION:
            return self._decided(event, cause)
        if event.event_type == "TOOL_CALL_EXECUTED":
            return self._executed(event)
        if event.declared is not None and event.declared.settles:
            return self._settled(event)
        return self

    def _proposed(self, event: Fact) -> "Calls":
        tool = event.fields.get("tool_name") if event.event_type == "TOOL_CALL_PROPOSED" else None
        call = Call(event.event_type, PROPOSED, tool if isinstance(tool, str) else None)
        return replace(self, known=self.known.put(call_id_of(event.payload, event.seq), call))

    def _decided(self, event: Fact, cause: Cause | None) -> "Calls":
        if cause is None or not cause.judged:
            return self
        outcome = str(event.fields.get("outcome"))
        asked = self.known.get(cause.call_id)
        tool = asked.tool if asked is not None and outcome == ALLOWED else None
        call = Call(cause.event_type, outcome, tool)
        return replace(self, known=self.known.put(cause.call_id, call))

    def _executed(self, event: Fact) -> "Calls":
        call = self.known.get(call_id_of(event.payload, event.seq))
        if call is not None and (call.event_type, call.status) == ("TOOL_CALL_PROPOSED", ALLOWED):
            return self
        return replace(self, violations=self.violations + 1)

    def _settled(self, event: Fact) -> "Calls":
        found = self.settled_by(event.declared, event.fields)
        if found is not None:
            call_id, call = found
            done = Call(call.event_type, SETTLED)
            return replace(self, known=self.known.put(call_id, done))
        if event.event_type == "ERROR_RAISED" and "call_id" not in event.fields:
            return self
        return replace(self, violations=self.violations + 1)

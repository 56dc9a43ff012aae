"""Every event of the log on one page: the agents' and the daemon's, as their payloads.

An agent's payload is closed: a field that is not here is refused and the nearest one named. Fields
that belong to parts this version does not have are refused too, rather than recorded and ignored.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from aegisd.core.errors import (
    InvalidField,
    ReservedEventType,
    ReservedId,
    UnknownEventType,
    UnknownField,
    UnsupportedField,
)
from aegisd.core.log.canonical import INTEGER_MAX
from aegisd.core.nearest import nearest

# Long enough for a UUID with a prefix or a DNS name, short enough for an index key.
ID_CHARACTERS_MAX = 128

# A tool's name as its server declares it; MCP sets no limit, real ones stay below 64.
NAME_CHARACTERS_MAX = 256

# A sentence for people, not a report: details belong in `meta` or in the tool's result.
MESSAGE_CHARACTERS_MAX = 4096

CONTROL_SESSION = "$control"
ARCHIVE_PREFIX = "$archive."
SERVER_CALL_ID = "c{seq}"

_ID = re.compile(r"[A-Za-z0-9_:@-][A-Za-z0-9._:@-]{0,127}\Z")

Id = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_:@-][A-Za-z0-9._:@-]*\Z",
        min_length=1,
        max_length=ID_CHARACTERS_MAX,
    ),
]
Name = Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]
Message = Annotated[str, Meta(max_length=MESSAGE_CHARACTERS_MAX)]
Count = Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
Free = dict[str, object]


class Closed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An agent's payload. `meta` is the caller's own: stored, shown, read by no base rule."""

    meta: Free | UnsetType = UNSET


class Usage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model call consumed, as its caller reports it. Money in millionths of a US dollar."""

    input_tokens: Count | UnsetType = UNSET
    output_tokens: Count | UnsetType = UNSET
    cost_usd_micros: Count | UnsetType = UNSET


class Estimate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a call is expected to cost. A claim: recorded and shown to operators' rules."""

    usd_micros: Count | UnsetType = UNSET
    tokens: Count | UnsetType = UNSET


class UserMessage(Closed, frozen=True, kw_only=True):
    """The user's own words."""

    content: object


class ModelCallStarted(Closed, frozen=True, kw_only=True):
    """The agent asks to call a model. Judged."""

    model: Name
    call_id: Id | UnsetType = UNSET
    provider: Name | UnsetType = UNSET
    purpose: Message | UnsetType = UNSET
    complexity: Name | UnsetType = UNSET
    max_tokens: Count | UnsetType = UNSET
    prompt_tokens: Count | UnsetType = UNSET


class ModelCallFinished(Closed, frozen=True, kw_only=True):
    """A model answered."""

    call_id: Id
    finish_reason: Name | UnsetType = UNSET
    content: object = UNSET
    usage: Usage | UnsetType = UNSET
    latency_ms: Count | UnsetType = UNSET


class ToolCallProposed(Closed, frozen=True, kw_only=True):
    """The agent asks to call a tool. Judged. Without `call_id` the server names it `c<seq>`."""

    tool_name: Name
    args: Free = msgspec.field(default_factory=dict)
    call_id: Id | UnsetType = UNSET
    server: Name | UnsetType = UNSET
    estimate: Estimate | UnsetType = UNSET


class ToolCallExecuted(Closed, frozen=True, kw_only=True):
    """The PEP started the call. `started_ms` is its clock's milliseconds since the Unix epoch."""

    call_id: Id
    started_ms: Count | UnsetType = UNSET


class ToolResult(Closed, frozen=True, kw_only=True):
    """The tool answered: exactly one of `content` (text for the model) and `result` (a record)."""

    call_id: Id
    content: object = UNSET
    result: object = UNSET
    is_error: bool = False
    usage: Usage | UnsetType = UNSET
    latency_ms: Count | UnsetType = UNSET


class MemoryRead(Closed, frozen=True, kw_only=True):
    """Something was read from memory."""

    memory_key: Message
    memory_store: Name | UnsetType = UNSET
    content: object = UNSET
    bytes: Count | UnsetType = UNSET


class MemoryWrite(Closed, frozen=True, kw_only=True):
    """The agent asks to keep something. Judged."""

    memory_key: Message
    memory_store: Name | UnsetType = UNSET
    content: object = UNSET
    bytes: Count | UnsetType = UNSET


class HandoffRequested(Closed, frozen=True, kw_only=True):
    """The agent asks to hand the task to another. Judged."""

    from_agent: Id
    to_agent: Id
    context_id: Id | UnsetType = UNSET
    content: object = UNSET


class HandoffCompleted(Closed, frozen=True, kw_only=True):
    """A handoff ended."""

    from_agent: Id
    to_agent: Id
    success: bool
    context_id: Id | UnsetType = UNSET
    content: object = UNSET


class ErrorRaised(Closed, frozen=True, kw_only=True):
    """Something failed at the agent or the PEP. With `call_id`, that call is over."""

    code: Name
    message: Message
    fatal: bool = False
    call_id: Id | UnsetType = UNSET


class Termination(Closed, frozen=True, kw_only=True):
    """The session ends. The payload may also be null."""

    reason_code: Name | UnsetType = UNSET
    reason: Message | UnsetType = UNSET
    detail: Message | UnsetType = UNSET


class SessionOpened(Struct, frozen=True, kw_only=True):
    """Daemon: a session was opened by `POST /v1/sessions`, before its first agent event."""

    meta: Free | UnsetType = UNSET
    now_ms: int


class ManifestRegistered(Struct, frozen=True, kw_only=True):
    """Daemon, `$control`: from the next decision on, this manifest governs the tenant's agents.

    `digest` is the SHA-256 of the manifest's canonical bytes, in hex.
    """

    author: str
    digest: str
    name: str
    now_ms: int
    reason: str
    version: str


class PolicyActivated(Struct, frozen=True, kw_only=True):
    """Daemon, `$control`: from the next decision on, this bundle judges. `digest` as above."""

    author: str
    digest: str
    now_ms: int
    reason: str


class LogImported(Struct, frozen=True, kw_only=True):
    """Daemon, `$control`: an export was verified and kept under an archive tenant.

    `export_sha256` is the digest of the whole file; `source_tenant` is the tenant named in it.
    `evidence` names documents by digest in hex: the checkpoint and the proofs that came with an
    export of one session, absent where there are none.
    """

    archive: str
    author: str
    events: int
    evidence: tuple[str, ...] | UnsetType = UNSET
    export_sha256: str
    now_ms: int
    reason: str
    source_tenant: str


class RollbackAccepted(Struct, frozen=True, kw_only=True):
    """Daemon, `$control`: an operator started on a log shorter than, or other than, one it signed.

    The checkpoint of `signed` events with `root` (hex) no longer holds; the log had `found` events.
    """

    author: str
    found: int
    now_ms: int
    reason: str
    root: str
    signed: int


class SigningKeysChanged(Struct, frozen=True, kw_only=True):
    """Daemon, `$control`: other keys sign this log's checkpoints than before.

    `before` are the key ids (hex) that signed the newest checkpoint, `keys` the verifier keys that
    sign from now on, the newest first.
    """

    author: str
    before: tuple[str, ...]
    keys: tuple[str, ...]
    now_ms: int
    reason: str


class PayloadErased(Struct, frozen=True, kw_only=True):
    """Daemon, `$control`: the values kept beside the events of one subject were deleted.

    `subject` is a user id, or the id of a session without one. `values` counts what was deleted;
    the events stay as they are, and so does every hash and proof.
    """

    author: str
    now_ms: int
    reason: str
    subject: str
    values: int


class EvaluatorRecord(Struct, frozen=True, kw_only=True):
    """Which engine judged. `fault` is absent, or `error`, `nonsense` or `timeout`."""

    fault: str | UnsetType = UNSET
    name: str
    version: str


class PolicyDecision(Struct, frozen=True, kw_only=True):
    """Daemon: what was decided about the event before it, and all that is needed to decide again.

    Digests are SHA-256 in hex; `manifest` is empty where none was registered. `facts` are exactly
    what was read across sessions. Times are milliseconds since the Unix epoch; the offset is
    seconds east of UTC. `constraints`, `obligations` and `advice` are canonical JSON.
    """

    advice: Raw
    bundle: str
    call_id: str
    constraints: Raw
    evaluator: EvaluatorRecord
    facts: Raw
    input_sha256: str
    manifest: str
    now_ms: int
    obligations: Raw
    outcome: Literal["allow", "deny", "require_approval"]
    reason: str
    reasons: Raw
    reserved: Raw
    rules_version: str
    utc_offset_s: int


AGENT_EVENTS: Mapping[str, type[Closed]] = {
    "USER_MESSAGE": UserMessage,
    "MODEL_CALL_STARTED": ModelCallStarted,
    "MODEL_CALL_FINISHED": ModelCallFinished,
    "TOOL_CALL_PROPOSED": ToolCallProposed,
    "TOOL_CALL_EXECUTED": ToolCallExecuted,
    "TOOL_RESULT": ToolResult,
    "MEMORY_READ": MemoryRead,
    "MEMORY_WRITE": MemoryWrite,
    "HANDOFF_REQUESTED": HandoffRequested,
    "HANDOFF_COMPLETED": HandoffCompleted,
    "ERROR_RAISED": ErrorRaised,
    "TERMINATION": Termination,
}

DAEMON_EVENTS: Mapping[str, type[Struct]] = {
    "SESSION_OPENED": SessionOpened,
    "POLICY_DECISION": PolicyDecision,
    "MANIFEST_REGISTERED": ManifestRegistered,
    "POLICY_ACTIVATED": PolicyActivated,
    "LOG_IMPORTED": LogImported,
    "PAYLOAD_ERASED": PayloadErased,
    "ROLLBACK_ACCEPTED": RollbackAccepted,
    "SIGNING_KEYS_CHANGED": SigningKeysChanged,
}

# Each costs a step and needs a manifest.
JUDGED = frozenset(
    {"TOOL_CALL_PROPOSED", "MODEL_CALL_STARTED", "MEMORY_WRITE", "HANDOFF_REQUESTED"}
)

# Judged for release, and only where an operator's rule names the type.
RELEASED = frozenset({"USER_MESSAGE", "MODEL_CALL_FINISHED", "TOOL_RESULT", "MEMORY_READ"})

DECISION = "POLICY_DECISION"

# What the daemon says about an event, right behind it and in the same commit.
CONSEQUENCES = frozenset({DECISION})

# Names the daemon writes, now or in a version to come: no agent may.
_RESERVED_PREFIXES = ("APPROVAL_", "GRANT_", "LEASE_", "QUARANTINE_")
_RESERVED = frozenset(DAEMON_EVENTS) | {
    "FINDINGS_RECORDED",
    "TAINT_DECLASSIFIED",
    "TOOL_PINNED",
    "BUDGET_SET",
    "RATE_LIMITED",
}

# Closed objects inside payloads, by the field that holds them.
_INNER: Mapping[str, type[Struct]] = {"usage": Usage, "estimate": Estimate}

_UNSUPPORTED = {
    "approval_id": "approvals are recorded as outcomes but cannot be granted in this version",
    "lease": "leases are not part of this version",
}


def check_id(value: object, field: str) -> str:
    """Return an id, or raise `InvalidField` naming `field`, or `ReservedId` for a leading `$`."""
    if type(value) is str and _ID.match(value):
        return value
    if type(value) is str and value.startswith("$"):
        raise ReservedId(f"{field}: ids that start with '$' belong to the daemon", field=field)
    raise InvalidField(
        f"{field}: expected 1 to {ID_CHARACTERS_MAX} of A-Z a-z 0-9 . _ : @ - "
        "not starting with a dot",
        field=field,
    )


def check_payload(event_type: str, payload: object) -> Closed:
    """Read an agent's payload as its closed type.

    Raises `UnknownEventType`, `ReservedEventType`, `UnknownField`, `UnsupportedField` or
    `InvalidField`; nothing of the payload's values is repeated in a message.
    """
    shape = AGENT_EVENTS.get(event_type)
    if shape is None:
        if event_type in _RESERVED or event_type.startswith(_RESERVED_PREFIXES):
            raise ReservedEventType(f"{event_type} is written by the daemon only")
        raise UnknownEventType(
            f"not an event type of the log; the nearest is {nearest(event_type, AGENT_EVENTS)}"
        )
    if payload is None and shape is Termination:
        return Termination()
    if not isinstance(payload, dict):
        raise InvalidField("payload: expected an object", field="payload")
    _refuse_unknown(payload, shape, "payload")
    for field, inner in _INNER.items():
        if isinstance(payload.get(field), dict):
            _refuse_unknown(payload[field], inner, f"payload.{field}")
    try:
        event = msgspec.convert(payload, shape)
    except msgspec.ValidationError as error:
        message = str(error).replace("$.", "payload.").replace(" - at `", " at `")
        raise InvalidField(f"payload of {event_type}: {message}", field="payload") from None
    if isinstance(event, ToolResult) and (event.content is UNSET) == (event.result is UNSET):
        raise InvalidField(
            "payload of TOOL_RESULT: expected exactly one of content and result", field="payload"
        )
    return event


def call_id_of(payload: object, seq: int) -> str:
    """The id of a call: its own, else the server's for the event's seq."""
    own = payload.get("call_id") if isinstance(payload, dict) else None
    return own if isinstance(own, str) else SERVER_CALL_ID.format(seq=seq)


def _refuse_unknown(given: dict[str, object], shape: type[Struct], where: str) -> None:
    known = shape.__struct_fields__
    for field in given:
        if field in known:
            continue
        if field in _UNSUPPORTED:
            raise UnsupportedField(f"{where}.{field}: {_UNSUPPORTED[field]}", field=field)
        raise UnknownField(
            f"{where}: unknown field; the nearest known one is {nearest(field, known)}",
            field=field[:ID_CHARACTERS_MAX],
            nearest=nearest(field, known),
        )

"""A log that the gate wrote, and what somebody leaves who edits it and hashes it again."""

import json
from collections.abc import Callable, Iterable, Sequence

from msgspec import UNSET, Raw
from msgspec.structs import replace

from aegisd.core.log.canonical import encode
from aegisd.core.log.envelope import Envelope, StoredEvent, seal, unseal
from aegisd.core.replay.difference import Derivation, Difference
from aegisd.core.replay.session import derive_session
from aegisd.core.replay.tenant import derive_tenant
from tests.core.gate import (
    BUNDLE,
    Gate,
    Json,
    Rule,
    ScriptedJudge,
    base,
    claim,
    manifest,
    proposal,
    says,
    tool,
)

OTHER = b'{"files":{"rules/other.py":"other"}}'


Edit = Callable[[list[Envelope]], None]


def worked(held: Json | None = None) -> Gate:
    """A tenant with two sessions that meet every outcome, an end and a late result."""
    gate = Gate(held=manifest(budgets={"steps": 9, "tool_calls": 3}, **(held or {})))
    gate.propose(proposal("USER_MESSAGE", {"content": "hi"}, agent_id="a1"))
    for number, name in enumerate(["read_file", "undeclared", "pay", "typed"]):
        asked = {"tool_name": name, "args": {}, "call_id": f"t{number}"}
        gate.propose(proposal(payload=asked, agent_id="a1"))
        gate.now_ms += 10
        other = {"tool_name": name, "args": {"path": "/workspace/é"}}
        gate.propose(proposal(payload=other, session_id="s2", agent_id="a2"))
    gate.propose(proposal("TOOL_RESULT", {"call_id": "t0", "result": 1.5}, agent_id="a1"))
    gate.propose(proposal("TERMINATION", None, agent_id="a1"))
    gate.propose(proposal("TOOL_RESULT", {"call_id": "t3", "result": None}, agent_id="a1"))
    gate.propose(tool("read_file"))
    return gate


def confided() -> Gate:
    """Calls that tell of a customer: name and pin are kept beside their events, and rules saw them.

    The last one tells nothing.
    """
    crm = {"roles": {"name": "content", "pin": "content"}}
    marked = {"sensitive": {"name": "personal", "pin": "personal"}}
    gate = Gate(ScriptedJudge({BUNDLE: without("Bob")}), manifest(tools={"crm": {**crm, **marked}}))
    for name in ("Ada", "Bob"):
        gate.propose(tool("crm", name=name, pin=f"{name}'s"))
    gate.propose(tool("crm"))
    return gate


def without(name: str) -> Rule:
    """The base rules, and one of an operator's that denies calls about a customer."""

    def rule(given: Json, held: Json) -> Json:
        said = base(given, held)
        if given["call"]["args"].get("name") == name:
            said["deny"].append(claim("POLICY_DENY"))
        return said

    return rule


def rewritten(events: Iterable[StoredEvent], edit: Edit) -> list[StoredEvent]:
    """The log as somebody leaves it who edits it and hashes everything again."""
    envelopes = [replace(unseal(event.body), prev_hash=UNSET) for event in events]
    edit(envelopes)
    heads: dict[str, bytes] = {}
    rows: list[StoredEvent] = []
    for envelope in envelopes:
        row = seal(envelope, len(rows), heads.get(envelope.session_id, b""))
        heads[envelope.session_id] = row.hash
        rows.append(row)
    return rows


def differences(
    events: Sequence[StoredEvent], judge: ScriptedJudge
) -> tuple[list[Difference], list[Difference]]:
    """What both passes find."""
    first: list[Difference] = []
    for session_id in sorted({event.session_id for event in events}):
        own = [event for event in events if event.session_id == session_id]
        first += derive_session(own, judge).differences
    return first, derive_tenant(events, judge).differences


def decision(envelopes: list[Envelope], number: int = 0) -> int:
    """Where the numbered decision of session s1 stands."""
    own = (index for index, e in enumerate(envelopes) if is_decision(e) and e.session_id == "s1")
    return list(own)[number]


def is_decision(envelope: Envelope) -> bool:
    return envelope.event_type == "POLICY_DECISION"


def payload(envelope: Envelope, **changes: object) -> Envelope:
    """The envelope with other fields in its payload; `...` takes one out."""
    fields = json.loads(bytes(envelope.payload)) | changes
    kept = {name: value for name, value in fields.items() if value is not ...}
    return replace(envelope, payload=Raw(encode(kept)))


def in_decision(number: int = 0, **changes: object) -> Edit:
    def edit(envelopes: list[Envelope]) -> None:
        at = decision(envelopes, number)
        envelopes[at] = payload(envelopes[at], **changes)

    return edit


def in_cause(**changes: object) -> Edit:
    def edit(envelopes: list[Envelope]) -> None:
        at = decision(envelopes) - 1
        envelopes[at] = payload(envelopes[at], **changes)

    return edit


def around_decision(**changes: object) -> Edit:
    def edit(envelopes: list[Envelope]) -> None:
        at = decision(envelopes)
        envelopes[at] = replace(envelopes[at], **changes)

    return edit


def renumber(envelopes: list[Envelope]) -> None:
    """Give each session's events their seqs in order."""
    seqs: dict[str, int] = {}
    for index, envelope in enumerate(envelopes):
        seqs[envelope.session_id] = seqs.get(envelope.session_id, -1) + 1
        envelopes[index] = replace(envelope, seq=seqs[envelope.session_id])


def advising(_given: Json, _held: Json) -> Json:
    return says(advice=[{"type": "new"}])


def weekdays_only(given: Json, held: Json) -> Json:
    """The base rules, and one of an operator's that denies paying."""
    said = base(given, held)
    if given.get("call", {}).get("tool") == "pay":
        said["deny"].append(claim("POLICY_DENY"))
    return said


def compared(gate: Gate, events: Sequence[StoredEvent]) -> Derivation:
    own = [event for event in events if event.session_id == "s1"]
    return derive_session(own, gate.judge, gate.kept)

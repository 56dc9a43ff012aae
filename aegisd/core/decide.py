"""A proposal and a verdict to what is recorded: the one place where an answer becomes facts.

`admit` says whether the log takes the event at all and whether policy must judge it, `record` how
it is stored, and `decide` what is said about it. Only `core.gate` asks, which makes a step of them.
"""

from enum import Enum

from msgspec import UNSET, Raw, Struct, UnsetType

from aegisd.core.clock import is_off
from aegisd.core.decision import EvaluatorRecord, PolicyDecision
from aegisd.core.errors import (
    CallIdReused,
    HashMismatch,
    HeadMismatch,
    InvalidField,
    SessionTerminated,
)
from aegisd.core.events import DECLARATIONS, JUDGED
from aegisd.core.log import detached
from aegisd.core.log.envelope import Envelope, StoredEvent
from aegisd.core.policy.input import Moment, PolicyInput
from aegisd.core.policy.judge import Maker
from aegisd.core.policy.verdict import Verdict
from aegisd.core.proposal import Proposal
from aegisd.core.shapes.identifier import call_id_of
from aegisd.core.state.model import SessionState

# Proposals recorded and denied after a session's end: enough to show an agent that does not stop,
# too few to fill the log.
AFTER_END_MAX = 16


class Admission(Enum):
    """What an event needs before it is stored."""

    JUDGE = "judge"
    RECORD = "record"


class Grounds(Struct, frozen=True, kw_only=True):
    """What a decision was based on, beside its input. Digests are hex SHA-256."""

    bundle: str
    manifest: str
    maker: Maker
    moment: Moment


def admit(session: SessionState, proposal: Proposal, released: frozenset[str]) -> Admission:
    """Whether the log takes the event now, and whether it is judged.

    `released` are the event types whose release the bundle in force judges. Raises a `Conflict`
    when the event cannot follow what the session holds; nothing is then written.
    """
    _check_head(session, proposal)
    if session.lifetime.terminated:
        _check_after_end(session, proposal)
    if proposal.event_type in JUDGED:
        call_id = call_id_of(proposal.payload, session.next_seq)
        if session.calls.get(call_id) is not None:
            raise CallIdReused(
                f"call_id {call_id} was used before in this session; a new call needs a new one",
                call_id=call_id,
            )
        return Admission.JUDGE
    return Admission.JUDGE if proposal.event_type in released else Admission.RECORD


def record(session: SessionState, proposal: Proposal, now_ms: int) -> Envelope:
    """The envelope of the proposal itself, at the session's next seq."""
    optional: dict[str, str] = {}
    if proposal.agent_id is not None:
        optional["agent_id"] = proposal.agent_id
    if proposal.idempotency_key is not None:
        optional["idempotency_key"] = proposal.idempotency_key
    ts_unix_ms = proposal.ts_unix_ms
    return Envelope(
        event_type=proposal.event_type,
        payload=Raw(proposal.body),
        seq=session.next_seq,
        session_id=proposal.session_id,
        tenant_id=proposal.tenant_id,
        ts_unix_ms=now_ms if ts_unix_ms is None else ts_unix_ms,
        user_id=proposal.user_id,
        **optional,
    )


def decide(
    proposal: Proposal, seq: int, verdict: Verdict, judged: PolicyInput, grounds: Grounds
) -> PolicyDecision:
    """The decision about the proposal that got `seq`, from a verdict that may be recorded."""
    fault: str | UnsetType = UNSET if verdict.fault is None else verdict.fault
    off_ms = grounds.moment.clock_off_ms
    spelled = verdict.spell()
    maker = grounds.maker
    return PolicyDecision(
        advice=spelled.advice,
        bundle=grounds.bundle,
        call_id=call_id_of(proposal.payload, seq),
        clock_off_ms=off_ms if is_off(off_ms) else UNSET,
        clock_stepped_ms=grounds.moment.stepped_ms or UNSET,
        constraints=spelled.constraints,
        evaluator=EvaluatorRecord(
            fault=fault, name=maker.evaluator, version=maker.evaluator_version
        ),
        facts=Raw(judged.facts),
        input_sha256=judged.sha256,
        manifest=grounds.manifest,
        now_ms=grounds.moment.now_ms,
        obligations=spelled.obligations,
        outcome=verdict.outcome,
        reason=verdict.reason,
        reasons=spelled.reasons,
        reserved=Raw(b"[]"),
        rules_version=maker.rules_version,
        utc_offset_s=grounds.moment.utc_offset_s,
    )


def check_hash(proposal: Proposal, stored: StoredEvent) -> None:
    """Hold a sealed event to the hash its caller computed. Raises `HashMismatch`."""
    if proposal.hash is not None and detached.BEGINS in stored.body:
        raise HashMismatch(
            "hash: values of this event are kept beside it under random salts, so nobody can "
            "compute its hash before; send it without one"
        )
    if proposal.hash is not None and proposal.hash != stored.hash:
        raise HashMismatch(
            "hash: the envelope that would be stored has another hash; "
            "send user_id, ts_unix_ms and prev_hash as they are hashed",
            expected=stored.hash.hex(),
            found=proposal.hash.hex(),
        )


def _check_head(session: SessionState, proposal: Proposal) -> None:
    wrong_seq = proposal.seq is not None and proposal.seq != session.next_seq
    wrong_hash = proposal.prev_hash is not None and proposal.prev_hash != session.head_hash
    if wrong_seq or wrong_hash:
        raise HeadMismatch(
            "the event does not continue the session's head",
            head_seq=session.next_seq - 1 if session.next_seq else None,
            head_hash=session.head_hash.hex() or None,
        )
    if proposal.hash is not None and proposal.ts_unix_ms is None:
        raise InvalidField(
            "hash: needs ts_unix_ms, which is part of what is hashed", field="ts_unix_ms"
        )


def _check_after_end(session: SessionState, proposal: Proposal) -> None:
    if proposal.event_type in JUDGED and session.lifetime.after_end < AFTER_END_MAX:
        return
    payload = proposal.payload if isinstance(proposal.payload, dict) else {}
    declared = DECLARATIONS.get(proposal.event_type)
    if session.calls.settled_by(declared, payload) is not None:
        return
    raise SessionTerminated(
        "the session has ended; only results and errors of calls allowed before are taken"
    )

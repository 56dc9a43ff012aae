"""What every door answers with: receipts, decisions, heads, records, folds and verifications.

Made from stored bytes and durable folds, so that two doors to one log tell the same.
"""

import base64
import binascii
from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from aegisd.core.decision import Decision
from aegisd.core.errors import LogCorrupt
from aegisd.core.events import JUDGED
from aegisd.core.log.chain import Break, Chain
from aegisd.core.log.envelope import StoredEvent, unseal
from aegisd.core.state.model import SessionState
from aegisd.core.state.snapshot import digest, document
from aegisd.engine.recorded import Recorded
from aegisd.rows import SessionHead


class Head(Struct, frozen=True, kw_only=True):
    """The newest event of a session. `seq` counts from 0; `hash` is hex SHA-256."""

    seq: int
    hash: str


class Receipt(Struct, frozen=True, kw_only=True):
    """One recorded event: where it stands, and the decision where one was asked for.

    `seq` counts the session's events, `position` the tenant's; `call_id` is null where the event is
    about no call, `decision` where nothing judges it. `head` is the session's after the event.
    `checkpoint` is the newest signed note (C2SP) of the tenant's log: keep it, since a log that was
    rewritten later contradicts it. It seldom covers this event already. In a batch the last
    receipt has it.
    """

    seq: int
    position: int
    hash: str
    call_id: str | None
    session_id: str
    decision: Decision | None
    head: Head
    checkpoint: str | UnsetType = UNSET


class SessionOpenedReceipt(Struct, frozen=True, kw_only=True):
    """Where SESSION_OPENED stands."""

    session_id: str
    seq: int
    position: int
    hash: str
    head: Head


class EventRecord(Struct, frozen=True, kw_only=True):
    """One event of the log. Hashes are hex; `position` and `hash` stand beside what is hashed.

    The hash is SHA-256 over the RFC 8785 bytes of the other fields, with `prev_hash` in base64.
    """

    agent_id: str | UnsetType = UNSET
    event_type: str
    hash: str
    idempotency_key: str | UnsetType = UNSET
    payload: Raw
    position: int
    prev_hash: str | UnsetType = UNSET
    seq: int
    session_id: str
    tenant_id: str
    ts_unix_ms: int
    user_id: str


class OpenCall(Struct, frozen=True, kw_only=True):
    """A call that was allowed and has no result yet."""

    call_id: str
    event_type: str


class SessionSnapshot(Struct, frozen=True, kw_only=True):
    """The fold of a session's events, the same for everybody who has them.

    Counts are those policy reads; a budget of N allows exactly N. `started_ms` is the daemon's
    clock at the session's first recorded time, milliseconds since the Unix epoch; null before it.
    `violations` counts results and starts of calls that nobody allowed. `digest` is the SHA-256 of
    the RFC 8785 bytes of `state`.
    """

    tenant_id: str
    session_id: str
    head: Head
    steps_consumed: int
    tool_calls_consumed: int
    model_calls_consumed: int
    started_ms: int | None
    terminated: bool
    violations: int
    open_calls: list[OpenCall]
    digest: str
    state: dict[str, object]


class SessionVerification(Struct, frozen=True, kw_only=True):
    """A session hashed again from stored bytes. `valid` is true when `breaks` is empty."""

    valid: bool
    events: int
    head: Head
    breaks: list[Break]


class _Decided(Decision, frozen=True, kw_only=True):
    """What a stored POLICY_DECISION tells of its call."""

    call_id: str


class _DecisionEnvelope(Struct, frozen=True):
    """The part of a stored POLICY_DECISION that is answered."""

    payload: _Decided


_decode_decision = msgspec.json.Decoder(_DecisionEnvelope).decode


def receipts(answers: Sequence[Recorded], checkpoint: str | None) -> list[Receipt]:
    """The receipts of one request; the last has the newest signed checkpoint, if there is one.

    The answer to a retry has none: it is the recorded answer, from stored bytes alone.
    """
    *before, last = answers
    signed = UNSET if checkpoint is None or last.replayed else checkpoint
    return [*map(receipt, before), receipt(last, signed)]


def receipt(answer: Recorded, checkpoint: str | UnsetType = UNSET) -> Receipt:
    """A receipt, from stored bytes and what was signed last."""
    event, behind = answer.event, answer.decision
    decided = None if behind is None else _decode_decision(behind.body).payload
    return Receipt(
        seq=event.seq,
        position=event.position,
        hash=event.hash.hex(),
        # As its decision tells; an event judged for its release may be about no call.
        call_id=decided.call_id if decided and event.event_type in JUDGED else answer.call_id,
        session_id=event.session_id,
        decision=None if decided is None else _answered(decided),
        head=head(behind or event),
        checkpoint=checkpoint,
    )


def _answered(decided: _Decided) -> Decision:
    return Decision(
        outcome=decided.outcome,
        reason=decided.reason,
        reasons=decided.reasons,
        constraints=decided.constraints,
        obligations=decided.obligations,
        advice=decided.advice,
    )


def opened(answer: Recorded) -> SessionOpenedReceipt:
    """The receipt of a session that was opened."""
    event = answer.event
    return SessionOpenedReceipt(
        session_id=event.session_id,
        seq=event.seq,
        position=event.position,
        hash=event.hash.hex(),
        head=head(event),
    )


def head(event: StoredEvent | SessionHead) -> Head:
    """The place and hash of one event."""
    return Head(seq=event.seq, hash=event.hash.hex())


def record(row: StoredEvent) -> EventRecord:
    """One stored event as its bytes tell it. Raises `LogCorrupt` where they are no envelope."""
    try:
        told = unseal(row.body)
        before = told.prev_hash
        prev_hash = before and base64.b64decode(before, validate=True).hex()
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        raise LogCorrupt(
            f"tenant {row.tenant_id}, position {row.position}: the stored bytes are not an "
            "envelope; run `aegisctl verify`"
        ) from None
    fields = {**msgspec.structs.asdict(told), "prev_hash": prev_hash}
    return EventRecord(**fields, hash=row.hash.hex(), position=row.position)


def session_snapshot(state: SessionState) -> SessionSnapshot:
    """The fold of a session that has events."""
    return SessionSnapshot(
        tenant_id=state.tenant_id,
        session_id=state.session_id,
        head=Head(seq=state.next_seq - 1, hash=state.head_hash.hex()),
        steps_consumed=state.budget.steps,
        tool_calls_consumed=state.budget.tool_calls,
        model_calls_consumed=state.budget.model_calls,
        started_ms=state.budget.started_ms,
        terminated=state.lifetime.terminated,
        violations=state.calls.violations,
        open_calls=[
            OpenCall(call_id=call_id, event_type=call.event_type)
            for call_id, call in state.calls.open()
        ],
        digest=digest(state).hex(),
        state=document(state),
    )


def session_verification(session_id: str, chain: Chain, breaks: list[Break]) -> SessionVerification:
    """What hashing a session again found."""
    seq, digest_of_head = chain.heads[session_id]
    return SessionVerification(
        valid=not breaks,
        events=chain.events,
        head=Head(seq=seq, hash=digest_of_head.hex()),
        breaks=breaks,
    )

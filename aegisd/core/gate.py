"""The gate's own step: from states and a proposal to a question, from a verdict to events.

Everything that decides goes through here, so that what happens and what is derived years later are
one thing: the live gate, a check, a simulation, a replay and a what-if.

    question = ask(states, proposal, in_force(states.tenant, judge), …)
    step = settle(states, question, answer(question, judge), maker(judge))

A step gives any number of events, the states behind them, and what must be committed with them.
What differs between two runs (time, salts, an evaluator) comes in as an argument.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from aegisd.core.activation import digest_of
from aegisd.core.capabilities import NONE, Capabilities
from aegisd.core.clock import is_off
from aegisd.core.decide import Admission, Grounds, admit, check_hash, decide, record
from aegisd.core.decision import DECISION, PolicyDecision
from aegisd.core.errors import Conflict
from aegisd.core.events import JUDGED
from aegisd.core.log import detached
from aegisd.core.log.canonical import encode
from aegisd.core.log.detached import Value, detach
from aegisd.core.log.envelope import Envelope, StoredEvent, seal
from aegisd.core.policy.input import Moment, PolicyInput, Snapshot, beside, build, facts, snapshot
from aegisd.core.policy.judge import Judge, Maker
from aegisd.core.policy.redaction import redact
from aegisd.core.policy.verdict import UNDECLARED, Verdict, failed, pointed, timeless
from aegisd.core.proposal import Proposal, with_payload
from aegisd.core.sensitive import UNREADABLE, found
from aegisd.core.state.fold import fact_of, fold_session, fold_tenant
from aegisd.core.state.model import SessionState, TenantState

_encode = msgspec.json.Encoder().encode

_GONE = "the manifest, the rules or the time zone that it needs are not there"


class States(Struct, frozen=True, kw_only=True):
    """Where a step begins and ends: the tenant's fold, and that of the session it is about."""

    tenant: TenantState
    session: SessionState


class InForce(Struct, frozen=True, kw_only=True):
    """What a tenant's calls are judged by: two digests in hex, and what they stand for.

    Empty digests stand for nothing registered. `capabilities` is None where the manifest's bytes
    are gone; `released` are the event types whose release the bundle judges.
    """

    bundle: str
    manifest: str
    capabilities: Capabilities | None
    released: frozenset[str]


class Question(Struct, frozen=True, kw_only=True):
    """An event as the log takes it, and what policy is asked about it.

    `cause` is the event as recorded, chained and hashed; `proposal` is what it came from, with
    commitments in place of the `values` that are kept beside it, of which those at `secret` are not
    kept at all. `policy_input` is None for an event that nobody judges. Where `unanswerable`,
    what would be needed to judge is missing, which denies.
    """

    cause: StoredEvent
    proposal: Proposal
    held: InForce
    moment: Moment
    policy_input: PolicyInput | None
    values: tuple[Value, ...] = ()
    secret: frozenset[str] = frozenset()
    unanswerable: bool = False

    @property
    def kept(self) -> tuple[Value, ...]:
        """The values that are kept; secrets are for the policy's eyes alone."""
        if not self.secret:
            return self.values
        return tuple(value for value in self.values if value.pointer not in self.secret)


class Step(Struct, frozen=True, kw_only=True):
    """What one step commits, all of it or nothing: events in order, and the states behind them.

    `values` are kept beside the first event.
    """

    events: tuple[StoredEvent, ...]
    states: States
    values: tuple[Value, ...] = ()


def in_force(tenant: TenantState, judge: Judge) -> InForce:
    """What a tenant's log says its calls are judged by."""
    bundle = digest_of(tenant.activations.bundle)
    manifest = digest_of(tenant.activations.manifest)
    return InForce(
        bundle=bundle,
        manifest=manifest,
        capabilities=judge.capabilities(manifest),
        released=judge.released(bundle),
    )


# ── from a proposal to a question ────────────────────────────────────────────────────────────────


def ask(
    states: States,
    proposal: Proposal,
    held: InForce,
    *,
    now_ms: int,
    utc_offset_s: int | None,
    clock_off_ms: int = 0,
    salt: Callable[[], bytes],
) -> Question:
    """What policy is asked about an event that comes in now.

    `now_ms` is the writer's clock, and `utc_offset_s` the seconds east of UTC in the manifest's
    zone, None where this machine does not know the zone: then it cannot judge. `clock_off_ms` is
    how far that clock is off, 0 within bounds. `salt` gives `SALT_BYTES` random bytes each time.
    Raises a `Conflict` where the event cannot follow what the session holds, and `HashMismatch`
    where its caller computed another hash; nothing is written.
    """
    session = states.session
    moment = Moment(
        now_ms=now_ms,
        utc_offset_s=utc_offset_s or 0,
        clock_off_ms=clock_off_ms,
        stepped_ms=states.tenant.stepped_ms,
    )
    admission = admit(session, proposal, held.released)
    places = _kept_apart(session, proposal, held.capabilities)
    recorded = proposal
    values: tuple[Value, ...] = ()
    secret: frozenset[str] = frozenset()
    if places:
        salts = [salt() for _ in places]
        secret = frozenset(place for place, kind in places.items() if kind == "secret")
        stored, body, values = detach(proposal.payload, proposal.body, list(places), salts, secret)
        recorded = msgspec.structs.replace(proposal, payload=stored, body=body)
    cause = seal(record(session, recorded, now_ms), states.tenant.next_position, session.head_hash)
    check_hash(proposal, cause)
    policy_input = None
    if admission is Admission.JUDGE:
        across = facts(states.tenant, proposal.agent_id)
        policy_input = _input(session, proposal, across, held.capabilities or NONE, moment)
        if values:
            as_stored = _input(session, recorded, across, held.capabilities or NONE, moment)
            policy_input = beside(policy_input, as_stored, values)
    return Question(
        cause=cause,
        proposal=recorded,
        held=held,
        moment=moment,
        policy_input=policy_input,
        values=values,
        secret=secret,
        unanswerable=held.capabilities is None or utc_offset_s is None,
    )


def ask_again(
    session: SessionState,
    cause: StoredEvent,
    proposal: Proposal,
    decision: PolicyDecision,
    capabilities: Capabilities,
) -> Question:
    """What policy was asked about a recorded event, by the facts that its decision recorded.

    `session` is the fold before the event, and `proposal` what the event was. Raises
    `msgspec.MsgspecError` or `InvalidJson` where the log makes no question: the gate wrote no such
    log.
    """
    moment = Moment(
        now_ms=decision.now_ms,
        utc_offset_s=decision.utc_offset_s,
        clock_off_ms=decision.clock_off_ms or 0,
        stepped_ms=decision.clock_stepped_ms or 0,
    )
    return Question(
        cause=cause,
        proposal=proposal,
        held=InForce(
            bundle=decision.bundle,
            manifest=decision.manifest,
            capabilities=capabilities,
            released=frozenset(),
        ),
        moment=moment,
        policy_input=_input(session, proposal, bytes(decision.facts), capabilities, moment),
    )


def restore(session: SessionState, question: Question, values: Sequence[Value]) -> Question | None:
    """A recorded question with what is kept beside its event; None where some of it is gone.

    Raises `LogCorrupt` for a value that is not what its event is committed to.
    """
    recorded, capabilities = question.policy_input, question.held.capabilities
    if recorded is None or capabilities is None or not has_values(question):
        return question
    payload = detached.attach(question.proposal.payload, values)
    if detached.pointers(payload):
        return None
    proposal = with_payload(question.proposal, payload)
    judged = _input(session, proposal, recorded.facts, capabilities, question.moment)
    return msgspec.structs.replace(
        question, policy_input=beside(judged, recorded, tuple(values)), values=tuple(values)
    )


def has_values(question: Question) -> bool:
    """Whether values of the event are, or were, kept beside it."""
    return detached.BEGINS in question.proposal.body


def refusal(session: SessionState, proposal: Proposal) -> Conflict | None:
    """Why the log would not have taken a recorded event behind `session`; None where it would."""
    try:
        admit(session, proposal, frozenset())
    except Conflict as conflict:
        return conflict
    return None


def suppose(
    proposal: Proposal, counters: Snapshot, capabilities: Capabilities, moment: Moment
) -> PolicyInput:
    """What policy would be asked about an event in a session that its caller makes up."""
    nobody = facts(TenantState(tenant_id=proposal.tenant_id), proposal.agent_id)
    return build(proposal, 0, counters, nobody, capabilities, moment)


def _input(
    session: SessionState,
    proposal: Proposal,
    across: bytes,
    capabilities: Capabilities,
    moment: Moment,
) -> PolicyInput:
    counters = snapshot(session, moment)
    return build(proposal, session.next_seq, counters, across, capabilities, moment)


def _kept_apart(
    session: SessionState, proposal: Proposal, capabilities: Capabilities | None
) -> Mapping[str, str]:
    """What the manifest keeps out of the event, by pointer, and of which kind each is."""
    payload, body = proposal.payload, proposal.body
    if capabilities is None:
        return found(UNREADABLE, payload, body)
    tool = session.calls.tool_of(payload) if isinstance(payload, dict) else None
    return capabilities.sensitive.found(proposal.event_type, payload, body, tool)


# ── from a verdict to events ─────────────────────────────────────────────────────────────────────


def answer(question: Question, judge: Judge) -> Verdict | None:
    """What policy says, as it may be recorded and told; None where nobody is asked.

    Whatever is missing denies: an answer is never left out.
    """
    if question.policy_input is None:
        return None
    if question.unanswerable:
        return redact(failed("error", _GONE), question.values)
    return judged(question, judge, question.held.bundle) or failed("error", _GONE)


def judged(question: Question, judge: Judge, bundle: str) -> Verdict | None:
    """What the bundle with this digest says; None where its bytes, or the manifest's, are gone.

    Nobody is asked by a clock that is off, where the answer may depend on it.
    """
    if question.policy_input is None:
        return None
    if is_off(question.moment.clock_off_ms) and _reads_time(question, judge, bundle):
        return redact(timeless(), question.values)
    verdict = judge.judge(bundle, question.held.manifest, question.policy_input)
    if verdict is None:
        return None
    payload, held = question.proposal.payload, question.held.capabilities
    if verdict.reason == UNDECLARED and isinstance(payload, dict) and held is not None:
        verdict = pointed(verdict, payload.get("tool_name"), held.manifest.tools)
    return redact(verdict, question.values)


def _reads_time(question: Question, judge: Judge, bundle: str) -> bool:
    """Whether the answer may depend on what time it is: by the manifest's budget, or by a rule."""
    budgets = (question.held.capabilities or NONE).manifest.budgets
    bounded = question.proposal.event_type in JUDGED and budgets.wall_time_ms is not None
    return bounded or judge.reads_time(bundle)


def settle(states: States, question: Question, verdict: Verdict | None, maker: Maker) -> Step:
    """The events of a question and its answer, with the states behind them."""
    after, behind = _folded(states, question.cause, question.proposal.body), []
    for envelope in consequences(question, verdict, maker):
        event = _sealed(after, envelope)
        after = _folded(after, event, envelope.payload)
        behind.append(event)
    return Step(events=(question.cause, *behind), states=after, values=question.kept)


def consequences(question: Question, verdict: Verdict | None, maker: Maker) -> tuple[Envelope, ...]:
    """The rows behind the cause, in order: what the daemon says about it."""
    if verdict is None or question.policy_input is None:
        return ()
    cause = question.cause
    grounds = Grounds(
        bundle=question.held.bundle,
        manifest=question.held.manifest,
        maker=maker,
        moment=question.moment,
    )
    decision = decide(question.proposal, cause.seq, verdict, question.policy_input, grounds)
    return (
        Envelope(
            agent_id=_optional(cause.agent_id),
            event_type=DECISION,
            payload=Raw(_encode(decision)),
            seq=cause.seq + 1,
            session_id=cause.session_id,
            tenant_id=cause.tenant_id,
            ts_unix_ms=question.moment.now_ms,
            user_id=cause.user_id,
        ),
    )


def note(
    states: States,
    event_type: str,
    payload: Struct,
    now_ms: int,
    *,
    user_id: str = "",
    agent_id: str | None = None,
    idempotency_key: str | None = None,
) -> Step:
    """An event of the daemon's own, at the session's head: an operator's act, or an opening."""
    envelope = Envelope(
        agent_id=_optional(agent_id),
        event_type=event_type,
        idempotency_key=_optional(idempotency_key),
        payload=Raw(encode(msgspec.to_builtins(payload))),
        seq=states.session.next_seq,
        session_id=states.session.session_id,
        tenant_id=states.tenant.tenant_id,
        ts_unix_ms=now_ms,
        user_id=user_id,
    )
    event = _sealed(states, envelope)
    return Step(events=(event,), states=_folded(states, event, envelope.payload))


def _sealed(states: States, envelope: Envelope) -> StoredEvent:
    return seal(envelope, states.tenant.next_position, states.session.head_hash)


def _folded(states: States, event: StoredEvent, body: Raw | bytes) -> States:
    """The states behind one more event, read from the payload's stored bytes and nothing else."""
    seen = fact_of(event, body)
    return States(
        tenant=fold_tenant(states.tenant, seen), session=fold_session(states.session, seen)
    )


def _optional(text: str | None) -> str | UnsetType:
    return UNSET if text is None else text

"""The log decided again: every decision derived from recorded facts and compared, byte for byte.

Pass 1 (`derive_session`) takes one session and trusts the facts recorded in each decision. Pass 2
(`derive_tenant`) takes a tenant in position order and derives those facts. Both must hold.
Nothing is executed again: replay reads the log and asks the evaluator. Values that are kept beside
events are asked for; a decision about one that is gone cannot be made again, and is told apart.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, Raw, Struct

from aegisd.core.decide import Grounds, admit, decide, decided
from aegisd.core.errors import Conflict, InvalidJson, LogCorrupt
from aegisd.core.events import AGENT_EVENTS, JUDGED, RELEASED, PolicyDecision
from aegisd.core.log import detached
from aegisd.core.log.detached import Value
from aegisd.core.log.envelope import Envelope, StoredEvent, unseal
from aegisd.core.policy.input import Moment, PolicyInput, beside, build, facts, snapshot
from aegisd.core.policy.judge import Judge
from aegisd.core.policy.verdict import Verdict
from aegisd.core.proposal import Proposal, recall, with_payload
from aegisd.core.state.fold import fact, fold_session, fold_tenant
from aegisd.core.state.model import SessionState, TenantState

Place = Literal["state", "input", "verdict", "decide", "facts"]
Class = Literal["tampered", "upgrade", "fault", "unreplayable", "unreplayable (erased)"]

# The values that are kept beside an event, as far as the log at hand has them.
Values = Callable[[StoredEvent], Sequence[Value]]

_VERDICT_FIELDS = ("outcome", "reason", "reasons", "constraints", "obligations", "advice")

_encode = msgspec.json.Encoder().encode
_decode_decision = msgspec.json.Decoder(PolicyDecision).decode
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode


class Difference(Struct, frozen=True, kw_only=True):
    """One place where the log and its derivation disagree. `recorded` and `derived` are JSON."""

    position: int
    session_id: str
    seq: int
    place: Place
    klass: Class = msgspec.field(name="class")
    field: str
    recorded: str
    derived: str


class Change(Struct, frozen=True, kw_only=True):
    """A decision that another bundle would have made differently, on the state as recorded."""

    position: int
    session_id: str
    seq: int
    call_id: str
    event_type: str
    subject: str
    recorded_outcome: str
    recorded_reason: str
    outcome: str
    reason: str
    rules: tuple[str, ...]


class Counterfactual(Struct, frozen=True, kw_only=True):
    """What another bundle would have changed of one session's `decisions`.

    `unjudged` of them are about values that are gone, so nobody can tell.
    """

    decisions: int
    changes: list[Change]
    unjudged: int


class Judgement(Struct, frozen=True, kw_only=True):
    """A recorded decision with what it was made from: the state before, and the proposal."""

    before: SessionState
    cause: StoredEvent
    proposal: Proposal
    event: StoredEvent
    decision: PolicyDecision


def judgements(events: Iterable[StoredEvent], differences: list[Difference]) -> Iterator[Judgement]:
    """The decisions of one session in order; a log that does not fold adds to `differences`."""
    state: SessionState | None = None
    waiting: tuple[SessionState, StoredEvent, Proposal] | None = None
    for event in events:
        if state is None:
            state = SessionState(tenant_id=event.tenant_id, session_id=event.session_id)
        seen = fact(event)
        if event.event_type == "POLICY_DECISION":
            decision = _decision(event)
            if waiting is None:
                differences.append(_misplaced(event, "cause", "a judged event before it"))
            elif decision is None:
                differences.append(_misplaced(event, "payload", "what a decision holds"))
            else:
                before, cause, proposal = waiting
                yield Judgement(
                    before=before, cause=cause, proposal=proposal, event=event, decision=decision
                )
            waiting = None
        else:
            _require_decided(waiting, differences)
            waiting = None
            if event.event_type in AGENT_EVENTS:
                proposal = recall(event, seen.payload)
                _check_admitted(state, proposal, event, differences)
                if event.event_type in JUDGED or event.event_type in RELEASED:
                    waiting = (state, event, proposal)
        state = fold_session(state, seen)
    _require_decided(waiting, differences)


def no_values(_event: StoredEvent) -> Sequence[Value]:
    """The values of a log that has none."""
    return ()


def derive_session(
    events: Iterable[StoredEvent], judge: Judge, values: Values = no_values
) -> tuple[int, list[Difference]]:
    """Pass 1: count the decisions of one session, and list where deriving them differs.

    Raises `msgspec.MsgspecError` where stored bytes are no envelope: `chain.verify` comes first.
    """
    differences: list[Difference] = []
    count = 0
    for judgement in judgements(events, differences):
        count += 1
        differences.extend(_compare(judgement, judge, values))
    return count, differences


def derive_tenant(events: Iterable[StoredEvent], judge: Judge) -> list[Difference]:
    """Pass 2: in position order, what each decision read across sessions, and which rules held."""
    differences: list[Difference] = []
    state: TenantState | None = None
    last: tuple[TenantState, StoredEvent] | None = None
    for event in events:
        if state is None:
            state = TenantState(tenant_id=event.tenant_id)
        seen = fact(event)
        if event.event_type == "POLICY_DECISION" and last is not None:
            differences.extend(_compare_facts(event, *last, judge))
        else:
            _require_release(last, judge, differences)
        last, state = (state, event), fold_tenant(state, seen)
    _require_release(last, judge, differences)
    return differences


def counterfactual(
    events: Iterable[StoredEvent], judge: Judge, bundle: str, values: Values = no_values
) -> Counterfactual:
    """What-if: judge one session's recorded inputs by another bundle.

    Each call is judged on the state as it was recorded, and other sessions' facts stay as they
    were, so a change is the rule's own doing and never an echo of an earlier change.
    """
    changes: list[Change] = []
    count, unjudged = 0, 0
    for judgement in judgements(events, []):
        count += 1
        policy_input = _input(judgement, judge)
        if policy_input is not None and detached.BEGINS in judgement.proposal.body:
            policy_input = _with_values(judgement, judge, policy_input, values)
            unjudged += policy_input is None
        verdict = (
            None
            if policy_input is None
            else judge.judge(bundle, judgement.decision.manifest, policy_input)
        )
        if verdict is None or policy_input is None:
            continue
        if not _same_verdict(judgement, verdict, policy_input):
            changes.append(_change(judgement, verdict))
    return Counterfactual(decisions=count, changes=changes, unjudged=unjudged)


def _input(judgement: Judgement, judge: Judge) -> PolicyInput | None:
    """The input as it was recorded; None where the manifest is gone or the log makes no input."""
    return _input_of(judgement, judge, judgement.proposal)


def _input_of(judgement: Judgement, judge: Judge, proposal: Proposal) -> PolicyInput | None:
    decision = judgement.decision
    capabilities = judge.capabilities(decision.manifest)
    if capabilities is None:
        return None
    try:
        return build(
            proposal,
            judgement.cause.seq,
            snapshot(judgement.before, decision.now_ms),
            bytes(decision.facts),
            capabilities,
            _moment(decision),
        )
    except (msgspec.MsgspecError, InvalidJson):
        return None


def _with_values(
    judgement: Judgement, judge: Judge, recorded: PolicyInput, values: Values
) -> PolicyInput | None:
    """The input as it was judged; None where a value is gone. Raises `LogCorrupt` for a wrong one.

    `recorded` is the input that the event makes as it is stored.
    """
    kept = tuple(values(judgement.cause))
    payload = detached.attach(judgement.proposal.payload, kept)
    if detached.pointers(payload):
        return None
    judged = _input_of(judgement, judge, with_payload(judgement.proposal, payload))
    return None if judged is None else beside(judged, recorded, kept)


def _compare(judgement: Judgement, judge: Judge, values: Values) -> Iterator[Difference]:
    decision = judgement.decision
    judge = judge.on(decision.evaluator.name)
    policy_input = _input(judgement, judge)
    if policy_input is None:
        gone = judge.capabilities(decision.manifest) is None
        field, recorded = ("manifest", decision.manifest) if gone else ("facts", "unreadable")
        yield _difference(judgement, judge, "input", field, recorded, "", gone=gone)
        return
    if policy_input.sha256 != decision.input_sha256:
        yield _difference(
            judgement, judge, "input", "input_sha256", decision.input_sha256, policy_input.sha256
        )
        return
    if detached.BEGINS in judgement.proposal.body:
        try:
            judged = _with_values(judgement, judge, policy_input, values)
        except LogCorrupt as corrupt:
            yield _beside(judgement, "tampered", corrupt.message)
            return
        if judged is None:
            yield _beside(judgement, "unreplayable (erased)", "a value is not in this log")
            return
        policy_input = judged
    verdict = judge.judge(decision.bundle, decision.manifest, policy_input)
    if verdict is None:
        yield _difference(judgement, judge, "verdict", "bundle", decision.bundle, "", gone=True)
        return
    derived = decided(unseal(judgement.cause.body), _derive(judgement, verdict, policy_input))
    faulted = verdict.fault is not None or _denied_by_fault(decision)
    for place, field, theirs, mine in _unlike(unseal(judgement.event.body), derived):
        yield _difference(judgement, judge, place, field, theirs, mine, faulted=faulted)


def _denied_by_fault(decision: PolicyDecision) -> bool:
    """Whether an evaluation failed when this was decided; one that did not deny is no excuse."""
    return decision.evaluator.fault is not UNSET and decision.outcome == "deny"


def _unlike(recorded: Envelope, derived: Envelope) -> Iterator[tuple[Place, str, str, str]]:
    """Where two decisions differ, as (place, field, recorded, derived)."""
    for field in derived.__struct_fields__:
        theirs, mine = _text(getattr(recorded, field)), _text(getattr(derived, field))
        if field not in ("payload", "prev_hash") and theirs != mine:
            yield "decide", field, theirs, mine
    if bytes(recorded.payload) == bytes(derived.payload):
        return
    fields = _decode_fields(recorded.payload), _decode_fields(derived.payload)
    unlike = [
        (field, theirs, mine)
        for field in sorted({*fields[0], *fields[1]})
        for theirs, mine in [[_text(side.get(field, UNSET)) for side in fields]]
        if theirs != mine
    ]
    # Bytes that differ where no field does are spelled otherwise than the daemon spells them.
    for field, theirs, mine in unlike or [("payload", "not canonical", "canonical")]:
        yield "verdict" if field in _VERDICT_FIELDS else "decide", field, theirs, mine


def _derive(judgement: Judgement, verdict: Verdict, policy_input: PolicyInput) -> PolicyDecision:
    """The decision again, under the names of the engine and rules that made it.

    A newer engine that gives the same answer is no difference; one that does not is an `upgrade`.
    """
    decision = judgement.decision
    grounds = Grounds(
        bundle=decision.bundle,
        manifest=decision.manifest,
        evaluator=decision.evaluator.name,
        evaluator_version=decision.evaluator.version,
        rules_version=decision.rules_version,
        moment=_moment(decision),
    )
    return decide(judgement.proposal, judgement.cause.seq, verdict, policy_input, grounds)


def _moment(decision: PolicyDecision) -> Moment:
    return Moment(now_ms=decision.now_ms, utc_offset_s=decision.utc_offset_s)


def _difference(
    judgement: Judgement,
    judge: Judge,
    place: Place,
    field: str,
    recorded: str,
    derived: str,
    *,
    gone: bool = False,
    faulted: bool = False,
) -> Difference:
    decision = judgement.decision
    klass: Class = "unreplayable" if gone else "fault" if faulted else _blamed(decision, judge)
    event = judgement.event
    return Difference(
        position=event.position,
        session_id=event.session_id,
        seq=event.seq,
        place=place,
        klass=klass,
        field=field,
        recorded=recorded,
        derived=derived,
    )


def _beside(judgement: Judgement, klass: Class, found: str) -> Difference:
    """A decision that cannot be made again, for what was found beside its event."""
    event = judgement.event
    return Difference(
        position=event.position,
        session_id=event.session_id,
        seq=event.seq,
        place="input",
        klass=klass,
        field="detached",
        recorded=", ".join(detached.pointers(judgement.proposal.payload)),
        derived=found,
    )


def _blamed(decision: PolicyDecision, judge: Judge) -> Class:
    """Why a decision may differ: other rules or another engine made it, or somebody changed it."""
    made_by = (decision.rules_version, decision.evaluator.name, decision.evaluator.version)
    return "tampered" if made_by == (judge.rules_version, *judge.evaluator()) else "upgrade"


def _misplaced(event: StoredEvent, field: str, expected: str) -> Difference:
    return Difference(
        position=event.position,
        session_id=event.session_id,
        seq=event.seq,
        place="state",
        klass="tampered",
        field=field,
        recorded="absent",
        derived=expected,
    )


def _require_decided(
    waiting: tuple[SessionState, StoredEvent, Proposal] | None, differences: list[Difference]
) -> None:
    if waiting is not None and waiting[1].event_type in JUDGED:
        differences.append(_misplaced(waiting[1], "decision", "a decision right behind it"))


def _check_admitted(
    state: SessionState, proposal: Proposal, event: StoredEvent, differences: list[Difference]
) -> None:
    try:
        admit(state, proposal, frozenset())
    except Conflict as conflict:
        differences.append(
            Difference(
                position=event.position,
                session_id=event.session_id,
                seq=event.seq,
                place="state",
                klass="tampered",
                field="admission",
                recorded="stored",
                derived=conflict.code,
            )
        )


def _compare_facts(
    event: StoredEvent, before: TenantState, cause: StoredEvent, judge: Judge
) -> Iterator[Difference]:
    if (cause.session_id, cause.seq) != (event.session_id, event.seq - 1):
        yield _misplaced(event, "cause", "the judged event right before it")
    decision = _decision(event)
    if decision is None:
        return
    if cause.event_type in RELEASED and not _is_released(cause, before, judge):
        yield _misplaced(event, "cause", "an event whose release the bundle judges")
    manifest = before.manifest.digest if before.manifest else ""
    bundle = before.bundle.digest if before.bundle else ""
    derived = facts(before, event.agent_id).decode()
    for field, theirs, mine in (
        ("manifest", decision.manifest, manifest),
        ("bundle", decision.bundle, bundle),
        ("facts", bytes(decision.facts).decode(), derived),
        ("now_ms", str(decision.now_ms), str(max(decision.now_ms, before.last_now_ms))),
    ):
        if theirs != mine:
            yield Difference(
                position=event.position,
                session_id=event.session_id,
                seq=event.seq,
                place="facts",
                klass="tampered",
                field=field,
                recorded=theirs,
                derived=mine,
            )


def _require_release(
    last: tuple[TenantState, StoredEvent] | None, judge: Judge, differences: list[Difference]
) -> None:
    if last is not None and _is_released(last[1], last[0], judge):
        differences.append(_misplaced(last[1], "decision", "a decision about its release"))


def _is_released(event: StoredEvent, state: TenantState, judge: Judge) -> bool:
    if event.event_type not in RELEASED or state.bundle is None:
        return False
    return event.event_type in judge.released(state.bundle.digest)


def _same_verdict(judgement: Judgement, verdict: Verdict, policy_input: PolicyInput) -> bool:
    derived = _derive(judgement, verdict, policy_input)
    return all(
        _text(getattr(derived, field)) == _text(getattr(judgement.decision, field))
        for field in _VERDICT_FIELDS
    )


def _change(judgement: Judgement, verdict: Verdict) -> Change:
    payload = judgement.proposal.payload
    named = payload if isinstance(payload, dict) else {}
    subject = named.get("tool_name") or named.get("model") or named.get("memory_key") or ""
    return Change(
        position=judgement.event.position,
        session_id=judgement.event.session_id,
        seq=judgement.cause.seq,
        call_id=judgement.decision.call_id,
        event_type=judgement.cause.event_type,
        subject=str(subject),
        recorded_outcome=judgement.decision.outcome,
        recorded_reason=judgement.decision.reason,
        outcome=verdict.outcome,
        reason=verdict.reason,
        rules=tuple(sorted({reason.rule for reason in verdict.reasons})),
    )


def _decision(event: StoredEvent) -> PolicyDecision | None:
    """A stored decision; None where its payload is none."""
    try:
        return _decode_decision(unseal(event.body).payload)
    except msgspec.MsgspecError:
        return None


def _text(value: object) -> str:
    return "absent" if value is UNSET else _encode(value).decode()

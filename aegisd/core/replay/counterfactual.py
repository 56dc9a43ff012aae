"""What-if: recorded calls judged by another bundle."""

from collections.abc import Callable, Iterable

import msgspec
from msgspec import Struct

from aegisd.core import gate
from aegisd.core.decision import PolicyDecision
from aegisd.core.gate import Question
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.policy.judge import Judge
from aegisd.core.policy.verdict import Verdict
from aegisd.core.replay.judgement import Judgement, Values, asked, judgements, no_values, restored
from aegisd.core.state.fold import fact

# Which decisions are asked about.
Wanted = Callable[[Judgement], bool]


def every(_judgement: Judgement) -> bool:
    """All of them."""
    return True


class _Target(Struct, frozen=True):
    host: str = ""
    path: str = ""
    recipient: str = ""
    binary: str = ""


class _Reached(Struct, frozen=True):
    hosts: tuple[_Target, ...] = ()
    paths: tuple[_Target, ...] = ()
    recipients: tuple[_Target, ...] = ()
    commands: tuple[_Target, ...] = ()


class _Reach(Struct, frozen=True):
    call: _Reached = _Reached()


_decode_reach = msgspec.json.Decoder(_Reach).decode


class Change(Struct, frozen=True, kw_only=True):
    """A decision that another bundle would have made differently, on the state as recorded.

    `target` is what the call reaches for first, empty for none; `message` says what failed where it
    is a POLICY_ERROR.
    """

    position: int
    session_id: str
    seq: int
    call_id: str
    event_type: str
    subject: str
    target: str
    recorded_outcome: str
    recorded_reason: str
    outcome: str
    reason: str
    rules: tuple[str, ...]
    message: str

    @property
    def turns(self) -> bool:
        """Whether the outcome is another, and not only why or on what terms."""
        return self.outcome != self.recorded_outcome


class Counterfactual(Struct, frozen=True, kw_only=True):
    """What another bundle would have changed of one session's `decisions`.

    `unjudged` of them need bytes that are gone (a value, the manifest, the other bundle), or make
    no question, so nobody can tell.
    """

    decisions: int
    changes: list[Change]
    unjudged: int


def counterfactual(
    events: Iterable[StoredEvent],
    judge: Judge,
    bundle: str,
    values: Values = no_values,
    wanted: Wanted = every,
) -> Counterfactual:
    """Judge one session's recorded inputs by another bundle.

    Each call is judged on the state as it was recorded, and other sessions' facts stay as they
    were, so a change is the rule's own doing and never an echo of an earlier change. Those that
    are not `wanted` are not asked about. Raises `LogCorrupt` for a value that is not what its event
    is committed to.
    """
    changes: list[Change] = []
    count, unjudged = 0, 0
    for judgement in judgements(events, judge, []):
        if not wanted(judgement):
            continue
        count += 1
        question = asked(judgement, judge)
        verdict = None if question is None else _judged(judgement, question, judge, bundle, values)
        if question is None or verdict is None:
            unjudged += 1
        elif not _is_same(verdict, judgement.decision):
            changes.append(_change(judgement, question, verdict))
    return Counterfactual(decisions=count, changes=changes, unjudged=unjudged)


def _judged(
    judgement: Judgement, question: Question, judge: Judge, bundle: str, values: Values
) -> Verdict | None:
    """What another bundle says of a recorded call; None where nobody can tell."""
    whole = restored(judgement, question, values)
    return None if whole is None else gate.judged(whole, judge, bundle)


def _is_same(verdict: Verdict, decision: PolicyDecision) -> bool:
    said = verdict.spell()
    return all(getattr(said, name) == getattr(decision, name) for name in said.__struct_fields__)


def _change(judgement: Judgement, question: Question, verdict: Verdict) -> Change:
    cause, decision = judgement.act.cause, judgement.decision
    seen = fact(cause)
    names = seen.declared.subject if seen.declared is not None else None
    subject = seen.fields.get(names, "") if names is not None else ""
    return Change(
        position=judgement.row.position,
        session_id=cause.session_id,
        seq=cause.seq,
        call_id=decision.call_id,
        event_type=cause.event_type,
        subject=str(subject),
        target=_target(question),
        recorded_outcome=decision.outcome,
        recorded_reason=decision.reason,
        outcome=verdict.outcome,
        reason=verdict.reason,
        rules=tuple(sorted({reason.rule for reason in verdict.reasons})),
        message=verdict.reasons[0].message if verdict.fault is not None else "",
    )


def _target(question: Question) -> str:
    """What a call reaches for first, of the event as it is stored."""
    if question.policy_input is None:
        return ""
    call = _decode_reach(question.policy_input.recorded or question.policy_input.body).call
    named = (call.hosts, call.paths, call.recipients, call.commands)
    first = next((each[0] for each in named if each), None)
    return first.host or first.path or first.recipient or first.binary if first else ""

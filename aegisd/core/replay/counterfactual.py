"""What-if: recorded calls judged by another bundle."""

from collections.abc import Iterable

from msgspec import Struct

from aegisd.core import gate
from aegisd.core.decision import PolicyDecision
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.policy.judge import Judge
from aegisd.core.policy.verdict import Verdict
from aegisd.core.replay.judgement import Judgement, Values, asked, judgements, no_values, restored
from aegisd.core.state.fold import fact


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

    `unjudged` of them need bytes that are gone (a value, the manifest, the other bundle), or make
    no question, so nobody can tell.
    """

    decisions: int
    changes: list[Change]
    unjudged: int


def counterfactual(
    events: Iterable[StoredEvent], judge: Judge, bundle: str, values: Values = no_values
) -> Counterfactual:
    """Judge one session's recorded inputs by another bundle.

    Each call is judged on the state as it was recorded, and other sessions' facts stay as they
    were, so a change is the rule's own doing and never an echo of an earlier change. Raises
    `LogCorrupt` for a value that is not what its event is committed to.
    """
    changes: list[Change] = []
    count, unjudged = 0, 0
    for judgement in judgements(events, judge, []):
        count += 1
        verdict = _judged(judgement, judge, bundle, values)
        if verdict is None:
            unjudged += 1
        elif not _is_same(verdict, judgement.decision):
            changes.append(_change(judgement, verdict))
    return Counterfactual(decisions=count, changes=changes, unjudged=unjudged)


def _judged(judgement: Judgement, judge: Judge, bundle: str, values: Values) -> Verdict | None:
    """What another bundle says of a recorded call; None where nobody can tell."""
    question = asked(judgement, judge)
    whole = None if question is None else restored(judgement, question, values)
    return None if whole is None else gate.judged(whole, judge, bundle)


def _is_same(verdict: Verdict, decision: PolicyDecision) -> bool:
    said = verdict.spell()
    return all(getattr(said, name) == getattr(decision, name) for name in said.__struct_fields__)


def _change(judgement: Judgement, verdict: Verdict) -> Change:
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
        recorded_outcome=decision.outcome,
        recorded_reason=decision.reason,
        outcome=verdict.outcome,
        reason=verdict.reason,
        rules=tuple(sorted({reason.rule for reason in verdict.reasons})),
    )

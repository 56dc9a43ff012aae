"""The recorded decisions of a session, each with all that asking again needs."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
from msgspec import Struct

from aegisd.core import gate
from aegisd.core.act import Act, acts
from aegisd.core.decision import PolicyDecision
from aegisd.core.errors import InvalidJson
from aegisd.core.events import AGENT_EVENTS, JUDGED, RELEASED
from aegisd.core.gate import Question
from aegisd.core.log.detached import Value
from aegisd.core.log.envelope import StoredEvent, unseal
from aegisd.core.policy.judge import Judge
from aegisd.core.proposal import Proposal, recall
from aegisd.core.replay.difference import Class, Difference, difference, misplaced, rules_blamed
from aegisd.core.state.fold import fact, fact_of, fold_session
from aegisd.core.state.model import SessionState

# The values that are kept beside an event, as far as the log at hand has them.
Values = Callable[[StoredEvent], Sequence[Value]]

JUDGED_BEFORE = "a judged event before it"

_decode_decision = msgspec.json.Decoder(PolicyDecision).decode


class Judgement(Struct, frozen=True, kw_only=True):
    """A decision, the row that records it, its act, and the session's state before that.

    `proposal` is what the act's cause was before it was recorded.
    """

    before: SessionState
    act: Act
    proposal: Proposal
    row: StoredEvent
    decision: PolicyDecision


def judgements(
    events: Iterable[StoredEvent], judge: Judge, differences: list[Difference]
) -> Iterator[Judgement]:
    """The decisions of one session in order; a log that does not fold adds to `differences`.

    Which rows a session has is the work of the rules that made its newest decision.
    """
    state: SessionState | None = None
    newest: PolicyDecision | None = None
    for act in acts(events):
        cause, row = act.cause, act.decision
        if state is None:
            state = SessionState(tenant_id=cause.tenant_id, session_id=cause.session_id)
        decision = None if row is None else decision_of(row)
        proposal = recall(cause)
        newest = decision or newest
        klass = rules_blamed(newest, judge)
        _check_admitted(state, cause, proposal, klass, differences)
        differences += (misplaced(each, "cause", JUDGED_BEFORE) for each in act.surplus)
        if act.is_parted:
            differences.append(misplaced(cause, "cause", JUDGED_BEFORE))
        elif row is None:
            if cause.event_type in JUDGED:
                differences.append(misplaced(cause, "decision", "a decision behind it", klass))
        elif cause.event_type not in JUDGED | RELEASED:
            differences.append(misplaced(row, "cause", JUDGED_BEFORE, klass))
        elif decision is None:
            differences.append(misplaced(row, "payload", "what a decision holds"))
        else:
            yield Judgement(before=state, act=act, proposal=proposal, row=row, decision=decision)
        state = fold_session(state, fact_of(cause, proposal.body))
        for each in act.consequences:
            state = fold_session(state, fact(each))


def no_values(_event: StoredEvent) -> Sequence[Value]:
    """The values of a log that has none."""
    return ()


def asked(judgement: Judgement, judge: Judge) -> Question | None:
    """What was asked, of the event as it is stored.

    None where the manifest's bytes are gone, or where the log makes no question.
    """
    decision = judgement.decision
    capabilities = judge.capabilities(decision.manifest)
    if capabilities is None:
        return None
    try:
        return gate.ask_again(
            judgement.before, judgement.act.cause, judgement.proposal, decision, capabilities
        )
    except (msgspec.MsgspecError, InvalidJson):
        return None


def restored(judgement: Judgement, question: Question, values: Values) -> Question | None:
    """What was asked, with the values beside the event. Otherwise as `gate.restore`."""
    if not gate.has_values(question):
        return question
    return gate.restore(judgement.before, question, values(judgement.act.cause))


def decision_of(row: StoredEvent) -> PolicyDecision | None:
    """A stored decision; None where its payload is none."""
    try:
        return _decode_decision(unseal(row.body).payload)
    except msgspec.MsgspecError:
        return None


def _check_admitted(
    state: SessionState,
    cause: StoredEvent,
    proposal: Proposal,
    klass: Class,
    differences: list[Difference],
) -> None:
    if cause.event_type not in AGENT_EVENTS:
        return
    conflict = gate.refusal(state, proposal)
    if conflict is not None:
        found = difference(cause, "state", klass, "admission", "stored", conflict.code)
        differences.append(found)

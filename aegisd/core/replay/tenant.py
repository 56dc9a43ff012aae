"""Pass 2: in the tenant's order, what each decision read across sessions, and which rules held."""

from collections.abc import Iterable

from aegisd.core.act import acts
from aegisd.core.activation import digest_of
from aegisd.core.budget import stepped
from aegisd.core.clock import CORRECTED
from aegisd.core.decision import PolicyDecision
from aegisd.core.events import RELEASED
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.policy.input import facts
from aegisd.core.policy.judge import Judge
from aegisd.core.replay.difference import Class, Derivation, difference, misplaced, rules_blamed
from aegisd.core.replay.judgement import decision_of
from aegisd.core.state.fold import fact, fold_tenant
from aegisd.core.state.model import TenantState


def derive_tenant(events: Iterable[StoredEvent], judge: Judge) -> Derivation:
    """Derive what each decision of a tenant read across sessions, and list where that differs.

    `events` are all of the tenant's, in position order.
    """
    derivation = Derivation()
    found = derivation.differences
    state: TenantState | None = None
    newest: PolicyDecision | None = None
    for act in acts(events):
        cause, row = act.cause, act.decision
        decision = None if row is None else decision_of(row)
        newest = decision or newest
        klass = rules_blamed(newest, judge)
        state = state or TenantState(tenant_id=cause.tenant_id)
        released = _is_released(cause, state, judge)
        if act.is_parted:
            found.append(misplaced(cause, "cause", "the judged event right before it"))
        elif row is not None:
            if decision is not None:
                _compare_facts(row, decision, state, klass, derivation)
            if cause.event_type in RELEASED and not released:
                expected = "an event whose release the bundle judges"
                found.append(misplaced(row, "cause", expected, klass))
        elif released:
            found.append(misplaced(cause, "decision", "a decision about its release", klass))
        _compare_time(cause, state, derivation)
        for each in act.rows:
            state = fold_tenant(state, fact(each))
    return derivation


def _compare_facts(
    row: StoredEvent,
    decision: PolicyDecision,
    before: TenantState,
    klass: Class,
    derivation: Derivation,
) -> None:
    """Hold a decision to the tenant's state before its cause."""
    derivation.decisions += 1
    recorded, derived = bytes(decision.facts), facts(before, row.agent_id)
    if recorded != derived and klass == "upgrade":
        derivation.changed_facts += 1
        recorded = derived
    for name, theirs, mine in (
        ("manifest", decision.manifest, digest_of(before.activations.manifest)),
        ("bundle", decision.bundle, digest_of(before.activations.bundle)),
        ("facts", recorded.decode(), derived.decode()),
        ("now_ms", str(decision.now_ms), str(max(decision.now_ms, before.last_now_ms))),
        ("clock_stepped_ms", str(decision.clock_stepped_ms or 0), str(before.stepped_ms)),
    ):
        if theirs != mine:
            derivation.differences.append(difference(row, "facts", klass, name, theirs, mine))


def _compare_time(row: StoredEvent, before: TenantState, derivation: Derivation) -> None:
    """Hold what a correction of the clock, or the opening of a session, says of the time before."""
    if row.event_type == CORRECTED:
        name, least = "from_ms", before.last_now_ms
        told = fact(row).fields.get(name)
        holds = isinstance(told, int) and told >= least
    elif row.event_type == "SESSION_OPENED":
        name, least = "clock_stepped_ms", before.stepped_ms
        told = stepped(fact(row))
        holds = told == least
    else:
        return
    if not holds:
        found = difference(row, "facts", "tampered", name, str(told), str(least))
        derivation.differences.append(found)


def _is_released(event: StoredEvent, state: TenantState, judge: Judge) -> bool:
    bundle = state.activations.bundle
    if event.event_type not in RELEASED or bundle is None:
        return False
    return event.event_type in judge.released(bundle.digest)

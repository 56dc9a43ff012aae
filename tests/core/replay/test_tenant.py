"""Pass 2: what a decision read across sessions, and which rules held."""

from aegisd.core.clock import CORRECTED
from aegisd.core.log.envelope import Envelope
from aegisd.core.replay.tenant import derive_tenant
from tests.core.gate import (
    Gate,
    manifest,
    proposal,
)
from tests.core.replay.rewriting import (
    decision,
    differences,
    in_decision,
    payload,
    rewritten,
    worked,
)


def test_a_decision_parted_from_its_cause_is_found_in_the_tenants_order() -> None:
    gate = worked()

    def part(envelopes: list[Envelope]) -> None:
        at = decision(envelopes)
        after = envelopes[at + 1]
        assert after.session_id == "s2"
        envelopes[at], envelopes[at + 1] = after, envelopes[at]

    events = rewritten(gate.events, part)
    first, second = differences(events, gate.judge)
    assert first == []
    assert ("state", "cause") in {(d.place, d.field) for d in second}


def test_a_time_that_runs_backwards_is_found_in_the_facts() -> None:
    gate = Gate(held=manifest())
    gate.propose(proposal())
    gate.now_ms -= 1
    gate.propose(proposal(session_id="s2"))
    first, second = differences(gate.events, gate.judge)
    assert first == []
    assert [(d.place, d.field, d.klass) for d in second] == [("facts", "now_ms", "tampered")]


def test_a_release_that_the_bundle_judges_needs_its_decision() -> None:
    gate = Gate(held=manifest())
    gate.judge.releases = frozenset({"TOOL_RESULT"})
    gate.propose(proposal("TOOL_RESULT", {"call_id": "c0", "result": 1}))
    gate.propose(proposal("USER_MESSAGE", {"content": "x"}))
    assert differences(gate.events, gate.judge) == ([], [])
    made_by = gate.judge.rules_version
    for released, field in ({"TOOL_RESULT", "USER_MESSAGE"}, "decision"), (set[str](), "cause"):
        gate.judge.releases = frozenset(released)
        for rules, klass in (made_by, "tampered"), ("rules 2", "upgrade"):
            gate.judge.rules_version = rules
            found = derive_tenant(gate.events, gate.judge).differences
            assert [(d.place, d.field, d.klass) for d in found] == [("state", field, klass)]


def test_facts_that_other_rules_read_otherwise_are_counted_and_no_difference() -> None:
    gate = worked()
    other = {"agent": {"id": "a1", "allowed": 7, "denied": 0}, "tenant": {"allowed": 7}}
    log = rewritten(gate.events, in_decision(1, facts=other))
    assert [d.klass for d in derive_tenant(log, gate.judge).differences] == ["tampered"]
    gate.judge.rules_version = "rules 2"
    found = derive_tenant(log, gate.judge)
    assert (found.decisions, found.changed_facts, found.differences) == (9, 1, [])


def test_which_rules_held_is_a_difference_under_other_rules_too() -> None:
    gate = worked()
    log = rewritten(gate.events, in_decision(1, bundle="0" * 64))
    gate.judge.rules_version = "rules 2"
    found = derive_tenant(log, gate.judge).differences
    assert [(d.place, d.field, d.klass) for d in found] == [("facts", "bundle", "upgrade")]


def test_time_runs_back_by_a_correction_from_the_last_recorded_time_only() -> None:
    gate = Gate(held=manifest())
    gate.propose(proposal())
    gate.correct(gate.now_ms - 86_400_000)
    gate.propose(proposal())
    assert derive_tenant(gate.events, gate.judge).differences == []
    at = next(e.position for e in gate.events if e.event_type == CORRECTED)
    without = [event for event in gate.events if event.position != at]
    assert [d.field for d in derive_tenant(without, gate.judge).differences] == [
        "now_ms",
        "clock_stepped_ms",
    ]

    def later(envelopes: list[Envelope]) -> None:
        envelopes[at] = payload(envelopes[at], from_ms=gate.now_ms)

    found, decision = derive_tenant(rewritten(gate.events, later), gate.judge).differences
    assert decision.field == "clock_stepped_ms"
    assert (found.position, found.klass, found.field) == (at, "tampered", "from_ms")

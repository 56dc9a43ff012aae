"""What another bundle would have changed: what its rule decides, and nothing else."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from aegisd.core.errors import LogCorrupt
from aegisd.core.log.detached import Value
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.replay.counterfactual import counterfactual
from aegisd.core.replay.judgement import no_values
from tests.core.gate import (
    BUNDLE,
    Gate,
    Json,
    ScriptedJudge,
    base,
    claim,
    digest,
    manifest,
    says,
    tool,
)
from tests.core.replay.rewriting import OTHER, confided, weekdays_only, without, worked


def test_a_counterfactual_changes_the_calls_that_the_changed_rule_decides_and_no_others() -> None:
    gate = worked()
    judge = ScriptedJudge({BUNDLE: base, OTHER: weekdays_only})
    judge.documents = gate.judge.documents
    for session_id, asked in (("s1", 5), ("s2", 4)):
        told = counterfactual(gate.of(session_id), judge, digest(OTHER))
        assert (told.decisions, told.unjudged) == (asked, 0)
        changes = told.changes
        assert [(c.subject, c.recorded_outcome, c.outcome, c.reason) for c in changes] == [
            ("pay", "require_approval", "deny", "POLICY_DENY")
        ]
        assert changes[0].rules == ("aegis.approval_required", "aegis.policy_deny")
        same = counterfactual(gate.of(session_id), judge, digest(BUNDLE))
        assert (same.decisions, same.changes) == (asked, [])


def test_a_counterfactual_judges_each_call_on_the_state_as_it_was_recorded() -> None:
    gate = Gate(held=manifest(budgets={"tool_calls": 2}))
    for _ in range(3):
        gate.propose(tool("read_file"))

    def nothing(_given: Json, _held: Json) -> Json:
        return says(deny=[claim("POLICY_DENY")])

    judge = ScriptedJudge({BUNDLE: base, OTHER: nothing})
    judge.documents = gate.judge.documents
    changes = counterfactual(gate.of(), judge, digest(OTHER)).changes
    assert [(c.recorded_reason, c.reason) for c in changes] == [
        ("OK", "POLICY_DENY"),
        ("OK", "POLICY_DENY"),
        ("BUDGET_EXCEEDED", "POLICY_DENY"),
    ]


def test_a_counterfactual_judges_by_the_values_beside_the_events_and_counts_what_is_gone() -> None:
    gate = confided()
    judge = ScriptedJudge({OTHER: without("Ada")})
    judge.documents = gate.judge.documents
    told = counterfactual(gate.of(), judge, digest(OTHER), gate.kept)
    assert (told.decisions, told.unjudged) == (3, 0)
    assert [(c.seq, c.recorded_outcome, c.outcome) for c in told.changes] == [
        (0, "allow", "deny"),
        (2, "deny", "allow"),
    ]
    for values in (no_values, lambda event: gate.kept(event)[1:]):
        told = counterfactual(gate.of(), judge, digest(OTHER), values)
        assert (told.decisions, told.unjudged, told.changes) == (3, 2, [])


def test_a_counterfactual_believes_no_value_that_its_event_does_not_commit_to() -> None:
    gate = confided()

    def forged(event: StoredEvent) -> Sequence[Value]:
        return [replace(value, value=b'"Eve"') for value in gate.kept(event)]

    with pytest.raises(LogCorrupt):
        counterfactual(gate.of(), gate.judge, digest(BUNDLE), forged)


def test_of_a_decision_whose_manifest_is_gone_a_counterfactual_says_that_nobody_can_tell() -> None:
    gate = worked()
    judge = ScriptedJudge({OTHER: weekdays_only})
    told = counterfactual(gate.of(), judge, digest(OTHER))
    assert (told.decisions, told.unjudged, told.changes) == (5, 5, [])

"""What another bundle would have changed: what its rule decides, and nothing else."""

from aegisd.core.replay.counterfactual import counterfactual
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
from tests.core.replay.rewriting import OTHER, weekdays_only, worked


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

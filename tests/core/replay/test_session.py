"""Pass 1: no difference in a log that the gate wrote, and every outcome compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.replay.difference import Derivation
from aegisd.core.replay.session import derive_session
from aegisd.core.replay.tenant import derive_tenant
from tests.core.gate import (
    BUNDLE,
    Gate,
    Json,
    ScriptedJudge,
    manifest,
    proposal,
)
from tests.core.replay.rewriting import compared, differences, in_decision, rewritten, worked


def test_a_log_that_the_gate_wrote_has_no_difference() -> None:
    gate = worked()
    assert differences(gate.events, gate.judge) == ([], [])
    counts = {s: derive_session(gate.of(s), gate.judge).decisions for s in ("s1", "s2", "$control")}
    assert counts == {"s1": 5, "s2": 4, "$control": 0}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["s1", "s2", "s3"]),
            st.sampled_from(["read_file", "undeclared", "pay", "fetch", "run"]),
            st.sampled_from(["a1", "a2", None]),
            st.integers(0, 1000),
        ),
        max_size=12,
    )
)
def test_no_log_that_the_gate_writes_has_a_difference(
    asked: list[tuple[str, str, str | None, int]],
) -> None:
    gate = Gate(held=manifest(budgets={"steps": 3, "wall_time_ms": 2000}))
    for session_id, name, agent_id, passed_ms in asked:
        gate.now_ms += passed_ms
        fields: Json = {"session_id": session_id}
        if agent_id is not None:
            fields["agent_id"] = agent_id
        gate.propose(proposal(payload={"tool_name": name}, **fields))
    assert differences(gate.events, gate.judge) == ([], [])


def test_what_other_rules_were_asked_otherwise_is_counted_and_its_outcome_is_compared() -> None:
    gate = worked()
    read_otherwise = in_decision(4, input_sha256="0" * 64, outcome="allow")
    log = rewritten(gate.events, read_otherwise)
    found = compared(gate, log)
    assert (found.decisions, found.compared, found.changed_inputs) == (5, 4, 0)
    assert {(d.place, d.field, d.klass) for d in found.differences} == {
        ("input", "input_sha256", "tampered")
    }
    gate.judge.rules_version = "rules 2"
    found = compared(gate, log)
    assert (found.decisions, found.compared, found.changed_inputs) == (5, 5, 1)
    assert {(d.place, d.field, d.klass) for d in found.differences} == {
        ("verdict", "outcome", "upgrade")
    }


@pytest.mark.parametrize("fault", ["error", "nonsense"])
def test_an_evaluation_that_failed_once_is_a_fault_and_counted_apart(fault: str) -> None:
    def sick(_given: Json, _held: Json) -> Json:
        if fault == "error":
            raise ZeroDivisionError
        return {}

    gate = Gate(ScriptedJudge({BUNDLE: sick}), manifest())
    assert gate.outcome(proposal()) == "POLICY_ERROR"
    assert differences(gate.events, gate.judge) == ([], [])
    healthy = ScriptedJudge()
    healthy.documents = gate.judge.documents
    first, second = differences(gate.events, healthy)
    assert {d.klass for d in first} == {"fault"}
    assert {d.field for d in first} >= {"outcome", "reason", "evaluator"}
    assert second == []


def test_an_empty_log_has_nothing_to_derive() -> None:
    judge = ScriptedJudge()
    assert derive_session([], judge) == Derivation()
    assert derive_tenant([], judge) == Derivation()

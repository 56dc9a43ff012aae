"""N means N: held by counting, then through the whole chain from input to fold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.budget import Counters
from aegisd.core.events import JUDGED
from aegisd.core.shapes.fact import Cause
from tests.core.builders import START_MS
from tests.core.facts import seen
from tests.core.gate import Gate, manifest, proposal, tool

STEPS = {
    "TOOL_CALL_PROPOSED": {"tool_name": "read_file", "args": {"path": "/workspace/a"}},
    "MODEL_CALL_STARTED": {"model": "m"},
    "MEMORY_WRITE": {"memory_key": "k"},
    "HANDOFF_REQUESTED": {"from_agent": "a", "to_agent": "b"},
}


def unlimited(**limits: int) -> dict[str, int | None]:
    return {"steps": None, "tool_calls": None, "model_calls": None, "wall_time_ms": None} | limits


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(JUDGED)), st.sampled_from(["allow", "deny", "require_approval"])
        )
    )
)
def test_counting_is_what_a_list_of_decisions_would_count(decisions: list[tuple[str, str]]) -> None:
    counters = Counters()
    for event_type, outcome in decisions:
        cause = Cause(event_type=event_type, call_id="c", judged=True)
        counters = counters.fold(seen("POLICY_DECISION", {"outcome": outcome}), cause)
        unasked = Cause(event_type="TOOL_RESULT", call_id="c", judged=False)
        for other in (None, unasked):
            counters = counters.fold(seen("POLICY_DECISION", {"outcome": outcome}), other)
    assert counters.steps == len(decisions)
    assert counters.tool_calls == decisions.count(("TOOL_CALL_PROPOSED", "allow"))
    assert counters.model_calls == decisions.count(("MODEL_CALL_STARTED", "allow"))
    assert counters.started_ms == (0 if decisions else None)


@given(
    st.lists(
        st.tuples(st.integers(0, 10**9), st.sampled_from([0, 0, 1, 86_400_000]), st.booleans())
    )
)
def test_wall_time_is_what_passed_since_the_first_recorded_time_however_often_time_was_put_back(
    looks: list[tuple[int, int, bool]],
) -> None:
    """What passed is counted by a clock that nobody corrects; not every look is recorded."""
    counters, first = Counters(steps=2), None
    now_ms = true_ms = START_MS
    for passed_ms, back_ms, is_recorded in looks:
        true_ms += passed_ms
        now_ms += passed_ms - back_ms
        told = {"now_ms": now_ms, "clock_stepped_ms": true_ms - now_ms}
        if is_recorded:
            first = true_ms if first is None else first
            counters = counters.fold(seen("USER_MESSAGE", {"now_ms": 5}), None)
            counters = counters.fold(seen("SESSION_OPENED", told), None)
        passed = 0 if first is None else true_ms - first
        assert counters.wall_time_ms(now_ms, true_ms - now_ms) == passed
    assert counters.steps == 2


@pytest.mark.parametrize("limit", [0, 1, 5])
def test_a_budget_of_n_steps_lets_exactly_n_through_whatever_they_are(limit: int) -> None:
    gate = Gate(held=manifest(budgets=unlimited(steps=limit)))
    asked = [proposal(*step) for step in STEPS.items()] * 2
    told = [gate.outcome(step) for step in asked]
    assert told == ["allow"] * limit + ["BUDGET_EXCEEDED"] * (len(asked) - limit)


@pytest.mark.parametrize("limit", [0, 1, 5])
@pytest.mark.parametrize(
    ("name", "event_type", "other"),
    [
        ("tool_calls", "TOOL_CALL_PROPOSED", "MODEL_CALL_STARTED"),
        ("model_calls", "MODEL_CALL_STARTED", "TOOL_CALL_PROPOSED"),
    ],
)
def test_a_budget_of_n_calls_counts_allowed_calls_of_its_kind_only(
    name: str, event_type: str, other: str, limit: int
) -> None:
    gate = Gate(held=manifest(budgets=unlimited(**{name: limit})))
    for _ in range(3):
        assert gate.outcome(tool("nobody_declared_this")) in (
            "PERMISSION_UNDECLARED",
            "BUDGET_EXCEEDED",
        )
        assert gate.outcome(proposal(other, STEPS[other])) == "allow"
    told = [gate.outcome(proposal(event_type, STEPS[event_type])) for _ in range(limit + 2)]
    assert told == ["allow"] * limit + ["BUDGET_EXCEEDED"] * 2


def test_a_call_held_for_approval_costs_a_step_and_no_tool_call() -> None:
    gate = Gate(held=manifest(budgets=unlimited(steps=2, tool_calls=1)))
    assert gate.outcome(tool("pay")) == "APPROVAL_REQUIRED"
    assert gate.outcome(tool("read_file", path="/workspace/a")) == "allow"
    assert gate.outcome(tool("pay")) == "BUDGET_EXCEEDED"


def test_wall_time_is_used_up_one_millisecond_past_its_limit() -> None:
    gate = Gate(held=manifest(budgets=unlimited(wall_time_ms=1000)))
    assert gate.outcome(proposal()) == "allow"
    gate.now_ms += 1000
    assert gate.outcome(proposal()) == "allow"
    gate.now_ms += 1
    assert gate.outcome(proposal()) == "BUDGET_EXCEEDED"


def test_budgets_are_each_sessions_own() -> None:
    gate = Gate(held=manifest(budgets=unlimited(steps=1)))
    assert [gate.outcome(tool("read_file", session)) for session in ("s1", "s2", "s1")] == [
        "allow",
        "allow",
        "BUDGET_EXCEEDED",
    ]

"""What a tenant's agents were answered, told across sessions."""

from aegisd.core.shapes.fact import Cause
from aegisd.core.tally import Tally
from tests.core.facts import seen

JUDGED = Cause(event_type="TOOL_CALL_PROPOSED", call_id="c", judged=True)
RELEASE = Cause(event_type="TOOL_RESULT", call_id="c", judged=False)


def test_decisions_are_counted_by_outcome_for_the_tenant_and_for_each_agent() -> None:
    tally = Tally()
    for agent_id, outcome in (
        ("a1", "allow"),
        ("a1", "deny"),
        ("a1", "require_approval"),
        ("a2", "deny"),
        (None, "allow"),
    ):
        decision = seen("POLICY_DECISION", {"outcome": outcome}, agent_id=agent_id)
        tally = tally.fold(decision, JUDGED)
        for cause in (RELEASE, None):
            assert tally.fold(decision, cause) == tally
    assert (tally.allowed, tally.denied) == (2, 2)
    assert tally.facts("a1") == {
        "agent": {"id": "a1", "allowed": 1, "denied": 1},
        "tenant": {"allowed": 2, "denied": 2, "sessions": 0},
    }
    for nobody in (None, "a9"):
        assert tally.facts(nobody)["agent"] == {"id": nobody or "", "allowed": 0, "denied": 0}


def test_a_session_is_counted_once_and_the_daemons_own_is_not() -> None:
    tally = Tally()
    for session_id, seq in (("s", 0), ("s", 1), ("$control", 0), ("t", 0)):
        tally = tally.fold(seen("USER_MESSAGE", {}, session_id=session_id, seq=seq), None)
    assert tally == Tally(sessions=2)

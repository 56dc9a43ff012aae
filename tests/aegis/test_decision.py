"""A decision is true only when it allows; whatever else it is never passes for an allow."""

import pickle

import pytest

from aegis import ApprovalRequired, Decision, Denied, Gate
from aegisd.core.errors import SessionUnknown
from tests.aegis.world import told


@pytest.mark.parametrize(
    ("tool", "outcome", "reason"),
    [
        ("think", "allow", "OK"),
        ("rm_rf", "deny", "PERMISSION_UNDECLARED"),
        ("ask_boss", "require_approval", "APPROVAL_REQUIRED"),
    ],
)
def test_a_decision_is_true_only_when_it_allows(
    gate: Gate, tool: str, outcome: str, reason: str
) -> None:
    decision = gate.propose(tool)
    assert (decision.outcome, decision.reason) == (outcome, reason)
    assert bool(decision) is decision.allowed is (outcome == "allow")
    (row, *_) = gate.reader.session_events("local", "s1")
    assert (decision.call_id, decision.seq, decision.hash) == ("c0", 0, row.hash.hex())
    assert [each.code for each in decision.reasons] == ([] if decision else [reason])


def test_require_returns_on_an_allow_and_raises_on_everything_else(gate: Gate) -> None:
    gate.propose("think").require()
    with pytest.raises(ApprovalRequired, match=r"^require_approval; APPROVAL_REQUIRED: "):
        gate.propose("ask_boss").require()
    with pytest.raises(Denied, match=r"^deny; PERMISSION_UNDECLARED: ") as caught:
        gate.propose("rm_rf").require()
    assert type(caught.value) is Denied
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert (str(again), again.decision) == (str(caught.value), caught.value.decision)


def test_an_outcome_nobody_knows_is_no_allow() -> None:
    odd = Decision(
        outcome="perhaps",  # type: ignore[arg-type]
        reason="?",
        reasons=(),
        constraints={},
        obligations=(),
        advice=(),
        call_id="c0",
        seq=0,
        hash="",
    )
    assert not odd
    with pytest.raises(Denied):
        odd.require()


def test_a_check_is_neither_true_nor_false_and_records_nothing(gate: Gate) -> None:
    with pytest.raises(SessionUnknown):
        gate.check("think")
    gate.begin({"purpose": "test"})
    before = told(gate.reader)
    preview = gate.check("think")
    assert preview.outcome == "allow"
    with pytest.raises(TypeError, match="ask propose"):
        bool(preview)
    assert told(gate.reader) == before

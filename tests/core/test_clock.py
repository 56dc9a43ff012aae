"""A clock that is too far off denies what depends on time, and what is denied so replays."""

import pytest

from aegisd.core.clock import CLOCK_DRIFT_MS_MAX, is_off
from aegisd.core.log.envelope import Envelope
from aegisd.core.proposal import Proposal
from tests.core.builders import envelope
from tests.core.gate import Gate, Json, manifest, proposal
from tests.core.replay.rewriting import differences, in_decision, payload, rewritten

FREE: Json = {"steps": None, "tool_calls": None, "wall_time_ms": None}
OFF = CLOCK_DRIFT_MS_MAX + 1
RESULT = proposal("TOOL_RESULT", {"call_id": "x", "result": 1})


@pytest.mark.parametrize("sign", [1, -1])
def test_a_clock_is_off_one_millisecond_past_its_bound_ahead_or_behind(sign: int) -> None:
    assert [is_off(sign * CLOCK_DRIFT_MS_MAX), is_off(sign * OFF)] == [False, True]


@pytest.mark.parametrize(
    ("off_ms", "wall_time_ms", "timed", "asked", "outcome"),
    [
        (CLOCK_DRIFT_MS_MAX, 10**9, True, proposal(), "allow"),
        (OFF, None, False, proposal(), "allow"),
        (OFF, None, True, proposal(), "POLICY_ERROR"),
        (-OFF, 10**9, False, proposal(), "POLICY_ERROR"),
        (OFF, 10**9, False, RESULT, "allow"),
        (OFF, 10**9, True, RESULT, "POLICY_ERROR"),
    ],
)
def test_what_depends_on_time_is_denied_while_the_clock_is_off(
    off_ms: int, wall_time_ms: int | None, *, timed: bool, asked: Proposal, outcome: str
) -> None:
    gate = Gate(held=manifest(budgets={**FREE, "wall_time_ms": wall_time_ms}))
    gate.judge.releases, gate.judge.timed = frozenset({"TOOL_RESULT"}), timed
    gate.clock_off_ms = off_ms
    _, decision = gate.propose(asked)
    assert decision is not None
    assert ("allow" if decision["outcome"] == "allow" else decision["reason"]) == outcome
    assert decision.get("clock_off_ms") == (off_ms if is_off(off_ms) else None)
    assert "fault" not in decision["evaluator"]
    assert differences(gate.events, gate.judge) == ([], [])


@pytest.mark.parametrize("found", [..., OFF - 1, 5])
def test_a_denial_by_the_clock_needs_a_clock_that_was_off(found: object) -> None:
    gate = Gate(held=manifest(budgets={**FREE, "wall_time_ms": 10**9}))
    gate.clock_off_ms = OFF
    gate.propose(proposal())
    first, _ = differences(rewritten(gate.events, in_decision(clock_off_ms=found)), gate.judge)
    assert {each.klass for each in first} == {"tampered"}
    assert "outcome" in {each.field for each in first}


def test_an_operators_correction_alone_brings_time_back() -> None:
    gate = Gate(held=manifest(budgets={**FREE, "wall_time_ms": 1000}))
    gate.now_ms += 86_400_000
    assert gate.outcome(proposal()) == "allow"
    last_ms = gate.tenant.last_now_ms
    assert gate.outcome(proposal(session_id="quiet")) == "allow"
    # What elapsed since the newest recorded time counts too.
    gate.now_ms += 400
    gate.correct(last_ms - 86_400_000)
    assert gate.tenant.last_now_ms == last_ms - 86_400_000
    # What a session uses from here on counts, and the step back does not.
    for passed_ms, outcome in ((0, "allow"), (600, "allow"), (1, "BUDGET_EXCEEDED")):
        gate.now_ms += passed_ms
        assert gate.outcome(proposal()) == outcome
    for session_id, outcome in (("quiet", "BUDGET_EXCEEDED"), ("new", "allow")):
        assert gate.outcome(proposal(session_id=session_id)) == outcome
    assert differences(gate.events, gate.judge) == ([], [])


@pytest.mark.parametrize(("event_type", "told"), [("POLICY_DECISION", 5), ("SESSION_OPENED", 5)])
def test_how_far_time_was_put_back_is_held_to_the_log(event_type: str, told: int) -> None:
    gate = Gate(held=manifest())
    opened = envelope(0, "SESSION_OPENED", {"now_ms": gate.now_ms}, session_id="s1")
    gate.append(opened)
    gate.propose(proposal())

    def forged(envelopes: list[Envelope]) -> None:
        at = next(i for i, each in enumerate(envelopes) if each.event_type == event_type)
        envelopes[at] = payload(envelopes[at], clock_stepped_ms=told)

    _, second = differences(rewritten(gate.events, forged), gate.judge)
    assert [(each.klass, each.field) for each in second] == [("tampered", "clock_stepped_ms")]

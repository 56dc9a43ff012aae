"""What the log takes, what it refuses, and what it says about a decision."""

import hashlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from aegisd.core.call import Call
from aegisd.core.decide import (
    AFTER_END_MAX,
    Admission,
    Grounds,
    admit,
    check_hash,
    decide,
    record,
)
from aegisd.core.decision import Reason
from aegisd.core.errors import (
    CallIdReused,
    Conflict,
    HashMismatch,
    HeadMismatch,
    InvalidField,
    SessionTerminated,
)
from aegisd.core.events import AGENT_EVENTS, JUDGED, RELEASED
from aegisd.core.log.detached import detach
from aegisd.core.log.envelope import seal
from aegisd.core.policy.input import Moment, PolicyInput
from aegisd.core.policy.judge import Maker
from aegisd.core.policy.verdict import Verdict, failed
from aegisd.core.proposal import with_payload
from aegisd.core.state.model import SessionState
from tests.core.builders import START_MS
from tests.core.gate import Gate, Json, manifest, proposal, tool

PAYLOADS: dict[str, object] = {
    "USER_MESSAGE": {"content": "hello"},
    "MODEL_CALL_STARTED": {"model": "m", "call_id": "new"},
    "MODEL_CALL_FINISHED": {"call_id": "model"},
    "TOOL_CALL_PROPOSED": {"tool_name": "read_file", "call_id": "new"},
    "TOOL_CALL_EXECUTED": {"call_id": "tool"},
    "TOOL_RESULT": {"call_id": "tool", "result": 1},
    "MEMORY_READ": {"memory_key": "k"},
    "MEMORY_WRITE": {"memory_key": "k"},
    "HANDOFF_REQUESTED": {"from_agent": "a", "to_agent": "b"},
    "HANDOFF_COMPLETED": {"from_agent": "a", "to_agent": "b", "success": True},
    "ERROR_RAISED": {"code": "e", "message": "m", "call_id": "tool"},
    "TERMINATION": None,
}
GROUNDS = Grounds(
    bundle="b" * 64,
    manifest="c" * 64,
    maker=Maker(evaluator="python", evaluator_version="1", rules_version="r"),
    moment=Moment(now_ms=START_MS, utc_offset_s=3600),
)
JUDGED_INPUT = PolicyInput(body=b'{"a":1}', facts=b'{"agent":{},"tenant":{}}')


def running() -> Gate:
    """A session with an allowed tool call, an allowed model call and a denied call."""
    gate = Gate(held=manifest())
    gate.propose(proposal(payload={"tool_name": "read_file", "call_id": "tool"}))
    gate.propose(proposal("MODEL_CALL_STARTED", {"model": "m", "call_id": "model"}))
    gate.propose(proposal(payload={"tool_name": "undeclared", "call_id": "denied"}))
    return gate


def ended() -> Gate:
    gate = running()
    gate.propose(proposal("TERMINATION", None))
    return gate


def refusal(gate: Gate, event_type: str, payload: object) -> str | None:
    """The code of the conflict that keeps an event out of the log; None where it is taken."""
    try:
        admit(gate.session(), proposal(event_type, payload), frozenset())
    except Conflict as conflict:
        return conflict.code
    return None


def test_every_agent_event_is_tried_here() -> None:
    assert set(PAYLOADS) == set(AGENT_EVENTS)


@pytest.mark.parametrize("event_type", sorted(PAYLOADS))
def test_step_events_are_judged_release_events_where_asked_for_and_others_recorded(
    event_type: str,
) -> None:
    state, asked = running().session(), proposal(event_type, PAYLOADS[event_type])
    for released in (frozenset[str](), frozenset({event_type}) & RELEASED):
        judged = event_type in JUDGED or event_type in released
        expected = Admission.JUDGE if judged else Admission.RECORD
        assert admit(state, asked, released) is expected


def test_a_call_id_is_used_once_whatever_became_of_it() -> None:
    gate = running()
    for call_id in ("tool", "model", "denied"):
        for event_type in ("TOOL_CALL_PROPOSED", "MODEL_CALL_STARTED"):
            named = {"tool_name": "t"} if event_type == "TOOL_CALL_PROPOSED" else {"model": "m"}
            with pytest.raises(CallIdReused) as raised:
                admit(
                    gate.session(), proposal(event_type, {**named, "call_id": call_id}), frozenset()
                )
            assert raised.value.details == {"call_id": call_id}
    gate.propose(proposal("TOOL_RESULT", {"call_id": "tool", "result": 1}))
    assert refusal(gate, "TOOL_CALL_PROPOSED", {"tool_name": "t", "call_id": "tool"}) is not None
    assert refusal(gate, "TOOL_CALL_PROPOSED", {"tool_name": "t", "call_id": "fresh"}) is None


def test_the_servers_own_id_for_a_call_is_not_free_where_a_caller_took_it() -> None:
    gate = Gate(held=manifest())
    gate.propose(proposal(payload={"tool_name": "read_file", "call_id": "c2"}))
    assert gate.session().next_seq == 2
    assert refusal(gate, "TOOL_CALL_PROPOSED", {"tool_name": "read_file"}) == "call_id_reused"
    assert refusal(gate, "USER_MESSAGE", {"content": "x"}) is None


@pytest.mark.parametrize("event_type", sorted(PAYLOADS))
def test_after_the_end_only_proposals_and_what_closes_an_open_call_are_taken(
    event_type: str,
) -> None:
    taken = JUDGED | {"TOOL_RESULT", "MODEL_CALL_FINISHED", "ERROR_RAISED"}
    expected = None if event_type in taken else "session_terminated"
    assert refusal(ended(), event_type, PAYLOADS[event_type]) == expected
    assert refusal(running(), event_type, PAYLOADS[event_type]) is None


@pytest.mark.parametrize(
    ("event_type", "payload"),
    [
        ("TOOL_RESULT", {"call_id": "denied", "result": 1}),
        ("TOOL_RESULT", {"call_id": "nobody", "result": 1}),
        ("TOOL_RESULT", {"call_id": "model", "result": 1}),
        ("MODEL_CALL_FINISHED", {"call_id": "tool"}),
        ("ERROR_RAISED", {"code": "e", "message": "m", "call_id": "denied"}),
        ("ERROR_RAISED", {"code": "e", "message": "m"}),
    ],
)
def test_after_the_end_what_closes_no_open_call_is_refused(
    event_type: str, payload: object
) -> None:
    assert refusal(running(), event_type, payload) is None
    assert refusal(ended(), event_type, payload) == "session_terminated"


def test_a_late_result_settles_once() -> None:
    gate = ended()
    gate.propose(proposal("TOOL_RESULT", PAYLOADS["TOOL_RESULT"]))
    assert gate.session().calls.get("tool") == Call("TOOL_CALL_PROPOSED", "settled")
    assert gate.session().calls.violations == 0
    assert refusal(gate, "TOOL_RESULT", PAYLOADS["TOOL_RESULT"]) == "session_terminated"
    assert refusal(gate, "ERROR_RAISED", PAYLOADS["ERROR_RAISED"]) == "session_terminated"
    gate.propose(proposal("MODEL_CALL_FINISHED", {"call_id": "model"}))
    assert gate.session().calls.get("model") == Call("MODEL_CALL_STARTED", "settled")


def test_proposals_after_the_end_are_recorded_and_denied_up_to_their_bound() -> None:
    gate = ended()
    for _ in range(AFTER_END_MAX):
        assert gate.outcome(tool("read_file")) == "SESSION_TERMINATED"
    before = len(gate.events)
    with pytest.raises(SessionTerminated):
        gate.propose(tool("read_file"))
    assert len(gate.events) == before
    assert gate.session().lifetime.after_end == AFTER_END_MAX
    assert refusal(gate, "TOOL_RESULT", PAYLOADS["TOOL_RESULT"]) is None


@given(st.none() | st.integers(0, 9), st.sampled_from(["none", "head", "empty", "other"]))
def test_a_condition_on_the_head_holds_exactly_at_the_head(seq: int | None, named: str) -> None:
    state = running().session()
    prev_hash = {"none": None, "head": state.head_hash.hex(), "empty": "", "other": "00" * 32}
    fields: Json = {} if seq is None else {"seq": seq}
    if prev_hash[named] is not None:
        fields["prev_hash"] = prev_hash[named]
    asked = proposal(**fields)
    if seq in (None, state.next_seq) and named in ("none", "head"):
        assert admit(state, asked, frozenset()) is Admission.JUDGE
        return
    with pytest.raises(HeadMismatch) as raised:
        admit(state, asked, frozenset())
    assert raised.value.details == {
        "head_seq": state.next_seq - 1,
        "head_hash": state.head_hash.hex(),
    }


def test_a_condition_on_an_empty_session_is_seq_0_and_no_hash() -> None:
    empty = SessionState(tenant_id="acme", session_id="s1")
    assert admit(empty, proposal(seq=0, prev_hash=""), frozenset()) is Admission.JUDGE
    for fields in ({"seq": 1}, {"prev_hash": "00" * 32}):
        with pytest.raises(HeadMismatch) as raised:
            admit(empty, proposal(**fields), frozenset())
        assert raised.value.details == {"head_seq": None, "head_hash": None}


def test_a_head_condition_is_checked_before_the_end_and_the_call_id() -> None:
    with pytest.raises(HeadMismatch):
        admit(ended().session(), proposal("USER_MESSAGE", {"content": 1}, seq=0), frozenset())


def test_an_event_is_held_to_the_hash_its_caller_computed() -> None:
    state = running().session()
    right = seal(record(state, proposal(ts_unix_ms=5), START_MS), 0, state.head_hash)
    for asked in (proposal(), proposal(ts_unix_ms=5, hash=right.hash.hex())):
        check_hash(asked, right)
    with pytest.raises(HashMismatch) as raised:
        check_hash(proposal(ts_unix_ms=5, hash="00" * 32), right)
    assert raised.value.details == {"expected": right.hash.hex(), "found": "00" * 32}
    with pytest.raises(InvalidField):
        admit(state, proposal(hash=right.hash.hex()), frozenset())


def test_no_hash_is_a_condition_on_an_event_whose_values_are_kept_beside_it() -> None:
    state = running().session()
    asked = proposal("USER_MESSAGE", {"content": "x"}, ts_unix_ms=5)
    payload, _, _ = detach(asked.payload, asked.body, ["/content"], [b"salt" * 8])
    recorded = with_payload(asked, payload)
    stored = seal(record(state, recorded, START_MS), 0, state.head_hash)
    check_hash(recorded, stored)
    for computed in (stored.hash, bytes(32)):
        with pytest.raises(HashMismatch, match="kept beside it") as raised:
            check_hash(replace(recorded, hash=computed), stored)
        assert raised.value.details == {}


@pytest.mark.parametrize("ts_unix_ms", [None, 0, 5, START_MS + 10**9])
def test_the_callers_time_is_stored_as_claimed_and_the_writers_where_none_is(
    ts_unix_ms: int | None,
) -> None:
    state = running().session()
    fields: Json = {} if ts_unix_ms is None else {"ts_unix_ms": ts_unix_ms}
    asked = proposal(**fields, user_id="u", agent_id="a", idempotency_key="k")
    envelope = record(state, asked, START_MS)
    assert envelope.ts_unix_ms == (START_MS if ts_unix_ms is None else ts_unix_ms)
    assert (envelope.seq, envelope.session_id) == (state.next_seq, "s1")
    assert (envelope.user_id, envelope.agent_id, envelope.idempotency_key) == ("u", "a", "k")
    assert bytes(envelope.payload) == asked.body
    bare = record(state, proposal(), 0)
    assert (bare.agent_id, bare.idempotency_key) == (UNSET, UNSET)


def test_a_decision_holds_all_that_is_needed_to_make_it_again() -> None:
    verdict = Verdict(
        outcome="require_approval",
        reason="APPROVAL_REQUIRED",
        reasons=(Reason(code="APPROVAL_REQUIRED", message="m", rule="r", where="/args"),),
        constraints={"timeout_ms": 5},
        obligations=({"type": "log"},),
        advice=({"type": "cheaper"},),
    )
    decision = decide(proposal(), 7, verdict, JUDGED_INPUT, GROUNDS)
    assert json.loads(msgspec.json.encode(decision)) == {
        "advice": [{"type": "cheaper"}],
        "bundle": "b" * 64,
        "call_id": "c7",
        "constraints": {"timeout_ms": 5},
        "evaluator": {"name": "python", "version": "1"},
        "facts": {"agent": {}, "tenant": {}},
        "input_sha256": hashlib.sha256(b'{"a":1}').hexdigest(),
        "manifest": "c" * 64,
        "now_ms": START_MS,
        "obligations": [{"type": "log"}],
        "outcome": "require_approval",
        "reason": "APPROVAL_REQUIRED",
        "reasons": [{"code": "APPROVAL_REQUIRED", "message": "m", "rule": "r", "where": "/args"}],
        "reserved": [],
        "rules_version": "r",
        "utc_offset_s": 3600,
    }


@pytest.mark.parametrize("fault", ["error", "nonsense", "timeout"])
def test_a_fault_of_the_evaluator_is_recorded_with_the_denial(fault: str) -> None:
    decision = decide(proposal(), 0, failed(fault), JUDGED_INPUT, GROUNDS)
    assert (decision.outcome, decision.reason) == ("deny", "POLICY_ERROR")
    assert decision.evaluator.fault == fault

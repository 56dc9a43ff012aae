"""One command, staged: dropped, nothing happened; taken, it did."""

import json

import pytest

from aegisd.core.errors import CallIdReused, HashMismatch, SessionUnknown
from aegisd.core.log.canonical import encode
from aegisd.core.state.fold import fact, fold_session, fold_tenant
from aegisd.core.state.model import SessionState
from aegisd.engine.commands.control import manifest_control, policy_control
from aegisd.engine.stage import Stage
from tests.core.gate import BUNDLE, Gate, manifest, proposal, tool
from tests.engine.staging import Log, opened, payload, reading, stage
from tests.engine.world import OPEN, ManualClock, outcome


def test_a_stage_leaves_the_states_it_was_given_as_they_were() -> None:
    gate = Gate(held=OPEN)
    before = gate.tenant, gate.session()
    staged = stage(gate)
    staged.propose(tool("read_file"))
    assert (gate.tenant, gate.session()) == before
    assert [event.event_type for event in staged.events] == [
        "TOOL_CALL_PROPOSED",
        "POLICY_DECISION",
    ]


def test_what_a_stage_folds_is_what_its_stored_bytes_fold_to() -> None:
    gate = Gate(held=OPEN)
    staged = stage(gate)
    staged.propose(proposal("USER_MESSAGE", {"content": 1.5}, agent_id="a1"))
    staged.propose(proposal(payload={"tool_name": "read_file"}, agent_id="a1"))
    staged.propose(tool("pay", "s2"))
    opened().stage(staged)
    manifest_control(manifest(version="2"), "ann", "newer").stage(staged)
    tenant, sessions = gate.tenant, dict(gate.sessions)
    for event in staged.events:
        empty = SessionState(tenant_id="acme", session_id=event.session_id)
        sessions[event.session_id] = fold_session(
            sessions.get(event.session_id, empty), fact(event)
        )
        tenant = fold_tenant(tenant, fact(event))
    assert staged.tenant == tenant
    assert {**gate.sessions, **staged.sessions} == sessions


def test_a_proposal_that_cannot_follow_stages_nothing() -> None:
    gate = Gate(held=OPEN)
    staged = stage(gate)
    staged.propose(proposal(payload={"tool_name": "read_file", "call_id": "x"}))
    before = list(staged.events)
    with pytest.raises(CallIdReused):
        staged.propose(proposal(payload={"tool_name": "read_file", "call_id": "x"}))
    assert staged.events == before


def test_an_event_with_another_hash_than_its_caller_computed_is_refused() -> None:
    gate = Gate(held=OPEN)
    right = stage(gate).propose(proposal(ts_unix_ms=7)).event.hash
    assert stage(gate).propose(proposal(ts_unix_ms=7, hash=right.hex())).event.hash == right
    with pytest.raises(HashMismatch):
        stage(gate).propose(proposal(ts_unix_ms=8, hash=right.hex()))


def test_a_check_judges_like_a_proposal_and_stages_nothing() -> None:
    gate = Gate(held=manifest(budgets={"tool_calls": 1}))
    gate.propose(tool("read_file"))
    staged = stage(gate)
    for asked in (tool("read_file"), tool("pay"), proposal("MODEL_CALL_STARTED", {"model": "m"})):
        verdict = staged.check(asked)
        assert verdict is not None
        recorded = payload(stage(gate).propose(asked).decision)
        assert (verdict.outcome, verdict.reason) == (recorded["outcome"], recorded["reason"])
    assert staged.check(proposal("USER_MESSAGE", {"content": "x"})) is None
    assert (staged.events, staged.sessions, staged.tenant) == ([], {}, gate.tenant)


def test_a_check_of_a_session_without_events_knows_no_such_session() -> None:
    with pytest.raises(SessionUnknown):
        stage(Gate(held=OPEN)).check(tool("read_file", "nobody"))


def test_what_the_daemon_writes_is_canonical() -> None:
    gate = Gate(held=OPEN)
    staged = stage(gate)
    opened(meta={"é": 1.0, "b": [1e-7], "a": {"z": None, "Z": True}}).stage(staged)
    policy_control(BUNDLE, "ann", 'a "reason"', 1).stage(staged)
    staged.propose(proposal(payload={"tool_name": "read_file", "args": {"é": 0.1}}))
    for event in staged.events:
        assert event.body == encode(json.loads(event.body))


@pytest.mark.parametrize("gone", ["manifest", "bundle", "zone"])
def test_rules_that_cannot_be_had_deny_with_the_error_on_record(gone: str) -> None:
    held = manifest(zone="Nowhere") if gone == "zone" else OPEN
    gate = Gate(held=held)
    if gone == "manifest":
        del gate.judge.documents[held.digest]
    if gone == "bundle":
        gate.judge.rules.clear()
    answer = stage(gate).propose(tool("read_file"))
    decision = payload(answer.decision)
    assert (decision["outcome"], decision["reason"]) == ("deny", "POLICY_ERROR")
    assert decision["evaluator"]["fault"] == "error"
    assert decision["manifest"] == held.digest


def test_the_manifests_zone_is_resolved_and_recorded() -> None:
    gate = Gate(held=manifest(zone="East"))
    decision = payload(stage(gate).propose(tool("read_file")).decision)
    assert (decision["outcome"], decision["utc_offset_s"]) == ("allow", 3600)


def test_before_any_rules_are_in_force_everything_is_denied() -> None:
    gate = Gate()
    empty = type(gate.tenant)(tenant_id="acme")
    staged = Stage(empty, Log(gate), gate.judge, ManualClock(), reading())
    decision = payload(staged.propose(tool("read_file")).decision)
    assert (decision["outcome"], decision["reason"]) == ("deny", "POLICY_ERROR")
    assert (decision["bundle"], decision["manifest"]) == ("", "")
    assert outcome(stage(gate).propose(tool("read_file"))) == "PERMISSION_UNDECLARED"


def test_a_release_is_judged_where_the_bundle_names_its_type() -> None:
    gate = Gate(held=OPEN)
    gate.judge.releases = frozenset({"TOOL_RESULT"})
    staged = stage(gate)
    result = staged.propose(proposal("TOOL_RESULT", {"call_id": "c0", "result": 1}))
    message = staged.propose(proposal("USER_MESSAGE", {"content": "x"}))
    assert payload(result.decision)["call_id"] == "c0"
    assert message.decision is None
    assert staged.sessions["s1"].budget.steps == 0
    assert staged.check(proposal("TOOL_RESULT", {"call_id": "c0", "result": 1})) is not None

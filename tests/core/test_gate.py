"""The step that everything which decides goes through: live, checked, supposed, asked again."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from aegisd.core import gate
from aegisd.core.activation import Activations
from aegisd.core.decision import PolicyDecision
from aegisd.core.errors import CallIdReused, HashMismatch
from aegisd.core.gate import Question, States, Step
from aegisd.core.log.canonical import encode
from aegisd.core.log.envelope import unseal
from aegisd.core.policy.input import Snapshot
from aegisd.core.policy.judge import maker
from aegisd.core.policy.verdict import Verdict
from aegisd.core.proposal import Proposal, recall
from aegisd.core.replay.judgement import decision_of
from aegisd.core.state.fold import fact, fold_session, fold_tenant
from tests.core.builders import START_MS
from tests.core.gate import Gate, Json, manifest, proposal, tool

SSN = "078-05-1120"


def told() -> Json:
    """A manifest that keeps a customer and a pin out of the events."""
    return {
        "tools": {
            "crm": {
                "roles": {"customer": "content", "pin": "content"},
                "sensitive": {"customer": "personal", "pin": "secret"},
            }
        }
    }


def salts() -> Iterator[bytes]:
    number = 0
    while True:
        number += 1
        yield bytes([number]) * 32


def states(log: Gate, session_id: str = "s1") -> States:
    return States(tenant=log.tenant, session=log.session(session_id))


def asked(log: Gate, event: Proposal, utc_offset_s: int | None = 0) -> Question:
    salt = salts()
    return gate.ask(
        states(log, event.session_id),
        event,
        gate.in_force(log.tenant, log.judge),
        now_ms=START_MS + 9,
        utc_offset_s=utc_offset_s,
        salt=lambda: next(salt),
    )


def settled(log: Gate, event: Proposal) -> tuple[Question, Verdict | None, Step]:
    question = asked(log, event)
    verdict = gate.answer(question, log.judge)
    where = states(log, event.session_id)
    return question, verdict, gate.settle(where, question, verdict, maker(log.judge))


def test_a_judged_event_is_two_rows_and_a_recorded_one_is_one() -> None:
    log = Gate(held=manifest())
    for event, rows in (
        (tool("read_file"), ["TOOL_CALL_PROPOSED", "POLICY_DECISION"]),
        (proposal("USER_MESSAGE", {"content": "x"}), ["USER_MESSAGE"]),
    ):
        question, verdict, step = settled(log, event)
        assert [row.event_type for row in step.events] == rows
        assert (verdict is None) is (question.policy_input is None) is (len(rows) == 1)


@given(
    st.lists(st.sampled_from(["read_file", "pay", "undeclared", "typed"]), min_size=1, max_size=5)
)
def test_the_states_behind_a_step_are_the_fold_of_what_it_stores(names: list[str]) -> None:
    log = Gate(held=manifest(budgets={"steps": 3}))
    for name in names:
        before = states(log)
        _question, _verdict, step = settled(log, tool(name))
        tenant, session = before.tenant, before.session
        for row in step.events:
            tenant = fold_tenant(tenant, fact(row))
            session = fold_session(session, fact(row))
        assert step.states == States(tenant=tenant, session=session)
        log.propose(tool(name))


def test_a_step_leaves_the_states_it_began_from() -> None:
    log = Gate(held=manifest())
    before = states(log)
    settled(log, tool("read_file"))
    assert states(log) == before


def test_consequences_follow_their_cause_in_canonical_bytes_and_without_its_key() -> None:
    event = proposal(user_id="u", agent_id="a", idempotency_key="k", ts_unix_ms=5)
    _question, _verdict, step = settled(Gate(held=manifest()), event)
    cause, behind = step.events
    assert (behind.seq, behind.position) == (cause.seq + 1, cause.position + 1)
    assert (behind.session_id, behind.tenant_id) == (cause.session_id, cause.tenant_id)
    assert (behind.user_id, behind.agent_id) == ("u", "a")
    assert (behind.idempotency_key, behind.prev_hash) == (None, cause.hash)
    assert (cause.ts_unix_ms, behind.ts_unix_ms) == (5, START_MS + 9)
    payload = bytes(unseal(behind.body).payload)
    assert payload == encode(json.loads(payload))


def test_what_cannot_follow_asks_nothing() -> None:
    log = Gate(held=manifest())
    log.propose(proposal(payload={"tool_name": "read_file", "call_id": "x"}))
    with pytest.raises(CallIdReused):
        asked(log, proposal(payload={"tool_name": "read_file", "call_id": "x"}))
    with pytest.raises(HashMismatch):
        asked(log, proposal(ts_unix_ms=5, hash="00" * 32))
    assert log.judge.judged == 1


def test_of_an_event_that_nobody_judges_no_judge_is_asked() -> None:
    log = Gate(held=manifest())
    question = asked(log, proposal("USER_MESSAGE", {"content": "x"}))
    assert gate.answer(question, log.judge) is None
    assert gate.judged(question, log.judge, question.held.bundle) is None
    assert log.judge.judged == 0


@pytest.mark.parametrize("gone", ["manifest", "zone"])
def test_what_would_be_needed_to_judge_and_is_missing_denies(gone: str) -> None:
    log = Gate(held=manifest())
    if gone == "manifest":
        log.judge.documents.clear()
    question = asked(log, tool("read_file"), None if gone == "zone" else 0)
    verdict = gate.answer(question, log.judge)
    assert verdict is not None
    assert (verdict.outcome, verdict.reason, verdict.fault) == ("deny", "POLICY_ERROR", "error")
    assert log.judge.judged == 0


def test_a_bundle_that_is_gone_denies_live_and_is_told_apart_in_a_replay() -> None:
    log = Gate(held=manifest())
    log.judge.rules.clear()
    question = asked(log, tool("read_file"))
    assert gate.judged(question, log.judge, question.held.bundle) is None
    verdict = gate.answer(question, log.judge)
    assert verdict is not None
    assert (verdict.outcome, verdict.fault) == ("deny", "error")


def decision(step: Step) -> PolicyDecision:
    found = decision_of(step.events[1])
    assert found is not None
    return found


def test_values_are_judged_and_only_commitments_recorded() -> None:
    log = Gate(held=manifest(**told()))
    event = proposal(payload={"tool_name": "crm", "args": {"customer": SSN, "pin": "1234"}})
    question, _verdict, step = settled(log, event)
    assert question.policy_input is not None
    assert SSN.encode() in question.policy_input.body
    assert SSN.encode() not in question.policy_input.recorded
    assert all(SSN.encode() not in row.body and b"1234" not in row.body for row in step.events)
    assert [value.pointer for value in step.values] == ["/args/customer"]
    assert {value.pointer for value in question.values} == {"/args/customer", "/args/pin"}


def test_a_recorded_question_is_the_one_that_was_asked() -> None:
    log = Gate(held=manifest(**told()))
    event = proposal(payload={"tool_name": "crm", "args": {"customer": SSN}})
    question, verdict, step = settled(log, event)
    before, held = log.session(), question.held.capabilities
    assert held is not None
    cause = step.events[0]
    again = gate.ask_again(before, cause, recall(cause), decision(step), held)
    assert again.policy_input is not None
    assert question.policy_input is not None
    assert again.policy_input.body == question.policy_input.recorded
    assert gate.has_values(again)
    assert gate.restore(before, again, ()) is None
    whole = gate.restore(before, again, step.values)
    assert whole is not None
    assert whole.policy_input == question.policy_input
    assert verdict is not None
    names = maker(log.judge)
    assert gate.consequences(whole, verdict, names) == gate.consequences(question, verdict, names)


def test_a_question_without_values_is_whole_as_it_is() -> None:
    log = Gate(held=manifest())
    question = asked(log, tool("read_file"))
    assert not gate.has_values(question)
    assert gate.restore(log.session(), question, ()) is question


def test_why_the_log_would_not_have_taken_an_event_is_told() -> None:
    log = Gate(held=manifest())
    log.propose(proposal(payload={"tool_name": "read_file", "call_id": "x"}))
    again = proposal(payload={"tool_name": "read_file", "call_id": "x"})
    refused = gate.refusal(log.session(), again)
    assert refused is not None
    assert refused.code == "call_id_reused"
    assert gate.refusal(log.session(), tool("read_file")) is None


def test_what_is_supposed_is_asked_on_the_callers_counters_and_nobodys_facts() -> None:
    log = Gate(held=manifest())
    log.propose(tool("read_file"))
    held = gate.in_force(log.tenant, log.judge).capabilities
    assert held is not None
    moment = asked(log, tool("read_file")).moment
    supposed = gate.suppose(tool("read_file"), Snapshot(steps_consumed=7), held, moment)
    told_ = json.loads(supposed.body)
    assert told_["snapshot"]["steps_consumed"] == 7
    assert told_["tenant"] == {"allowed": 0, "denied": 0, "sessions": 0}


def test_a_note_is_the_daemons_own_event_at_the_head() -> None:
    log = Gate(held=manifest())
    log.propose(tool("read_file"))
    before = states(log)
    step = gate.note(
        before, "SESSION_OPENED", Snapshot(), START_MS, agent_id="a", idempotency_key="k"
    )
    (row,) = step.events
    envelope = unseal(row.body)
    assert (row.seq, row.prev_hash) == (before.session.next_seq, before.session.head_hash)
    assert (envelope.agent_id, envelope.idempotency_key, envelope.user_id) == ("a", "k", "")
    assert step.states.session == fold_session(before.session, fact(row))
    assert step.states.tenant == fold_tenant(before.tenant, fact(row))
    bare = gate.note(before, "SESSION_OPENED", Snapshot(), START_MS).events[0]
    assert (unseal(bare.body).agent_id, unseal(bare.body).idempotency_key) == (UNSET, UNSET)


def test_nothing_in_force_is_told_as_empty_digests() -> None:
    log = Gate()
    empty = replace(log.tenant, activations=Activations())
    held = gate.in_force(empty, log.judge)
    assert (held.bundle, held.manifest) == ("", "")


def test_a_denial_of_an_undeclared_tool_names_the_declared_one_that_is_most_like_it() -> None:
    log = Gate(held=manifest())
    for name, ending in (
        ("read_files", "; the nearest is read_file"),
        ("zzz", "does not declare this"),
    ):
        _question, verdict, _step = settled(log, tool(name))
        assert verdict is not None
        assert verdict.reasons[0].message.endswith(ending)

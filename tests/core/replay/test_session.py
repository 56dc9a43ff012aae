"""Pass 1: no difference in a log that the gate wrote, and every outcome compared."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aegisd.core.clock import CLOCK_DRIFT_MS_MAX
from aegisd.core.decision import DECISION
from aegisd.core.gate import Question, consequences
from aegisd.core.log.detached import Value
from aegisd.core.log.envelope import Envelope, StoredEvent, unseal
from aegisd.core.policy.judge import Maker
from aegisd.core.policy.verdict import Verdict
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
from tests.core.replay.rewriting import (
    compared,
    confided,
    differences,
    in_decision,
    rewritten,
    worked,
)


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
            st.integers(-1000, 1000),
            st.sampled_from([0, 0, CLOCK_DRIFT_MS_MAX, -CLOCK_DRIFT_MS_MAX - 1]),
        ),
        max_size=12,
    )
)
def test_no_log_that_the_gate_writes_has_a_difference(
    asked: list[tuple[str, str, str | None, int, int]],
) -> None:
    gate = Gate(held=manifest(budgets={"steps": 3, "wall_time_ms": 2000}))
    for session_id, name, agent_id, passed_ms, gate.clock_off_ms in asked:
        if passed_ms < 0:
            gate.correct(gate.now_ms + passed_ms)
        gate.now_ms += max(0, passed_ms)
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


def test_other_rules_may_put_a_reason_in_other_words_and_the_same_ones_may_not() -> None:
    gate = worked()
    decided = [each for each in gate.of("s1") if each.event_type == DECISION]
    row = next(each for each in decided if b"PERMISSION_UNDECLARED" in each.body)
    reasons = json.loads(bytes(unseal(row.body).payload))["reasons"]
    for field, klasses in (
        ("message", ["tampered"]),
        ("rule", ["tampered"]),
        ("where", ["tampered", "upgrade"]),
    ):
        said = [{**reasons[0], field: "other"}, *reasons[1:]]
        log = rewritten(gate.events, in_decision(decided.index(row), reasons=said))
        found = []
        for gate.judge.rules_version in ("rules 1", "rules 2"):
            found += [each.klass for each in compared(gate, log).differences]
        assert found == klasses


def test_reasons_that_only_follow_from_others_are_no_difference_under_other_rules() -> None:
    gate = worked()
    decided = [each for each in gate.of("s1") if each.event_type == DECISION]
    row = next(each for each in decided if b"PERMISSION_UNDECLARED" in each.body)
    (reason,) = json.loads(bytes(unseal(row.body).payload))["reasons"]
    for more, klasses in (
        ({"rule": "other"}, []),
        ({"rule": "other", "where": "/args"}, []),
        ({"rule": "other", "where": "/args/a"}, ["upgrade"]),
        ({"rule": "other", "code": "EXEC_DENY"}, ["upgrade"]),
    ):
        said = [reason, {**reason, **more}]
        log = rewritten(gate.events, in_decision(decided.index(row), reasons=said))
        gate.judge.rules_version = "rules 2"
        assert [each.klass for each in compared(gate, log).differences] == klasses, more


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


def test_a_decision_is_made_again_with_the_values_beside_its_event() -> None:
    log = confided()
    found = compared(log, log.events)
    assert (found.decisions, found.compared, found.differences) == (3, 3, [])


@pytest.mark.parametrize("left", [0, 1])
def test_a_decision_about_a_value_that_is_gone_cannot_be_made_again_and_is_told_apart(
    left: int,
) -> None:
    log = confided()
    found = derive_session(log.of(), log.judge, lambda event: log.kept(event)[:left])
    assert (found.decisions, found.compared) == (3, 1)
    assert [(d.seq, d.place, d.field, d.klass, d.recorded) for d in found.differences] == [
        (seq, "input", "detached", "unreplayable (erased)", "/args/name, /args/pin")
        for seq in (1, 3)
    ]


@pytest.mark.parametrize(
    "lie",
    [
        {"value": b'"Eve"'},
        {"value": b' "Ada"'},
        {"value": b"Ada"},
        {"salt": b"\0" * 32},
        {"pointer": "/args/pin"},
        {"pointer": "/args/nothing"},
        {"pointer": "/tool_name"},
    ],
)
def test_a_value_that_is_not_the_one_its_event_commits_to_is_called_tampered(lie: Json) -> None:
    log = confided()

    def told(event: StoredEvent) -> Sequence[Value]:
        kept = log.kept(event)
        return [replace(kept[0], **lie), kept[1]] if event == log.of()[0] else kept

    found = derive_session(log.of(), log.judge, told)
    assert (found.decisions, found.compared) == (3, 2)
    (only,) = found.differences
    assert (only.seq, only.place, only.field, only.klass) == (1, "input", "detached", "tampered")
    assert "Ada" not in only.derived
    assert "Eve" not in only.derived


def test_a_row_that_the_gate_writes_behind_an_event_and_the_log_lacks_is_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = worked()

    def more(question: Question, verdict: Verdict | None, maker: Maker) -> tuple[Envelope, ...]:
        rows = consequences(question, verdict, maker)
        return (*rows, replace(rows[-1], event_type="APPROVAL_REQUESTED", seq=rows[-1].seq + 1))

    monkeypatch.setattr("aegisd.core.gate.consequences", more)
    decisions = [row.position for row in log.of() if row.event_type == DECISION]
    for klass in ("tampered", "upgrade"):
        found = compared(log, log.events)
        assert [(d.position, d.place, d.field, d.klass) for d in found.differences] == [
            (position, "state", "APPROVAL_REQUESTED", klass) for position in decisions
        ]
        # A build whose step has more rows finds nothing tampered in the logs before it.
        log.judge.rules_version = "rules 2"


def test_a_row_that_the_gate_would_not_write_is_found_where_it_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = worked()
    monkeypatch.setattr("aegisd.core.gate.consequences", lambda *_: ())
    found = compared(log, log.events)
    decisions = [row.position for row in log.of() if row.event_type == DECISION]
    assert [(d.position, d.place, d.field, d.klass) for d in found.differences] == [
        (position, "state", "cause", "tampered") for position in decisions
    ]


def test_an_empty_log_has_nothing_to_derive() -> None:
    judge = ScriptedJudge()
    assert derive_session([], judge) == Derivation()
    assert derive_tenant([], judge) == Derivation()


def test_an_offset_that_the_auditors_zone_data_does_not_know_is_told_apart() -> None:
    gate = Gate(held=manifest(zone="Europe/Berlin"))
    gate.propose(proposal())
    (recorded,) = [row for row in gate.of() if row.event_type == DECISION]
    asked: list[tuple[str, int]] = []
    for found, told in (
        (0, []),
        (3600, ["3600 in Europe/Berlin"]),
        (None, ["no zone Europe/Berlin here"]),
    ):

        def offset(zone: str, now_ms: int, found: int | None = found) -> int | None:
            asked.append((zone, now_ms))
            return found

        derived = derive_session(gate.of(), gate.judge, offset=offset)
        assert [each.derived for each in derived.differences] == told
        for each in derived.differences:
            assert (each.position, each.place, each.klass) == (recorded.position, "facts", "zone")
            assert (each.field, each.recorded) == ("utc_offset_s", "0")
        assert derived.compared == 1
    assert asked == [("Europe/Berlin", gate.now_ms)] * 3


def test_a_decision_that_names_another_maker_is_counted_by_that_name() -> None:
    gate = worked()
    edits = [in_decision(0, rules_version="rules 9")]
    edits.append(in_decision(1, evaluator={"name": "opa", "version": "1"}))
    events = gate.events
    for edit in edits:
        events = rewritten(events, edit)
    others = compared(gate, events).others
    assert {(m.evaluator, m.rules_version): n for m, n in others.items()} == {
        ("python", "rules 9"): 1,
        ("opa", "rules 1"): 1,
    }
    assert not compared(gate, gate.events).others

"""The decisions of a session: each behind the event that it is about, or found missing."""

import pytest

from aegisd.core.events import RELEASED
from aegisd.core.log.envelope import Envelope
from aegisd.core.replay.judgement import JUDGED_BEFORE, asked, judgements, no_values, restored
from aegisd.core.replay.session import derive_session
from tests.core.gate import Gate, manifest, proposal, tool
from tests.core.replay.rewriting import (
    confided,
    decision,
    differences,
    payload,
    renumber,
    rewritten,
    worked,
)


def test_a_decision_taken_out_is_missed_in_the_state() -> None:
    gate = worked()

    def remove(envelopes: list[Envelope]) -> None:
        del envelopes[decision(envelopes)]
        renumber(envelopes)

    first, _ = differences(rewritten(gate.events, remove), gate.judge)
    assert ("state", "decision", "tampered") in {(d.place, d.field, d.klass) for d in first}


def test_the_last_decision_taken_out_is_missed_too() -> None:
    gate = worked()
    first, _ = differences(gate.events[:-1], gate.judge)
    assert [(d.place, d.field, d.klass) for d in first] == [("state", "decision", "tampered")]


def test_a_decision_about_nothing_is_found_by_both_passes() -> None:
    gate = worked()

    def double(envelopes: list[Envelope]) -> None:
        at = decision(envelopes)
        envelopes.insert(at + 1, envelopes[at])
        renumber(envelopes)

    first, _ = differences(rewritten(gate.events, double), gate.judge)
    assert ("state", "cause", "tampered") in {(d.place, d.field, d.klass) for d in first}


def test_a_second_decision_is_found_behind_one_that_cannot_be_made_again() -> None:
    """What an allow added behind an erased denial would do to the fold, nobody shall overlook."""
    log = confided()

    def overrule(envelopes: list[Envelope]) -> None:
        at = decision(envelopes, 1)
        envelopes.insert(at + 1, payload(envelopes[at], outcome="allow"))
        renumber(envelopes)

    rows = [row for row in rewritten(log.events, overrule) if row.session_id == "s1"]
    found = derive_session(rows, log.judge, no_values).differences
    told = {(d.seq, d.place, d.field, d.klass) for d in found}
    assert told >= {
        (3, "input", "detached", "unreplayable (erased)"),
        (4, "state", "cause", "tampered"),
    }


def test_an_event_that_no_gate_admits_is_found_in_the_state() -> None:
    gate = worked()

    def reuse(envelopes: list[Envelope]) -> None:
        for at in (decision(envelopes) - 1, decision(envelopes, 1) - 1):
            envelopes[at] = payload(envelopes[at], call_id="same")
        for at in (decision(envelopes), decision(envelopes, 1)):
            envelopes[at] = payload(envelopes[at], call_id="same")

    log = rewritten(gate.events, reuse)
    for klass in ("tampered", "upgrade"):
        first, _ = differences(log, gate.judge)
        assert ("state", "admission", "call_id_reused", klass) in {
            (d.place, d.field, d.derived, d.klass) for d in first
        }
        gate.judge.rules_version = "rules 2"


def test_a_decision_before_every_event_of_its_session_is_found_in_the_state() -> None:
    gate = Gate(held=manifest())
    gate.propose(tool("read_file"))
    gate.propose(tool("undeclared"))

    def behead(envelopes: list[Envelope]) -> None:
        del envelopes[decision(envelopes) - 1]
        renumber(envelopes)

    first, _ = differences(rewritten(gate.events, behead), gate.judge)
    assert [(d.seq, d.place, d.field, d.derived) for d in first if d.place == "state"] == [
        (0, "state", "cause", JUDGED_BEFORE)
    ]


@pytest.mark.parametrize("event_type", ["TERMINATION", "MEMORY_READ"])
def test_a_decision_behind_an_event_is_misplaced_exactly_where_no_rule_could_judge_that(
    event_type: str,
) -> None:
    payload_ = {"memory_key": "k"} if event_type == "MEMORY_READ" else None
    gate = Gate(held=manifest())
    gate.propose(tool("read_file"))
    gate.propose(proposal(event_type, payload_))

    def judge(envelopes: list[Envelope]) -> None:
        envelopes.append(envelopes[decision(envelopes)])
        renumber(envelopes)

    first, _ = differences(rewritten(gate.events, judge), gate.judge)
    misplaced = [(d.seq, d.derived) for d in first if (d.place, d.field) == ("state", "cause")]
    assert misplaced == ([] if event_type in RELEASED else [(3, JUDGED_BEFORE)])


def test_each_decision_is_asked_again_as_it_was_and_not_at_all_without_its_manifest() -> None:
    gate = worked()
    told = list(judgements(gate.of(), gate.judge, []))
    questions = [asked(each, gate.judge) for each in told]
    assert [each.decision.input_sha256 for each in told] == [
        question.policy_input.sha256
        for question in questions
        if question is not None and question.policy_input is not None
    ]
    gate.judge.documents.clear()
    assert [asked(each, gate.judge) for each in told] == [None] * len(told)


def test_a_question_is_whole_with_all_values_beside_its_event_and_none_where_one_is_gone() -> None:
    gate = confided()
    told = list(judgements(gate.of(), gate.judge, []))
    for judgement, confident in zip(told, (True, True, False), strict=True):
        question = asked(judgement, gate.judge)
        assert question is not None
        whole = restored(judgement, question, gate.kept)
        assert whole is not None
        assert whole.values == tuple(gate.kept(judgement.act.cause))
        for values in (no_values, lambda event: gate.kept(event)[:1]):
            assert (restored(judgement, question, values) is None) is confident

"""The decisions of a session: each behind the event that it is about, or found missing."""

from aegisd.core.log.envelope import Envelope
from tests.core.replay.rewriting import decision, differences, payload, renumber, rewritten, worked


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


def test_an_event_that_no_gate_admits_is_found_in_the_state() -> None:
    gate = worked()

    def reuse(envelopes: list[Envelope]) -> None:
        for at in (decision(envelopes) - 1, decision(envelopes, 1) - 1):
            envelopes[at] = payload(envelopes[at], call_id="same")
        for at in (decision(envelopes), decision(envelopes, 1)):
            envelopes[at] = payload(envelopes[at], call_id="same")

    first, _ = differences(rewritten(gate.events, reuse), gate.judge)
    assert ("state", "admission", "call_id_reused") in {
        (d.place, d.field, d.derived) for d in first
    }

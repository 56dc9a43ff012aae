"""No text of a decision repeats what is kept beside its event; what may not be left out denies."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.decision import Reason
from aegisd.core.log.canonical import encode
from aegisd.core.log.detached import Value
from aegisd.core.policy.redaction import (
    SHARED_CHARACTERS_MAX,
    WITHHELD,
    WORD_CHARACTERS_MAX,
    redact,
)
from aegisd.core.policy.verdict import SENTENCES, Verdict

SSN = "078-05-1120"


def kept(value: object, pointer: str = "/args/note") -> tuple[Value, ...]:
    """One value beside an event."""
    return (Value(pointer=pointer, salt=bytes(32), value=encode(value)),)


def denial(message: str, rule: str = "rules.pii", where: str = "") -> Verdict:
    """A denial by one operator's rule."""
    reason = Reason(code="POLICY_DENY", message=message, rule=rule, where=where)
    return Verdict(outcome="deny", reason="POLICY_DENY", reasons=(reason,))


def said(verdict: Verdict, values: Iterable[Value]) -> Reason:
    """The one reason after redaction."""
    told = redact(verdict, tuple(values))
    assert (told.outcome, told.reason) == (verdict.outcome, verdict.reason)
    (reason,) = told.reasons
    return reason


WITHHELD_DENIAL = f"{SENTENCES['POLICY_DENY']} ({WITHHELD})"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (SSN, f"the note holds {SSN}"),
        ({"of": {"ann": [SSN]}}, f"found {SSN} in it"),
        (f"Dear Bob, my number is {SSN}, call me", f"found {SSN}"),
        ("Ann Lee", "the note names ANN LEE"),
        ("Łódź!", "ŁÓDŹ! is named"),
        ("yes", "the answer is yes."),
        (1234, "the pin is 1234"),
        (42, "the age is 42"),
        (12.5, "dose 12.5 mg"),
        ({"ann@example.com": 1}, "a mail to ann@example.com"),
    ],
)
def test_a_message_that_repeats_a_value_falls_back_to_its_codes_sentence(
    value: object, message: str
) -> None:
    reason = said(denial(message), kept(value))
    assert reason.message == WITHHELD_DENIAL
    assert reason.rule == "rules.pii"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (SSN, "a note may not hold a number of that form"),
        ("no", "the note is not allowed"),
        (4, "one of 42"),
        ("", "nothing was said"),
        (True, "this is true"),
        ("the note is not allowed here", "a note"),
    ],
)
def test_a_message_that_does_not_is_left_as_it_is(value: object, message: str) -> None:
    assert said(denial(message), kept(value)).message == message


def test_a_sentence_of_our_own_is_no_repetition() -> None:
    own = SENTENCES["POLICY_DENY"]
    assert said(denial(own), kept(own)).message == own


@pytest.mark.parametrize("more", [0, 1])
def test_a_piece_of_a_value_past_the_bound_is_a_repetition(more: int) -> None:
    piece = "q" * (SHARED_CHARACTERS_MAX + more)
    reason = said(denial(f"<{piece}>"), kept(f"({piece})"))
    assert (reason.message == WITHHELD_DENIAL) == bool(more)


@pytest.mark.parametrize("more", [0, 1])
def test_a_value_up_to_the_bound_is_met_only_as_a_word_of_its_own(more: int) -> None:
    word = "q" * (WORD_CHARACTERS_MAX + more)
    assert (said(denial(f"a{word}a"), kept(word)).message == WITHHELD_DENIAL) == bool(more)
    assert said(denial(f"a {word}."), kept(word)).message == WITHHELD_DENIAL


def test_a_place_inside_a_value_is_told_as_the_place_of_the_value() -> None:
    reason = said(denial("x", where="/args/note/of/Ann"), kept({"of": {"Ann": 1}}))
    assert reason.where == "/args/note"
    assert said(denial("x", where="/args/notes"), kept(1)).where == "/args/notes"


def test_a_rule_or_place_that_repeats_a_value_is_withheld() -> None:
    reason = said(denial("x", rule=f"rules.{SSN}", where=f"/args/{SSN}"), kept(SSN))
    assert (reason.rule, reason.where) == ("withheld", "")


def test_reasons_that_become_alike_are_one_and_stay_in_order() -> None:
    reasons = tuple(
        Reason(code=code, message=message, rule="r", where="")
        for code, message in [
            ("ARGS_INVALID", f"z {SSN}"),
            ("POLICY_DENY", f"a {SSN}"),
            ("POLICY_DENY", f"b {SSN}"),
            ("POLICY_DENY", "plain"),
        ]
    )
    told = redact(Verdict(outcome="deny", reason="ARGS_INVALID", reasons=reasons), kept(SSN))
    assert [(reason.code, reason.message) for reason in told.reasons] == [
        ("ARGS_INVALID", f"{SENTENCES['ARGS_INVALID']} ({WITHHELD})"),
        ("POLICY_DENY", WITHHELD_DENIAL),
        ("POLICY_DENY", "plain"),
    ]


def test_advice_that_repeats_a_value_is_left_out_and_other_advice_stays() -> None:
    verdict = Verdict(
        outcome="allow", reason="OK", advice=({"type": "tell", "text": SSN}, {"type": "wait"})
    )
    assert redact(verdict, kept(SSN)).advice == ({"type": "wait"},)


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict(outcome="allow", reason="OK", obligations=({"type": "mask", "text": SSN},)),
        Verdict(outcome="allow", reason="OK", obligations=({"type": "mask", "of": [[SSN]]},)),
        Verdict(outcome="allow", reason="OK", constraints={"only": f"for {SSN}"}),
    ],
)
def test_what_must_be_met_and_may_not_be_recorded_denies(verdict: Verdict) -> None:
    told = redact(verdict, kept(SSN))
    assert (told.outcome, told.fault) == ("deny", "nonsense")
    assert SSN not in told.reasons[0].message


def test_what_rules_and_manifests_name_themselves_denies_nothing() -> None:
    verdict = Verdict(
        outcome="allow",
        reason="OK",
        constraints={"timeout_ms": 30000, "max_output_bytes": 1048576},
        obligations=({"type": "sandbox", "image": "python:3.12"},),
    )
    long = "timeout_ms max_output_bytes 1048576 sandbox python:3.12 " * 2000
    for value in (long, {"timeout_ms": 30000}, "sandbox"):
        told = redact(verdict, kept(value))
        assert (told.outcome, told.constraints) == ("allow", verdict.constraints)
        assert told.obligations == verdict.obligations


def test_without_values_a_verdict_is_the_same_object() -> None:
    verdict = denial(SSN)
    assert redact(verdict, ()) is verdict


@given(
    st.text(min_size=WORD_CHARACTERS_MAX + 1, max_size=40),
    st.text(max_size=10),
    st.text(max_size=10),
)
def test_no_redacted_message_holds_a_value(value: str, before: str, after: str) -> None:
    message = before + value + after
    told = said(denial(message), kept(value)).message
    assert told == SENTENCES["POLICY_DENY"] or told == WITHHELD_DENIAL

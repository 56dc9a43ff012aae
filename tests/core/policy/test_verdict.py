"""An evaluator's output, whatever it is: a verdict, and never an allow by mistake."""

import json
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aegisd.core.errors import EvaluatorFailed
from aegisd.core.log.canonical import encode
from aegisd.core.policy import verdict as verdicts
from aegisd.core.policy.input import PolicyInput
from aegisd.core.policy.verdict import (
    EXTRAS_BYTES_MAX,
    PRECEDENCE,
    REASONS_MAX,
    SENTENCES,
    TEXT_CHARACTERS_MAX,
    Verdict,
    failed,
    judge,
    read,
)
from aegisd.core.target.model import PROBLEMS
from tests.core.builders import json_value
from tests.core.gate import Json, claim, says
from tests.table import each

SILENCE = json.dumps(says()).encode()
NONSENSE = failed("nonsense")
DENYING = [code for code in SENTENCES if code not in ("POLICY_ERROR", "APPROVAL_REQUIRED")]

small = st.recursive(
    st.none() | st.booleans() | st.integers(0, 99) | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab"), inner, max_size=2),
    max_leaves=4,
)
claims = st.builds(
    claim, st.sampled_from(DENYING), st.sampled_from(["", "/args/a", "/args/b"]), limit=small
)
asks = st.builds(claim, st.just("APPROVAL_REQUIRED"), st.sampled_from(["", "/args"]))
typed = st.fixed_dictionaries({"type": st.text("ab", max_size=2)}, optional={"x": small})
outputs = st.builds(
    says,
    deny=st.lists(claims, max_size=4),
    require_approval=st.lists(asks, max_size=3),
    constraints=st.lists(
        st.fixed_dictionaries({"name": st.sampled_from("ab"), "value": st.integers(0, 5)})
    ),
    obligations=st.lists(typed, max_size=3),
    advice=st.lists(typed, max_size=3),
)


def told(output: object) -> Verdict:
    return read(json.dumps(output).encode())


def is_whole(output: object) -> bool:
    """Whether these are exactly the five lists that the base bundle promises."""
    return (
        isinstance(output, dict)
        and output.keys() == says().keys()
        and all(isinstance(part, list) for part in output.values())
    )


@given(st.binary(max_size=200))
def test_bytes_that_no_bundle_wrote_deny(output: bytes) -> None:
    assert read(output) == NONSENSE


@given(json_value)
def test_json_that_no_bundle_wrote_denies(output: object) -> None:
    assume(not is_whole(output))
    assert read(encode(output)) == NONSENSE


@given(outputs, st.data())
def test_an_output_with_any_part_replaced_is_judged_without_error_and_never_allows_more(
    output: Json, data: st.DataObject
) -> None:
    part = data.draw(st.sampled_from(sorted(output)))
    broken = output | {part: data.draw(json_value)}
    verdict = told(broken)
    if verdict.outcome == "allow":
        assert is_whole(broken)
        assert broken["deny"] == []
        assert broken["require_approval"] == []
    if verdict.fault is not None:
        assert verdict == NONSENSE


@given(outputs)
def test_any_denial_denies_any_ask_asks_and_only_silence_allows(output: Json) -> None:
    verdict = told(output)
    if output["deny"]:
        assert verdict.outcome == "deny"
    elif output["require_approval"]:
        assert verdict.outcome == "require_approval"
    else:
        assert (verdict.outcome, verdict.reason, verdict.reasons) == ("allow", "OK", ())
    assert verdict.fault is None


@given(outputs)
def test_reasons_are_sorted_by_precedence_then_rule_then_place(output: Json) -> None:
    verdict = told(output)
    ranks = [(PRECEDENCE.index(r.code), r.rule, r.where, r.message) for r in verdict.reasons]
    assert ranks == sorted(set(ranks))
    everything = output["deny"] + output["require_approval"]
    if everything:
        first = min(everything, key=lambda said: PRECEDENCE.index(said["code"]))
        assert verdict.reason == first["code"]
        assert verdict.reason == verdict.reasons[0].code


@given(outputs, st.randoms(use_true_random=False))
def test_a_verdict_does_not_depend_on_the_order_of_what_was_said(
    output: Json, chance: random.Random
) -> None:
    shuffled = {name: chance.sample(said, len(said)) for name, said in output.items()}
    assert told(shuffled) == told(output)
    doubled = {name: said + said for name, said in output.items()}
    assert told(doubled) == told(output)


@given(outputs)
def test_a_denied_call_has_no_constraints_and_no_obligations(output: Json) -> None:
    verdict = told(output)
    advice = {encode(item) for item in output["advice"]}
    assert [encode(item) for item in verdict.advice] == sorted(advice)
    if output["deny"]:
        assert (verdict.constraints, verdict.obligations) == ({}, ())
    else:
        obligations = {encode(item) for item in output["obligations"]}
        assert [encode(item) for item in verdict.obligations] == sorted(obligations)


@given(outputs)
def test_a_constraint_said_twice_is_the_narrower_one(output: Json) -> None:
    assume(not output["deny"])
    said: dict[str, list[int]] = {}
    for item in output["constraints"]:
        said.setdefault(item["name"], []).append(item["value"])
    constraints = told(output).constraints
    assert constraints == {name: min(values) for name, values in said.items()}
    assert list(constraints) == sorted(constraints)


@pytest.mark.parametrize(
    ("first", "second"),
    [(1, "1"), (1, True), ([1], [True]), (1, -1), (1, 1.5), (1, None), ("a", "b"), ({}, [])],
)
def test_constraints_that_differ_and_are_no_limits_deny(first: object, second: object) -> None:
    for pair in ((first, second), (second, first)):
        said = [{"name": "n", "value": value} for value in pair]
        assert told(says(constraints=said)) == NONSENSE
        assert told(says(constraints=said[:1])).constraints == {"n": pair[0]}


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"null",
        b"{}",
        b"true",
        b"[]",
        b'{"deny":[],"require_approval":[]}',
        b'{"deny":{},"require_approval":[],"constraints":[],"obligations":[],"advice":[]}',
        b'{"deny":[],"require_approval":[],"constraints":[],"obligations":[],"advice":null}',
        b'{"deny":[],"require_approval":[],"constraints":[],"obligations":[],"advice":[],"x":1}',
        b"\xef\xbb\xbf" + SILENCE,
        SILENCE + b"]",
        SILENCE + SILENCE,
        b"[" * 100_000,
    ],
)
def test_anything_but_the_exact_shape_denies(output: bytes) -> None:
    assert read(output) == NONSENSE


def test_a_denial_is_not_taken_back_by_a_second_key_of_the_same_name() -> None:
    denial = json.dumps([claim("POLICY_DENY")]).encode()
    rest = b'"require_approval":[],"constraints":[],"obligations":[],"advice":[]}'
    assert read(b'{"deny":' + denial + b"," + rest).outcome == "deny"
    assert read(b'{"deny":' + denial + b',"deny":[],' + rest) == NONSENSE
    assert read(b'{"deny":' + denial + b',"den\\u0079":[],' + rest) == NONSENSE


@pytest.mark.parametrize(
    "said",
    [
        says(deny=[claim("POLICY_ERROR")]),
        says(deny=[claim("OK")]),
        says(deny=[claim("NO_SUCH_CODE")]),
        says(deny=[claim("RATE_LIMITED")]),
        says(deny=[claim("APPROVAL_REQUIRED")]),
        says(require_approval=[claim("POLICY_DENY")]),
        says(require_approval=[claim("EGRESS_DENY")]),
        says(deny=[{"code": "POLICY_DENY"}]),
        says(deny=[{**claim("POLICY_DENY"), "more": 1}]),
        says(deny=[{**claim("POLICY_DENY"), "message": 1}]),
        says() | {"deny": ["no"]},
        says(constraints=[{"name": "n"}]),
        says(obligations=[{"kind": "mask"}]),
        says(obligations=[{"type": 1}]),
        says(advice=[{}]),
        says() | {"advice": [1]},
    ],
)
def test_words_that_no_rule_may_say_deny(said: Json) -> None:
    assert told(said) == NONSENSE


@pytest.mark.parametrize(
    "number", ["9007199254740992", "1e400", "1e20", "-9007199254740992", "NaN"]
)
def test_numbers_that_json_readers_disagree_about_deny_wherever_they_stand(number: str) -> None:
    for part, item in (
        ("deny", '{"code":"POLICY_DENY","rule":"r","data":{"n":%s}}'),
        ("constraints", '{"name":"n","value":%s}'),
        ("obligations", '{"type":"t","n":%s}'),
    ):
        parts = dict.fromkeys(says(), "[]") | {part: f"[{item % number}]"}
        output = ",".join(f'"{name}":{body}' for name, body in parts.items())
        assert read(f"{{{output}}}".encode()) == NONSENSE


def test_a_message_is_the_codes_sentence_and_its_data_in_order() -> None:
    data = {"limit": 3, "budget": "steps", "list": [1, "a"], "none": None, "é": "é"}
    verdict = told(says(deny=[claim("BUDGET_EXCEEDED", "/x", **data)]))
    assert verdict.reasons[0].message == (
        'a budget of the session is used up: budget steps, limit 3, list [1,"a"], none null, é é'
    )
    assert (verdict.reasons[0].rule, verdict.reasons[0].where) == ("aegis.budget_exceeded", "/x")
    plain = told(says(deny=[claim("EGRESS_DENY")]))
    assert plain.reasons[0].message == SENTENCES["EGRESS_DENY"]


@each("problem", sorted(PROBLEMS))
def test_of_a_target_that_two_readers_read_differently_a_message_says_why_and_what_to_do(
    problem: str,
) -> None:
    data = {"problem": problem, "target": "host", "text": "http://a\\b"}
    (reason,) = told(says(deny=[claim("EGRESS_DENY", "/args/url", **data)])).reasons
    assert reason.message.endswith(f": {PROBLEMS[problem]}")
    assert data["text"] not in reason.message
    assert reason.message == told(says(deny=[claim("PATH_DENY", **data)])).reasons[0].message


@pytest.mark.parametrize("problem", ["novel", "", 1, None, ["escape"], {"escape": 1}])
def test_a_problem_that_this_build_does_not_know_is_data_like_any_other(problem: object) -> None:
    (reason,) = told(says(deny=[claim("EGRESS_DENY", problem=problem)])).reasons
    shown = problem if isinstance(problem, str) else encode(problem).decode()
    assert reason.message == f"{SENTENCES['EGRESS_DENY']}: problem {shown}"


def test_an_operators_message_stands_as_it_is_written() -> None:
    said = {"code": "POLICY_DENY", "rule": "aegis.rules", "where": "", "message": "not on Sundays"}
    assert told(says(deny=[said])).reasons[0].message == "not on Sundays"
    assert told(says(deny=[said | {"message": ""}])).reasons[0].message == ""


@pytest.mark.parametrize("field", ["message", "rule", "where"])
def test_texts_of_a_reason_are_kept_up_to_their_bound(field: str) -> None:
    said = {"code": "POLICY_DENY", "rule": "r", "where": "", "message": "m"}
    for length in (TEXT_CHARACTERS_MAX, TEXT_CHARACTERS_MAX + 1):
        reason = told(says(deny=[said | {field: "é" * length}])).reasons[0]
        assert getattr(reason, field) == "é" * TEXT_CHARACTERS_MAX


@pytest.mark.parametrize("count", [REASONS_MAX, REASONS_MAX + 1])
def test_reasons_past_their_bound_are_dropped_and_the_first_stay(count: int) -> None:
    said = [claim("POLICY_DENY", f"/args/{number:03d}") for number in range(count)]
    verdict = told(says(deny=said[::-1], require_approval=[claim("APPROVAL_REQUIRED")]))
    assert [reason.where for reason in verdict.reasons] == [s["where"] for s in said[:REASONS_MAX]]
    assert verdict.outcome == "deny"


@pytest.mark.parametrize("part", ["obligations", "advice", "constraints"])
def test_extras_at_their_bound_are_kept_and_one_byte_more_denies(part: str) -> None:
    def padded(length: int) -> Json:
        item = {"name": "n", "value": "x" * length}
        return says(**{part: [item if part == "constraints" else {"type": "x" * length}]})

    kept = getattr(told(padded(0)), part)
    room = EXTRAS_BYTES_MAX - len(encode(kept))
    assert told(padded(room)).outcome == "allow"
    assert told(padded(room + 1)) == NONSENSE


def test_a_failed_evaluation_denies_and_says_how_it_failed() -> None:
    def throws(_body: bytes) -> bytes:
        raise EvaluatorFailed("undefined")

    verdict = judge(PolicyInput(body=b"{}", facts=b"{}"), throws)
    assert (verdict.outcome, verdict.reason, verdict.fault) == ("deny", "POLICY_ERROR", "error")
    assert [reason.rule for reason in verdict.reasons] == ["aegis.error"]


def test_every_code_that_a_bundle_may_say_has_a_sentence_and_a_place_in_the_order() -> None:
    assert set(SENTENCES) <= set(PRECEDENCE)
    assert len(set(PRECEDENCE)) == len(PRECEDENCE)
    assert PRECEDENCE[0] == "POLICY_ERROR"
    assert set(SENTENCES) - {"POLICY_ERROR"} == verdicts._SPOKEN

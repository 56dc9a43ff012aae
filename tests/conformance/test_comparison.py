"""Every expectation fails when it should: a gate that lies about one thing is caught by it."""

import copy

import msgspec
import pytest

from aegisd.conformance.comparison import VALUE_CHARACTERS_MAX, Mismatch, answer, differing, told
from aegisd.conformance.step import Answered
from aegisd.conformance.target import Refusal, Reply
from tests.conformance.packs import NOTE, Judge, findings

REASON = {"code": "EGRESS_DENY", "message": "m", "rule": "aegis.egress", "where": "/args/url"}
RECEIPT: dict[str, object] = {
    "seq": 4,
    "position": 7,
    "hash": "00",
    "call_id": "c4",
    "session_id": "s1",
    "decision": {
        "outcome": "deny",
        "reason": "EGRESS_DENY",
        "reasons": [REASON, {**REASON, "code": "PATH_DENY", "rule": "aegis.path", "where": ""}],
        "constraints": {"timeout_ms": 30000},
        "obligations": [{"type": "mask"}],
        "advice": [],
    },
    "head": {"seq": 5, "hash": "01"},
}
EXPECTED: dict[str, object] = {
    "status": 201,
    "outcome": "deny",
    "reason": "EGRESS_DENY",
    "reasons": ["EGRESS_DENY", "PATH_DENY"],
    "rules": ["aegis.egress", "aegis.path"],
    "where": ["/args/url", ""],
    "constraints": {"timeout_ms": 30000},
    "obligations": [{"type": "mask"}],
    "advice": [],
    "seq": 4,
    "call_id": "c4",
    "replayed": False,
    "same_as": "first",
}
LIES: dict[str, object] = {
    "status": 200,
    "outcome": "allow",
    "reason": "PATH_DENY",
    "reasons": ["PATH_DENY", "EGRESS_DENY"],
    "rules": ["aegis.egress"],
    "where": ["/args/url", "/args"],
    "constraints": {"timeout_ms": 30001},
    "obligations": [],
    "advice": [{"type": "route"}],
    "seq": 5,
    "call_id": "c5",
    "replayed": True,
    "same_as": "other",
}
NAMES = {"first": RECEIPT, "other": {**RECEIPT, "hash": "02"}, "four": 4}


def found(expected: dict[str, object], reply: Reply) -> list[Mismatch]:
    return list(answer(msgspec.convert(expected, Answered), reply, NAMES))


def accepted(value: object = None, **more: object) -> Reply:
    reply = {"value": RECEIPT if value is None else value, "status": 201, **more}
    return msgspec.convert(reply, Reply)


def refused(code: str = "json_invalid", status: int | None = 400, index: int | None = 2) -> Reply:
    return Reply(status=status, refusal=Refusal(code=code, message="m", index=index))


def test_an_answer_that_is_as_expected_has_no_finding() -> None:
    assert found(EXPECTED, accepted()) == []
    assert found({}, accepted()) == []


@pytest.mark.parametrize("name", EXPECTED)
def test_each_expectation_finds_what_is_otherwise(name: str) -> None:
    assert [each.field for each in found({name: LIES[name]}, accepted())] == [name]


@pytest.mark.parametrize("name", sorted(set(EXPECTED) - {"status", "replayed", "same_as"}))
def test_a_gate_that_leaves_something_out_is_not_as_expected(name: str) -> None:
    reply = accepted({})
    assert [each.found for each in found({name: EXPECTED[name]}, reply)] in (["absent"], ["null"])


def test_recorded_without_a_decision_is_told_from_decided() -> None:
    undecided = accepted({**RECEIPT, "decision": None})
    assert found({"outcome": None}, undecided) == []
    assert found({"outcome": None}, accepted()) != []
    assert found({"outcome": "deny"}, undecided) != []
    assert found({"reasons": []}, undecided) != []


def test_the_status_and_the_replay_are_judged_where_a_door_tells_them_only() -> None:
    assert found({"status": 200, "replayed": True}, accepted(status=None, replayed=None)) == []


def test_a_refusal_is_found_where_an_answer_is_expected_and_the_other_way_round() -> None:
    assert [each.field for each in found({}, refused())] == ["answer"]
    assert [each.field for each in found({"outcome": "deny"}, refused())] == ["answer"]
    (finding,) = found({"code": "json_invalid"}, accepted())
    assert (finding.field, finding.found) == ("code", "accepted: deny")
    assert [each.field for each in found({"status": 400}, accepted(status=None))] == ["code"]


def test_a_refusal_is_compared_by_code_index_and_status() -> None:
    assert found({"code": "json_invalid", "index": 2, "status": 400}, refused()) == []
    assert found({"status": 400}, refused(status=None)) == []
    wrongs: tuple[dict[str, object], ...]
    wrongs = ({"code": "json_too_deep"}, {"code": "json_invalid", "index": 1})
    for wrong in wrongs:
        assert len(found(wrong, refused())) == 1
    assert [each.field for each in found({"status": 422}, refused())] == ["status"]


def test_the_items_of_a_batch_are_compared_one_by_one() -> None:
    batch = accepted([RECEIPT, {**RECEIPT, "seq": 6}])
    items: list[object] = [{"seq": 4, "outcome": "deny"}, {}]
    assert found({"items": items}, batch) == []
    items[1] = {"seq": 5}
    assert [each.field for each in found({"items": items}, batch)] == ["items.1.seq"]
    assert [each.field for each in found({"items": items[:1]}, batch)] == ["items"]
    assert [each.field for each in found({"seq": 4}, batch)] == ["answer"]


def test_a_saved_number_is_filled_in_as_a_number() -> None:
    assert found({"seq": "{four}"}, accepted()) == []


def test_values_are_compared_as_json_and_not_as_python_does() -> None:
    assert list(differing({"a": 1, "b": False}, {"a": 1, "b": False, "c": 2})) == []
    for expected, value in ((1, True), (0, False), (1, 1.0), ("1", 1), (None, 0)):
        assert len(list(differing({"a": expected}, {"a": value}))) == 1
    assert len(list(differing({"a": None}, {}))) == 1
    assert len(list(differing({"a": 1}, "no object"))) == 1


@pytest.mark.parametrize("hostile", [[], "deny", 1, None, {"outcome": ["deny"]}, [[]]])
def test_no_shape_of_an_answer_is_trusted(hostile: object) -> None:
    value = copy.deepcopy(RECEIPT)
    value["decision"] = hostile
    names = [name for name in EXPECTED if name not in ("status", "replayed", "same_as", "seq")]
    for name in names:
        if name != "call_id":
            assert found({name: EXPECTED[name]}, accepted(value)) != [], name
    reasons = {**RECEIPT, "decision": {"reasons": hostile}}
    if hostile != []:
        assert found({"reasons": ["EGRESS_DENY"]}, accepted(reasons)) != []


def test_a_long_value_is_cut_at_its_bound() -> None:
    assert len(told("a" * (VALUE_CHARACTERS_MAX - 2))) == VALUE_CHARACTERS_MAX
    assert told("a" * (VALUE_CHARACTERS_MAX - 2)).endswith('"')
    cut = told("a" * (VALUE_CHARACTERS_MAX - 1))
    assert (len(cut), cut[-1]) == (VALUE_CHARACTERS_MAX, "…")


@pytest.mark.parametrize(
    ("expect", "field"),
    [
        ("{holds: false}", "holds"),
        ("{holds: true, decisions: 2}", "decisions"),
        ("{holds: true, differences: 1}", "differences"),
        ("{holds: true, differences: some}", "differences"),
        ("{holds: true, class: tampered}", "class"),
    ],
)
def test_each_expectation_of_a_replay_fails_when_it_should(
    expect: str, field: str, judge: Judge
) -> None:
    result = judge(f"post: {NOTE}", f"{{replay: {{}}, expect: {expect}}}")
    assert [name for _, name, _, _ in findings(result)] == [field]


@pytest.mark.parametrize(
    ("expect", "field"),
    [
        ("{holds: true}", "holds"),
        ("{holds: false, rule: hash}", "rule"),
        ("{holds: false, rule: seq, place: 1}", "place"),
    ],
)
def test_each_expectation_of_a_verification_fails_when_it_should(
    expect: str, field: str, judge: Judge
) -> None:
    result = judge(
        f"post: {NOTE}",
        f"post: {NOTE}",
        "tamper: {delete: {seq: 1}}",
        f"{{verify: {{}}, expect: {expect}}}",
    )
    assert [name for _, name, _, _ in findings(result)] == [field]

"""What a manifest's marks find, and which marks are refused."""

import json
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.capabilities import from_value
from aegisd.core.errors import ManifestInvalid
from aegisd.core.log.canonical import encode
from aegisd.core.log.detached import at, detach, kept_at, pointer_of, tokens
from aegisd.core.sensitive import (
    DETACHED_BYTES_MIN,
    DETACHED_VALUES_MAX,
    LOOKED_AT_MAX,
    MARK_TOKENS_MAX,
    MARKS_MAX,
    UNREADABLE,
    Mark,
    Sensitive,
    found,
)
from tests.core.gate import MANIFEST, Json
from tests.core.log.test_detached import PAYLOADS

CRM = {
    "roles": {"customer": "content", "note": "content"},
    "sensitive": {"/customer/ssn": "personal", "note": "secret"},
    "result_sensitive": {"/rows/*/ssn": "personal", "/rows/*/pin": "secret"},
}


def sensitive(tool: Json | None = None, **events: Json) -> Sensitive:
    """What a manifest with one tool `crm` keeps out of events."""
    tools = {"crm": CRM if tool is None else tool, "plain": {}}
    return from_value({**MANIFEST, "tools": tools, "sensitive": events}).sensitive


def asked(kept: Sensitive, event_type: str, payload: object, tool: str | None = None) -> Json:
    """What is found, by pointer."""
    return dict(kept.found(event_type, payload, encode(payload), tool))


def call(tool_name: str = "crm", **args: object) -> Json:
    return {"tool_name": tool_name, "args": args}


# ── marks ────────────────────────────────────────────────────────────────────────────────────────


def test_marked_arguments_are_found_where_they_are() -> None:
    kept = sensitive()
    payload = call(customer={"ssn": "1", "name": "Ann"}, note="x", other="y")
    assert asked(kept, "TOOL_CALL_PROPOSED", payload) == {
        "/args/customer/ssn": "personal",
        "/args/note": "secret",
    }
    assert asked(kept, "TOOL_CALL_PROPOSED", call(customer={"name": "Ann"})) == {}
    assert asked(kept, "TOOL_CALL_PROPOSED", call("plain", note="x")) == {}
    assert asked(kept, "TOOL_CALL_PROPOSED", call("unheard", note="x")) == {}


@pytest.mark.parametrize("customer", ["ssn 1", 7, None, ["ssn"], [{"ssn": 1}], True])
def test_a_value_without_the_inside_that_a_mark_means_is_taken_whole(customer: object) -> None:
    payload = call(customer=customer)
    assert asked(sensitive(), "TOOL_CALL_PROPOSED", payload) == {"/args/customer": "personal"}


@pytest.mark.parametrize("args", [None, "text", []])
def test_arguments_that_are_no_object_are_taken_whole(args: object) -> None:
    payload = {"tool_name": "crm", "args": args}
    assert asked(sensitive(), "TOOL_CALL_PROPOSED", payload) == {"/args": "secret"}


@pytest.mark.parametrize("payload", [None, [], "x", {}, {"tool_name": 7}, {"tool_name": "crm"}])
def test_a_payload_without_arguments_has_nothing_to_find(payload: object) -> None:
    assert asked(sensitive(), "TOOL_CALL_PROPOSED", payload) == {}


@pytest.mark.parametrize("member", ["content", "result"])
def test_marks_of_an_answer_are_looked_for_in_whichever_member_it_stands(member: str) -> None:
    payload = {
        "call_id": "c1",
        member: {"rows": [{"ssn": 1, "pin": 2}, {"name": "Bo"}, {"pin": 3}]},
    }
    assert asked(sensitive(), "TOOL_RESULT", payload, "crm") == {
        f"/{member}/rows/0/pin": "secret",
        f"/{member}/rows/0/ssn": "personal",
        f"/{member}/rows/2/pin": "secret",
    }
    assert asked(sensitive(), "TOOL_RESULT", payload, "plain") == {}


def test_an_answer_in_another_shape_than_the_marks_expect_is_taken_whole() -> None:
    payload = {"call_id": "c1", "content": "Ann, ssn 078-05-1120, pin 1234"}
    assert asked(sensitive(), "TOOL_RESULT", payload, "crm") == {"/content": "secret"}


def test_an_answer_of_a_tool_that_nobody_can_name_is_taken_as_strictly_as_any_tools() -> None:
    payload = {"call_id": "gone", "result": {"rows": []}}
    assert asked(sensitive(), "TOOL_RESULT", payload) == {"/result": "secret"}
    tool = {"result_sensitive": {"ssn": "personal"}}
    assert asked(sensitive(tool), "TOOL_RESULT", payload) == {"/result": "personal"}
    assert asked(sensitive({}), "TOOL_RESULT", payload) == {}


LEAVES = st.sampled_from([1, "x", "y" * DETACHED_BYTES_MIN, [], {}])
ANSWERS = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["rows", "pin", "ssn"]), inner, max_size=3)
    ),
    max_leaves=6,
)
PATHS = st.lists(st.sampled_from(["rows", "pin", "ssn", "*"]), min_size=1, max_size=3)


@given(ANSWERS, PATHS, st.sampled_from(["crm", "plain", None]))
def test_a_commitment_tells_whether_anything_was_kept(
    answer: object, path: list[str], tool: str | None
) -> None:
    kept = sensitive({"result_sensitive": {pointer_of(path): "secret"}})
    payload = {"call_id": "c1", "result": answer}
    places = asked(kept, "TOOL_RESULT", payload, tool)
    secret = {place for place, kind in places.items() if kind == "secret"}
    salts = [bytes(32)] * len(places)
    stored, _, _ = detach(payload, encode(payload), list(places), salts, secret)
    assert kept_at(stored) == places.keys() - secret


def test_events_are_marked_by_type() -> None:
    kept = sensitive(
        {}, USER_MESSAGE={"content": "personal"}, MEMORY_WRITE={"/content/a": "secret"}
    )
    assert asked(kept, "USER_MESSAGE", {"content": {"a": 1}}) == {"/content": "personal"}
    assert asked(kept, "MEMORY_WRITE", {"memory_key": "k", "content": {"a": 1, "b": 2}}) == {
        "/content/a": "secret"
    }
    assert asked(kept, "MEMORY_READ", {"memory_key": "k", "content": {"a": 1}}) == {}
    results = sensitive({}, TOOL_RESULT={"result": "personal"})
    for tool in ("crm", None):
        assert asked(results, "TOOL_RESULT", {"result": 1}, tool) == {"/result": "personal"}
        assert asked(results, "TOOL_RESULT", {"content": 1}, tool) == {}


def test_every_member_is_meant_by_a_star_and_the_stricter_mark_of_two_counts() -> None:
    tool = {"roles": {"a": "content"}, "sensitive": {"/a/*": "personal", "/a/pin": "secret"}}
    assert asked(sensitive(tool), "TOOL_CALL_PROPOSED", call(a={"x/y": 1, "pin": 2, "~": 3})) == {
        "/args/a/x~1y": "personal",
        "/args/a/pin": "secret",
        "/args/a/~0": "personal",
    }
    assert asked(sensitive(tool), "TOOL_CALL_PROPOSED", call(a=[1, 2])) == {
        "/args/a": "secret",
    }, "the mark of a name finds no name in a list"


@given(
    PAYLOADS,
    st.lists(
        st.tuples(st.lists(st.sampled_from("ab*0"), min_size=1, max_size=3), st.booleans()),
        max_size=4,
    ),
)
def test_no_place_is_inside_another_and_each_can_be_detached(
    inner: object, marked: list[tuple[list[str], bool]]
) -> None:
    payload = {"a": json.loads(encode(inner)), "b": [{"a": 1}, {"b": [2]}]}
    marks = [Mark(path=tuple(p), kind="secret" if s else "personal") for p, s in marked]
    places = found(marks, payload, encode(payload))
    detach(payload, encode(payload), list(places), [bytes(32)] * len(places))
    paths = [tokens(place) for place in places]
    assert not any(one != other and other[: len(one)] == one for one in paths for other in paths)
    secret = {mark.path for mark in marks if mark.kind == "secret" and "*" not in mark.path}
    for path in secret:
        try:
            at(payload, "".join(f"/{token}" for token in path))
        except KeyError:
            continue
        taken = [
            kind for place, kind in places.items() if path[: len(tokens(place))] == tokens(place)
        ]
        assert taken == ["secret"], "a secret is never kept"


# ── bounds ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("event_type", "member"),
    [
        ("USER_MESSAGE", "content"),
        ("TOOL_RESULT", "content"),
        ("TOOL_RESULT", "result"),
        ("MODEL_CALL_FINISHED", "content"),
        ("MEMORY_WRITE", "content"),
    ],
)
def test_a_long_text_is_kept_beside_its_event_and_one_at_the_bound_in_it(
    event_type: str, member: str
) -> None:
    kept = sensitive({})
    at_bound = "x" * (DETACHED_BYTES_MIN - 2)
    assert asked(kept, event_type, {"call_id": "c", member: at_bound}, "plain") == {}
    past = {"call_id": "c", member: at_bound + "x"}
    assert asked(kept, event_type, past, "plain") == {f"/{member}": "personal"}


def test_a_long_member_is_taken_whole_unless_something_in_it_is_secret() -> None:
    long = "x" * DETACHED_BYTES_MIN
    kept = sensitive(
        {"result_sensitive": {"pin": "secret"}}, USER_MESSAGE={"/content/ssn": "personal"}
    )
    assert asked(kept, "USER_MESSAGE", {"content": {"ssn": 1, "t": long}}) == {
        "/content": "personal"
    }
    assert asked(kept, "TOOL_RESULT", {"result": {"pin": 1, "t": long}}, "crm") == {
        "/result/pin": "secret"
    }


@pytest.mark.parametrize("more", [0, 1])
def test_past_the_bound_of_values_the_member_around_them_is_one(more: int) -> None:
    rows = [{"ssn": i} for i in range(DETACHED_VALUES_MAX + more)]
    places = asked(sensitive(), "TOOL_RESULT", {"result": {"rows": rows}}, "crm")
    assert len(places) == (1 if more else DETACHED_VALUES_MAX)
    assert ("/result" in places) == bool(more)
    rows[0]["pin"] = 1
    places = asked(sensitive(), "TOOL_RESULT", {"result": {"rows": rows}}, "crm")
    assert places == {"/result": "secret"}


def test_past_the_bound_of_values_each_argument_is_one() -> None:
    tool = {
        "roles": {"a": "content", "b": "content"},
        "sensitive": {"/a/*": "personal", "b": "secret"},
    }
    many = dict.fromkeys(map(str, range(DETACHED_VALUES_MAX)), 1)
    assert asked(sensitive(tool), "TOOL_CALL_PROPOSED", call(a=many, b=2)) == {
        "/args/a": "personal",
        "/args/b": "secret",
    }


@pytest.mark.parametrize("rows", [LOOKED_AT_MAX, LOOKED_AT_MAX + 1])
def test_past_the_bound_of_what_is_looked_at_the_member_is_one_value(rows: int) -> None:
    """The rows, and what they stand in; a row without the name is looked at as well."""
    kept = sensitive({"result_sensitive": {"/rows/*/pin": "secret"}})
    payload = {"call_id": "c1", "result": {"rows": [{}] * (rows - 2)}}
    assert asked(kept, "TOOL_RESULT", payload, "crm") == (
        {} if rows <= LOOKED_AT_MAX else {"/result": "secret"}
    )


def test_past_the_bound_of_values_a_star_takes_all_arguments() -> None:
    tool = {"roles": {"*": "content"}, "sensitive": {"/*": "personal"}}
    for count, places in ((DETACHED_VALUES_MAX, DETACHED_VALUES_MAX), (DETACHED_VALUES_MAX + 1, 1)):
        args = dict.fromkeys(map(str, range(count)), 1)
        found = asked(sensitive(tool), "TOOL_CALL_PROPOSED", {"tool_name": "crm", "args": args})
        assert len(found) == places


@pytest.mark.parametrize("more", [0, 1])
def test_a_manifest_has_a_bounded_number_of_marks(more: int) -> None:
    names = [f"k{number}" for number in range(MARKS_MAX - 2 + more)]
    tool = {"result_sensitive": dict.fromkeys(names, "personal")}
    events = {"USER_MESSAGE": {"/content/a": "secret", "/content/b": "secret"}}
    with pytest.raises(ManifestInvalid, match="MARKS_MAX") if more else nullcontext():
        sensitive(tool, **events)


def test_of_a_payload_whose_manifest_is_gone_everything_said_is_taken() -> None:
    assert dict(found(UNREADABLE, call(a=1), b"{}")) == {"/args": "personal"}
    assert dict(found(UNREADABLE, {"content": 1, "call_id": "c"}, b"{}")) == {
        "/content": "personal"
    }
    assert dict(found(UNREADABLE, None, b"null")) == {}


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────

DEEP = "/content" + "/a" * MARK_TOKENS_MAX


@pytest.mark.parametrize("role", ["recipient", "url", "path", "command", "amount", "control", None])
def test_a_parameter_that_rules_name_may_not_be_sensitive(role: str | None) -> None:
    roles = {} if role is None else {"to": role}
    for mark in ("to", "/to", "/to/name"):
        with pytest.raises(ManifestInvalid, match=r"tools\.crm\.sensitive: 'to' has .*role"):
            sensitive({"roles": roles, "sensitive": {mark: "personal"}})


@pytest.mark.parametrize(
    ("tool", "events", "words"),
    [
        ({"sensitive": {"": "personal"}}, {}, "has no role"),
        ({"sensitive": {"*": "personal"}}, {}, "has no role"),
        ({"sensitive": {"a": "private"}}, {}, "expected one of personal, secret"),
        ({"result_sensitive": {"/a~2": "personal"}}, {}, "no JSON pointer"),
        ({"result_sensitive": {"/a": "secret", "/a/b": "personal"}}, {}, "mark the outer one"),
        ({"result_sensitive": {"/*": "secret", "/a/b": "personal"}}, {}, "mark the outer one"),
        ({"result_sensitive": {"": "secret", "a": "personal"}}, {}, "mark the outer one"),
        ({}, {"TOOL_CALL_PROPOSED": {"args": "personal"}}, "arguments are marked at their tool"),
        ({}, {"USER_MESAGE": {"content": "personal"}}, "the nearest is 'USER_MESSAGE'"),
        ({}, {"USER_MESSAGE": {"result": "personal"}}, "begins with '/content'"),
        ({}, {"USER_MESSAGE": {"meta": "personal"}}, "begins with '/content'"),
        ({}, {"USER_MESSAGE": {"": "personal"}}, "begins with '/content'"),
        ({}, {"TOOL_RESULT": {"/call_id": "personal"}}, "'/content' or '/result'"),
        ({}, {"USER_MESSAGE": {DEEP: "personal"}}, "past MARK_TOKENS_MAX"),
    ],
)
def test_a_mark_that_cannot_be_kept_is_refused_with_a_sentence(
    tool: Json, events: Json, words: str
) -> None:
    with pytest.raises(ManifestInvalid, match=words):
        sensitive(tool, **events)


def test_a_mark_as_deep_as_the_bound_is_taken() -> None:
    kept = sensitive({}, USER_MESSAGE={DEEP.removesuffix("/a"): "personal"})
    assert asked(kept, "USER_MESSAGE", {"content": {"a": 1}}) == {"/content/a": "personal"}


def test_what_is_sensitive_is_no_concern_of_rules() -> None:
    marked = from_value({**MANIFEST, "tools": {"crm": CRM}})
    bare = from_value({**MANIFEST, "tools": {"crm": {"roles": CRM["roles"]}}})
    assert marked.data == bare.data
    assert marked.digest != bare.digest

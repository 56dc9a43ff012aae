"""What-ifs: the caller's own world, judged by the real rules and written nowhere."""

import pytest

from tests.http.door import MANIFEST, Door

THINK = {"event_type": "TOOL_CALL_PROPOSED", "payload": {"tool_name": "think", "args": {}}}

V1 = {
    "schema": "aegis.dev/manifest/v0.1",
    "name": "old",
    "version": "1",
    "publisher": "tests",
    "permissions": {"tools": ["think"], "budgets": {"max_steps": 2}},
}


@pytest.mark.parametrize(
    ("more", "outcome", "reason"),
    [
        ({}, "deny", "PERMISSION_UNDECLARED"),
        ({"manifest": MANIFEST}, "allow", "OK"),
        ({"manifest": V1}, "allow", "OK"),
        ({"manifest": V1, "snapshot": {"steps_consumed": 1}}, "allow", "OK"),
        ({"manifest": V1, "snapshot": {"steps_consumed": 2}}, "deny", "BUDGET_EXCEEDED"),
        ({"manifest": MANIFEST, "snapshot": {"terminated": True}}, "deny", "SESSION_TERMINATED"),
    ],
)
def test_a_what_if_is_judged_as_given_and_written_nowhere(
    shared: Door, more: dict[str, object], outcome: str, reason: str
) -> None:
    answer = shared.post("/v1/policy/decide", {"event": THINK, **more})
    told = answer.json()
    assert answer.status_code == 200
    assert (told["outcome"], told["reason"]) == (outcome, reason)
    assert told["simulated"] is True
    assert list(told) == [
        "outcome",
        "reason",
        "reasons",
        "constraints",
        "obligations",
        "advice",
        "simulated",
    ]
    assert not shared.store.tenants()


@pytest.mark.parametrize("field", ["tenant_id", "session_id", "user_id", "agent_id"])
def test_ids_may_be_given_and_must_then_be_ids(shared: Door, field: str) -> None:
    for value, status in (("x1", 200), ("$x", 422), ("a b", 422), (7, 422), (None, 422)):
        asked = {"event": {**THINK, field: value}, "manifest": MANIFEST}
        assert shared.post("/v1/policy/decide", asked).status_code == status


@pytest.mark.parametrize(
    "field", ["is_tainted", "loop_violation", "taint_labels", "sanitized_keys", "spend"]
)
def test_a_part_of_the_snapshot_that_nothing_reads_is_refused(shared: Door, field: str) -> None:
    answer = shared.post("/v1/policy/decide", {"event": THINK, "snapshot": {field: 1}})
    told = answer.json()
    assert (answer.status_code, told["code"]) == (422, "field_unsupported")
    assert told["field"] == f"snapshot.{field}"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "field_invalid"),
        ({"event": 3}, "field_invalid"),
        ({"event": THINK, "evnt": 3}, "field_unknown"),
        ({"event": {**THINK, "seq": 3}}, "field_unknown"),
        ({"event": {"event_type": "TOOL_CALL_PROPOSED"}}, "field_invalid"),
        ({"event": {**THINK, "event_type": "NOTHING"}}, "event_type_unknown"),
        ({"event": THINK, "snapshot": {"steps": 1}}, "field_unknown"),
        ({"event": THINK, "snapshot": {"steps_consumed": -1}}, "field_invalid"),
        ({"event": THINK, "snapshot": {"steps_consumed": True}}, "field_invalid"),
        ({"event": THINK, "snapshot": {"steps_consumed": "1"}}, "field_invalid"),
        ({"event": THINK, "snapshot": {"terminated": 0}}, "field_invalid"),
        ({"event": THINK, "manifest": {}}, "manifest_invalid"),
        ({"event": THINK, "manifest": {**MANIFEST, "tool": {}}}, "manifest_invalid"),
        ({"event": THINK, "manifest": None}, "field_invalid"),
    ],
)
def test_a_what_if_that_cannot_be_read_is_422(
    shared: Door, asked: dict[str, object], code: str
) -> None:
    answer = shared.post("/v1/policy/decide", asked)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text


def test_a_what_if_says_what_the_gate_would_say(door: Door) -> None:
    asked = {"tenant_id": "acme", "session_id": "s1", **THINK}
    recorded = door.record(asked)[0]["decision"]
    told = door.post("/v1/policy/decide", {"event": THINK, "manifest": MANIFEST}).json()
    assert told == {**recorded, "simulated": True}  # type: ignore[dict-item]

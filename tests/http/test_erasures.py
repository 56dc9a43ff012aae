"""`POST /v1/erasures`: the values go, the log stays, and it says so."""

import json

import pytest

from tests.http.door import MANIFEST, Door, call, event

SSN = "078-05-1120"
CRM = {"risk": "low", "roles": {"note": "content"}, "sensitive": {"note": "personal"}}
MARKED = {
    **MANIFEST,
    "version": "2",
    "tools": {"crm": CRM},
    "sensitive": {"USER_MESSAGE": {"content": "personal"}},
}
ASKED = {"tenant_id": "acme", "subject": "u1", "author": "ann", "reason": "request 77"}


@pytest.fixture
def marked(door: Door) -> Door:
    """A door whose tenant has sensitive values of u1 and of the session s2."""
    act = {"tenant_id": "acme", "author": "ann", "reason": "privacy", "manifest": MARKED}
    assert door.post("/v1/manifests", act).status_code == 201
    door.record(
        event("USER_MESSAGE", {"content": f"I am {SSN}"}, user_id="u1"),
        call("crm", args={"note": SSN}, user_id="u1"),
        event("USER_MESSAGE", {"content": "mine"}, session="s2"),
    )
    return door


def test_the_events_that_are_read_hold_commitments(marked: Door) -> None:
    answer = marked.get("/v1/events", tenant_id="acme")
    assert answer.status_code == 200
    assert SSN not in answer.text
    payloads = [row["payload"] for row in answer.json()["events"]]
    found = [payload["content"] for payload in payloads if "content" in payload]
    assert [list(each) for each in found] == [["$detached"]] * 2
    assert found[0]["$detached"]["bytes"] == len(f'"I am {SSN}"')


def test_an_erasure_answers_what_it_deleted_and_where_it_is_recorded(marked: Door) -> None:
    before = marked.get("/v1/events", tenant_id="acme").json()["events"]
    answer = marked.post("/v1/erasures", ASKED)
    assert answer.status_code == 201
    told = answer.json()
    assert (told["subject"], told["values"], told["author"]) == ("u1", 2, "ann")
    after = marked.get("/v1/events", tenant_id="acme").json()["events"]
    assert after[: len(before)] == before
    (act,) = after[len(before) :]
    assert (act["position"], act["hash"], act["seq"]) == (
        told["position"],
        told["hash"],
        told["seq"],
    )
    assert told["head"] == {"seq": told["seq"], "hash": told["hash"]}
    assert (act["event_type"], act["session_id"]) == ("PAYLOAD_ERASED", "$control")
    assert act["payload"] == {
        "author": "ann",
        "now_ms": marked.clock.now,
        "reason": "request 77",
        "subject": "u1",
        "values": 2,
    }
    assert len(marked.store.values_of("acme", "u1")) == 0
    assert len(marked.store.values_of("acme", "s2")) == 1
    verified = marked.get("/v1/sessions/s1/verify", tenant_id="acme").json()
    assert verified["valid"]


def test_a_session_without_a_user_is_its_own_subject(marked: Door) -> None:
    assert marked.post("/v1/erasures", {**ASKED, "subject": "s2"}).json()["values"] == 1


def test_an_erasure_of_nobody_is_recorded_with_nothing_deleted(marked: Door) -> None:
    told = marked.post("/v1/erasures", {**ASKED, "subject": "stranger"})
    assert (told.status_code, told.json()["values"]) == (201, 0)
    assert len(marked.store.values_of("acme", "u1")) == 2


def test_an_erasure_that_must_find_something_and_does_not_is_not_recorded(marked: Door) -> None:
    end = marked.store.next_position("acme")
    told = marked.post("/v1/erasures", {**ASKED, "subject": "U1", "must_find": True})
    assert (told.status_code, told.json()["code"]) == (404, "nothing_kept")
    assert marked.store.next_position("acme") == end
    told = marked.post("/v1/erasures", {**ASKED, "must_find": True})
    assert (told.status_code, told.json()["values"]) == (201, 2)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"subject": ""}, "field_invalid"),
        ({"subject": "$control"}, "id_reserved"),
        ({"author": "config"}, "id_reserved"),
        ({"reason": ""}, "field_invalid"),
        ({"tenant_id": "$archive.x"}, "id_reserved"),
        ({"more": 1}, "field_unknown"),
        ({"subject": None}, "field_invalid"),
    ],
)
def test_a_request_that_is_not_whole_erases_nothing(
    marked: Door, change: dict[str, object], code: str
) -> None:
    end = marked.store.next_position("acme")
    answer = marked.post("/v1/erasures", {**ASKED, **change})
    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert marked.store.next_position("acme") == end
    assert len(marked.store.values_of("acme", "u1")) == 2


def test_an_idempotency_key_is_refused_because_erasing_twice_is_erasing_once(marked: Door) -> None:
    assert marked.post("/v1/erasures", ASKED, Idempotency_Key="k").status_code == 422


def test_a_mark_that_rules_would_name_is_refused_at_registration(door: Door) -> None:
    tools = {"pay": {"roles": {"to": "recipient"}, "sensitive": {"to": "personal"}}}
    act = {**ASKED, "manifest": {**MANIFEST, "tools": tools}}
    del act["subject"]
    answer = door.post("/v1/manifests", act)
    assert (answer.status_code, answer.json()["code"]) == (422, "manifest_invalid")
    assert "'to' has the role 'recipient'" in answer.json()["detail"]


def test_the_description_names_the_route(door: Door) -> None:
    described = json.loads(door.get("/openapi.json").text)
    assert "post" in described["paths"]["/v1/erasures"]
    assert {"Erasure", "ErasureReceipt"} <= described["components"]["schemas"].keys()

"""Sessions: opened once, folded the same for everybody, verified from bytes, asked in vain."""

import hashlib

import httpx
import msgspec
import pytest

from aegisd.core.log.canonical import DEPTH_MAX, encode
from aegisd.core.proposal import PAYLOAD_BYTES_MAX
from tests.http.door import Door, call, event, message


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


# ── opening ──────────────────────────────────────────────────────────────────────────────────────


def test_an_opened_session_begins_with_session_opened(door: Door) -> None:
    asked = {
        "tenant_id": "acme",
        "session_id": "mine",
        "user_id": "u1",
        "agent_id": "a1",
        "meta": {"ticket": 7},
    }
    answer = door.post("/v1/sessions", asked)
    told = answer.json()
    assert answer.status_code == 201
    assert (told["session_id"], told["seq"]) == ("mine", 0)
    assert told["head"] == {"seq": 0, "hash": told["hash"]}
    first = door.get("/v1/sessions/mine/events", tenant_id="acme").json()["events"][0]
    assert (first["event_type"], first["user_id"], first["agent_id"]) == (
        "SESSION_OPENED",
        "u1",
        "a1",
    )
    assert first["payload"] == {"meta": {"ticket": 7}, "now_ms": door.clock.now}
    assert door.post("/v1/events", message("mine", seq=1)).status_code == 201


def test_a_session_without_a_name_gets_one_nobody_has(door: Door) -> None:
    names = [
        door.post("/v1/sessions", {"tenant_id": "acme"}).json()["session_id"] for _ in range(3)
    ]
    assert len(set(names)) == 3
    assert all(name.startswith("s-") and len(name) == 34 for name in names)


def test_a_session_is_opened_once_and_before_its_first_event(door: Door) -> None:
    door.record(message())
    refused(
        door.post("/v1/sessions", {"tenant_id": "acme", "session_id": "s1"}), 409, "session_exists"
    )


@pytest.mark.parametrize("named", [{}, {"session_id": "mine"}])
def test_opening_again_with_the_same_key_opens_nothing(door: Door, named: dict[str, str]) -> None:
    asked = {"tenant_id": "acme", "meta": {"a": 1}, **named}
    first = door.post("/v1/sessions", asked, idempotency_key="k")
    again = door.post("/v1/sessions", asked, idempotency_key="k")
    assert again.content == first.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    other = door.post("/v1/sessions", {**asked, "user_id": "u2"}, idempotency_key="k")
    refused(other, 422, "idempotency_conflict")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "field_invalid"),
        ({"tenant_id": 7}, "field_invalid"),
        ({"tenant_id": "$x"}, "id_reserved"),
        ({"tenant_id": "acme", "session_id": "$control"}, "id_reserved"),
        ({"tenant_id": "acme", "session_id": ""}, "field_invalid"),
        ({"tenant_id": "acme", "agent_id": ""}, "field_invalid"),
        ({"tenant_id": "acme", "user_id": "a b"}, "field_invalid"),
        ({"tenant_id": "acme", "meta": []}, "field_invalid"),
        ({"tenant_id": "acme", "sesion_id": "s"}, "field_unknown"),
    ],
)
def test_an_opening_that_cannot_be_honoured_is_422(
    shared: Door, asked: dict[str, object], code: str
) -> None:
    refused(shared.post("/v1/sessions", asked), 422, code)


@pytest.mark.parametrize("extra", [0, 1])
def test_meta_may_have_payload_bytes_max_and_not_one_more(shared: Door, extra: int) -> None:
    meta = {"a": "x" * (PAYLOAD_BYTES_MAX - len('{"a":""}') + extra)}
    answer = shared.post("/v1/sessions", {"tenant_id": "acme", "meta": meta})
    assert answer.status_code == (413 if extra else 201)


def test_meta_as_deep_as_a_request_may_be_still_verifies(door: Door) -> None:
    value: object = 1
    for _ in range(DEPTH_MAX - 2):
        value = [value]
    asked = {"tenant_id": "acme", "session_id": "deep", "meta": {"a": value}}
    assert door.post("/v1/sessions", asked).status_code == 201
    assert door.get("/v1/sessions/deep/verify", tenant_id="acme").json()["valid"]


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_sessions_come_by_id_and_pages_put_together_are_all(door: Door, limit: int) -> None:
    door.record(*(message(name) for name in ("b", "a", "Z", "b")))
    names: list[str] = []
    token: str | None = None
    while True:
        more = {} if token is None else {"page_token": token}
        told = door.get("/v1/sessions", tenant_id="acme", limit=limit, **more).json()
        names += [each["session_id"] for each in told["sessions"]]
        assert len(told["sessions"]) <= limit
        token = told["next_page_token"]
        if token is None:
            break
    assert names == ["$control", "Z", "a", "b"]
    assert [each["events"] for each in told["sessions"]][-1] == 2


def test_a_session_is_its_length_and_head(door: Door) -> None:
    receipts = door.record(message(), call())
    told = door.get("/v1/sessions/s1", tenant_id="acme").json()
    assert told == {"session_id": "s1", "events": 3, "head": receipts[-1]["head"]}


@pytest.mark.parametrize("what", ["", "/snapshot", "/verify", "/events"])
def test_an_unknown_session_is_404_and_not_empty(shared: Door, what: str) -> None:
    refused(shared.get(f"/v1/sessions/nobody{what}", tenant_id="acme"), 404, "session_unknown")
    refused(shared.get(f"/v1/sessions/s1{what}", tenant_id="nobody"), 404, "session_unknown")


@pytest.mark.parametrize("what", ["", "/snapshot", "/verify", "/events"])
def test_a_session_is_asked_for_in_a_tenant(shared: Door, what: str) -> None:
    refused(shared.get(f"/v1/sessions/s1{what}"), 422, "field_invalid")
    refused(shared.get(f"/v1/sessions/s 1{what}", tenant_id="acme"), 422, "field_invalid")
    refused(shared.get(f"/v1/sessions/s1{what}", tenant_id="acme", x=1), 422, "field_unknown")


def test_a_snapshot_is_the_fold_with_its_digest(door: Door) -> None:
    door.record(
        call(call_id="one"),
        call(call_id="two"),
        call("rm_rf", call_id="three"),
        event("TOOL_RESULT", {"call_id": "one", "content": "done"}),
        event("TOOL_RESULT", {"call_id": "three", "content": "nobody allowed this"}),
    )
    told = door.get("/v1/sessions/s1/snapshot", tenant_id="acme").json()
    rows = list(door.store.session_events("acme", "s1"))
    assert told["head"] == {"seq": rows[-1].seq, "hash": rows[-1].hash.hex()}
    counts = ("steps_consumed", "tool_calls_consumed", "model_calls_consumed", "violations")
    assert [told[name] for name in counts] == [3, 2, 0, 1]
    assert told["open_calls"] == [{"call_id": "two", "event_type": "TOOL_CALL_PROPOSED"}]
    assert (told["terminated"], told["started_ms"]) == (False, door.clock.now)
    assert told["digest"] == hashlib.sha256(encode(told["state"])).hexdigest()


@pytest.mark.parametrize("limit", [1, 2, 4, 5])
def test_the_pages_of_a_snapshot_are_the_fold_put_together(shared: Door, limit: int) -> None:
    session = f"paged{limit}"
    shared.record(*(call(session=session, call_id=f"c{number}") for number in range(5)))
    shared.record(event("TOOL_RESULT", {"call_id": "c1", "content": "done"}, session))
    known: dict[str, object] = {}
    still_open, query, pages = [], {"tenant_id": "acme", "limit": limit}, 0
    while True:
        told = shared.get(f"/v1/sessions/{session}/snapshot", **query).json()
        part = told["state"]["calls"]["known"]
        assert len(part) <= limit
        known |= part
        still_open += [each["call_id"] for each in told["open_calls"]]
        pages += 1
        if told["next_page_token"] is None:
            break
        query["page_token"] = told["next_page_token"]
    assert pages == -(-5 // limit)
    assert sorted(still_open) == ["c0", "c2", "c3", "c4"]
    told["state"]["calls"]["known"] = known
    assert told["digest"] == hashlib.sha256(encode(told["state"])).hexdigest()


def test_a_snapshot_is_the_same_however_late_it_is_asked_for(door: Door) -> None:
    door.record(call())
    first = door.get("/v1/sessions/s1/snapshot", tenant_id="acme").content
    door.clock.now += 3_600_000
    assert door.get("/v1/sessions/s1/snapshot", tenant_id="acme").content == first


def test_verify_hashes_again_and_names_what_broke(door: Door) -> None:
    door.record(message(), message(), message())
    sound = door.get("/v1/sessions/s1/verify", tenant_id="acme").json()
    assert (sound["valid"], sound["events"], sound["breaks"]) == (True, 3, [])
    rows = door.store._tenants["acme"].sessions["s1"]
    body = rows[1].body.replace(b"hello", b"howdy")
    rows[1] = msgspec.structs.replace(rows[1], body=body)
    told = door.get("/v1/sessions/s1/verify", tenant_id="acme").json()
    assert not told["valid"]
    assert [(each["seq"], each["rule"]) for each in told["breaks"]] == [(1, "hash")]


def test_the_daemons_own_session_can_be_read_and_verified(door: Door) -> None:
    door.record(message())
    told = door.get("/v1/sessions/$control/events", tenant_id="acme").json()["events"]
    assert [each["event_type"] for each in told] == ["POLICY_ACTIVATED", "MANIFEST_REGISTERED"]
    assert door.get("/v1/sessions/$control/verify", tenant_id="acme").json()["valid"]


# ── asking ───────────────────────────────────────────────────────────────────────────────────────


def question(tool: str = "think") -> dict[str, object]:
    return {
        "tenant_id": "acme",
        "event_type": "TOOL_CALL_PROPOSED",
        "payload": {"tool_name": tool, "args": {}},
    }


@pytest.mark.parametrize("tool", ["think", "rm_rf", "ask_boss"])
def test_a_check_says_what_a_recording_would_and_records_nothing(door: Door, tool: str) -> None:
    door.record(message())
    before = door.store.next_position("acme")
    answer = door.post("/v1/sessions/s1/check", question(tool))
    assert answer.status_code == 200
    assert door.store.next_position("acme") == before
    receipt = door.record(call(tool))[0]
    assert answer.json() == {"decision": receipt["decision"], "recorded": False}


def test_what_nothing_judges_has_no_decision_to_check(door: Door) -> None:
    door.record(message())
    asked = {"tenant_id": "acme", "event_type": "TERMINATION", "payload": None}
    answer = door.post("/v1/sessions/s1/check", asked)
    assert answer.json() == {"decision": None, "recorded": False}


def test_a_check_of_an_unknown_session_is_404(shared: Door) -> None:
    refused(shared.post("/v1/sessions/nobody/check", question()), 404, "session_unknown")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"seq": 1}, "field_unknown"),
        ({"session_id": "s1"}, "field_unknown"),
        ({"event_type": "SESSION_OPENED"}, "event_type_reserved"),
        ({"payload": 3}, "field_invalid"),
        ({"user_id": 4}, "field_invalid"),
        ({"agent_id": "$a"}, "id_reserved"),
    ],
)
def test_a_check_takes_an_event_and_nothing_else(
    shared: Door, more: dict[str, object], code: str
) -> None:
    status = 403 if code == "event_type_reserved" else 422
    refused(shared.post("/v1/sessions/s1/check", {**question(), **more}), status, code)


def test_the_daemons_own_session_is_not_asked(shared: Door) -> None:
    refused(shared.post("/v1/sessions/$control/check", question()), 422, "id_reserved")

"""Recording through the door: every outcome 201, a batch all or nothing, a retry word for word."""

import httpx
import msgspec
import pytest

from aegisd.core.log.canonical import DEPTH_MAX
from aegisd.core.proposal import PAYLOAD_BYTES_MAX
from aegisd.core.request import EVENTS_PER_REQUEST_MAX
from aegisd.http.memory import INLINE_BYTES_MAX
from tests.http.door import Door, call, event, message

NDJSON = "application/x-ndjson"


def count(door: Door, tenant: str = "acme") -> int:
    """Events in the log, the tenant's opening ones included."""
    return door.store.next_position(tenant)


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, object]:
    problem: dict[str, object] = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), answer.text
    return problem


def ndjson(*items: object) -> bytes:
    return b"\n".join(msgspec.json.encode(item) for item in items)


# ── one event ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("tool", "outcome", "reason"),
    [
        ("think", "allow", "OK"),
        ("rm_rf", "deny", "PERMISSION_UNDECLARED"),
        ("ask_boss", "require_approval", "APPROVAL_REQUIRED"),
    ],
)
def test_every_outcome_is_201_with_the_decision_and_the_head_behind_it(
    shared: Door, tool: str, outcome: str, reason: str
) -> None:
    answer = shared.post("/v1/events", call(tool, session=f"outcome-{tool}"))
    told = answer.json()
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert list(told) == [
        "seq",
        "position",
        "hash",
        "call_id",
        "session_id",
        "decision",
        "head",
    ]
    assert (told["decision"]["outcome"], told["decision"]["reason"]) == (outcome, reason)
    assert list(told["decision"]) == [
        "outcome",
        "reason",
        "reasons",
        "constraints",
        "obligations",
        "advice",
    ]
    assert (told["seq"], told["head"]["seq"], told["call_id"]) == (0, 1, "c0")
    stored = list(shared.store.session_events("acme", f"outcome-{tool}"))
    assert [told["hash"], told["head"]["hash"]] == [row.hash.hex() for row in stored]


def test_what_nothing_judges_has_no_decision_and_is_its_own_head(shared: Door) -> None:
    told = shared.post("/v1/events", message("plain")).json()
    assert told["decision"] is None
    assert told["call_id"] is None
    assert told["head"] == {"seq": told["seq"], "hash": told["hash"]}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "json_invalid"),
        (b"{", 400, "json_invalid"),
        (b'{"a":1,"a":2}', 400, "json_duplicate_key"),
        (b'{"a":9007199254740992}', 400, "json_number_range"),
        (b"[" * 100_000, 400, "json_too_deep"),
        (b'{"a":' * 100_000, 400, "json_too_deep"),
        (b"null", 422, "field_invalid"),
        (b"3", 422, "field_invalid"),
        (b'{"tennant_id":"acme"}', 422, "field_unknown"),
        (b'{"event_type":"TOOL_CALL_PROPOSD"}', 422, "event_type_unknown"),
        (b'{"event_type":"POLICY_DECISION"}', 403, "event_type_reserved"),
    ],
)
def test_what_is_not_an_event_is_refused_for_its_own_reason(
    shared: Door, body: bytes, status: int, code: str
) -> None:
    refused(shared.post("/v1/events", body), status, code)


def test_a_daemons_own_session_takes_no_event(shared: Door) -> None:
    refused(shared.post("/v1/events", message("$control")), 422, "id_reserved")


def test_a_field_of_a_part_that_is_not_there_is_refused(shared: Door) -> None:
    asked = call(session="later")
    asked["payload"] = {"tool_name": "think", "args": {}, "approval_id": "a1"}
    refused(shared.post("/v1/events", asked), 422, "field_unsupported")


def test_a_payload_may_have_payload_bytes_max_and_not_one_more(shared: Door) -> None:
    said, called = '{"content":""}', '{"args":{"a":""},"tool_name":"think"}'
    for extra, status in ((0, 201), (1, 413)):
        text, args = ("x" * (PAYLOAD_BYTES_MAX - len(each) + extra) for each in (said, called))
        for asked in (event("USER_MESSAGE", {"content": text}, "large"), call(args={"a": args})):
            told = shared.post("/v1/events", asked)
            assert told.status_code == status
            assert status == 201 or "PAYLOAD_BYTES_MAX = 1048576" in told.json()["detail"]
            assert (told.json().get("decision") or {"outcome": "allow"})["outcome"] == "allow"


@pytest.mark.parametrize("batch", [False, True])
def test_an_event_may_be_depth_max_deep_alone_and_in_a_batch(shared: Door, batch: bool) -> None:
    for levels, status in ((DEPTH_MAX - 2, 201), (DEPTH_MAX - 1, 400)):
        value: object = 1
        for _ in range(levels):
            value = [value]
        asked = event("USER_MESSAGE", {"content": value}, "deep")
        assert shared.post("/v1/events", [asked] if batch else asked).status_code == status


@pytest.mark.parametrize("extra", [0, 1])
def test_a_body_reads_the_same_on_the_loop_and_off_it(
    door: Door, monkeypatch: pytest.MonkeyPatch, extra: int
) -> None:
    asked = msgspec.json.encode(message("inline"))
    asked += b" " * (INLINE_BYTES_MAX - len(asked) + extra)
    read, away = door.engine.reads.apart, []

    async def watched(ask: object) -> object:
        away.append(ask)
        return await read(ask)  # type: ignore[arg-type]

    monkeypatch.setattr(door.engine.reads, "apart", watched)
    assert door.post("/v1/events", asked).status_code == 201
    assert len(away) == extra


# ── conflicts ────────────────────────────────────────────────────────────────────────────────────


def test_a_seq_that_does_not_continue_the_head_is_409_and_tells_the_head(door: Door) -> None:
    first = door.record(message())[0]
    before = count(door)
    problem = refused(door.post("/v1/events", message(seq=5)), 409, "head_mismatch")
    assert problem["head"] == first["head"]
    assert "index" not in problem
    assert count(door) == before
    assert door.post("/v1/events", message(seq=1)).status_code == 201


def test_a_session_without_events_has_no_head_to_tell(door: Door) -> None:
    problem = refused(door.post("/v1/events", message(seq=5)), 409, "head_mismatch")
    assert problem["head"] is None


def test_a_call_id_is_used_once(door: Door) -> None:
    door.record(call(call_id="mine"))
    problem = refused(door.post("/v1/events", call(call_id="mine")), 409, "call_id_reused")
    assert problem["call_id"] == "mine"


def test_an_ended_session_takes_no_message(door: Door) -> None:
    door.record(event("TERMINATION", None))
    refused(door.post("/v1/events", message()), 409, "session_terminated")


# ── batches ──────────────────────────────────────────────────────────────────────────────────────


def test_an_array_and_its_lines_are_answered_alike_and_in_order(door: Door) -> None:
    items = [message(), call(), call("rm_rf"), message("other")]
    told = door.post("/v1/events", items)
    lines = door.post("/v1/events", ndjson(*items) + b"\r\n\n", content_type=NDJSON)
    assert told.status_code == lines.status_code == 201
    for answer in (told.json(), lines.json()):
        outcomes = [each["decision"] and each["decision"]["outcome"] for each in answer]
        assert outcomes == [None, "allow", "deny", None]
        positions = [each["position"] for each in answer]
        assert positions == sorted(positions)
        assert [each["session_id"] for each in answer] == ["s1", "s1", "s1", "other"]
    assert [each["seq"] for each in lines.json()] == [5, 6, 8, 1]


def test_a_list_of_one_is_answered_with_a_list_of_one(door: Door) -> None:
    assert len(door.post("/v1/events", [message()]).json()) == 1
    assert len(door.post("/v1/events", ndjson(message()), content_type=NDJSON).json()) == 1


@pytest.mark.parametrize("place", [0, 1, 3])
@pytest.mark.parametrize(
    ("bad", "status", "code"),
    [
        (b'{"event_type":"USER_MESSAGE"', 400, "json_invalid"),
        (b'{"a":1,"a":1}', 400, "json_duplicate_key"),
        (b"7", 422, "field_invalid"),
        (msgspec.json.encode(message(tenant_idd="x")), 422, "field_unknown"),
    ],
)
def test_an_invalid_item_refuses_its_batch_by_index_and_nothing_is_written(
    shared: Door, place: int, bad: bytes, status: int, code: str
) -> None:
    before = count(shared)
    items = [msgspec.json.encode(message("batch")) for _ in range(3)]
    items.insert(place, bad)
    problem = refused(
        shared.post("/v1/events", b"\n".join(items), content_type=NDJSON), status, code
    )
    assert problem["index"] == place
    assert str(problem["detail"]).startswith(f"item {place}: ")
    if code != "json_invalid":
        inside = shared.post("/v1/events", b"[" + b", ".join(items) + b"]")
        assert refused(inside, status, code)["index"] == place
    assert count(shared) == before


@pytest.mark.parametrize("place", [0, 2])
def test_a_conflict_inside_a_batch_names_its_item_and_nothing_is_written(
    door: Door, place: int
) -> None:
    door.record(call(call_id="used"))
    before = count(door)
    items = [message(), message()]
    items.insert(place, call(call_id="used"))
    problem = refused(door.post("/v1/events", items), 409, "call_id_reused")
    assert problem["index"] == place
    assert str(problem["detail"]).startswith(f"item {place}: call_id")
    assert count(door) == before


def test_a_conflict_in_a_list_of_one_is_at_index_0(door: Door) -> None:
    assert refused(door.post("/v1/events", [message(seq=4)]), 409, "head_mismatch")["index"] == 0


def test_a_batch_is_of_one_tenant(shared: Door) -> None:
    problem = refused(
        shared.post("/v1/events", [message(), message(tenant="other")]), 422, "field_invalid"
    )
    assert (problem["index"], problem["field"]) == (1, "tenant_id")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"[]", "application/json"), (b" [ ] ", "application/json"), (b"", NDJSON), (b"\n", NDJSON)],
)
def test_an_empty_batch_is_refused(shared: Door, body: bytes, content_type: str) -> None:
    refused(shared.post("/v1/events", body, content_type=content_type), 422, "field_invalid")


@pytest.mark.parametrize("content_type", ["application/json", NDJSON])
def test_a_batch_may_have_events_per_request_max_and_not_one_more(
    shared: Door, content_type: str
) -> None:
    for found, status in ((EVENTS_PER_REQUEST_MAX, 201), (EVENTS_PER_REQUEST_MAX + 1, 413)):
        items = [message(f"bulk-{content_type[-4:]}")] * found
        body = ndjson(*items) if content_type == NDJSON else msgspec.json.encode(items)
        answer = shared.post("/v1/events", body, content_type=content_type)
        assert answer.status_code == status
        if status == 201:
            assert len(answer.json()) == found
        else:
            assert refused(answer, 413, "too_large")["limit"] == EVENTS_PER_REQUEST_MAX


def test_a_line_between_two_may_not_be_empty(shared: Door) -> None:
    body = ndjson(message()) + b"\n\n" + ndjson(message())
    problem = refused(shared.post("/v1/events", body, content_type=NDJSON), 400, "json_invalid")
    assert problem["index"] == 1


# ── retries ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("batch", [False, True])
def test_a_retry_is_answered_word_for_word_and_writes_nothing(door: Door, batch: bool) -> None:
    asked: object = [call("rm_rf"), message()] if batch else call("rm_rf")
    first = door.post("/v1/events", asked, idempotency_key="k1")
    door.record(message(), call())
    before = count(door)
    again = door.post("/v1/events", asked, idempotency_key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert count(door) == before


def test_one_key_for_two_requests_is_refused(door: Door) -> None:
    door.post("/v1/events", message(), idempotency_key="k1")
    refused(door.post("/v1/events", call(), idempotency_key="k1"), 422, "idempotency_conflict")


def test_the_key_is_in_the_record(door: Door) -> None:
    door.post("/v1/events", message(), idempotency_key="k1")
    told = door.get("/v1/sessions/s1/events", tenant_id="acme").json()["events"]
    assert [each["idempotency_key"] for each in told] == ["k1"]


# ── reading back ─────────────────────────────────────────────────────────────────────────────────


def test_a_listing_gives_back_what_was_hashed(door: Door) -> None:
    door.record(message(agent_id="a1", user_id="u1"), call(), event("TERMINATION", None))
    told = door.get("/v1/events", tenant_id="acme").json()
    stored = list(door.store.events("acme"))
    assert told["next_page_token"] is None
    assert [each["position"] for each in told["events"]] == list(range(len(stored)))
    for each, row in zip(told["events"], stored, strict=True):
        rebuilt = msgspec.json.decode(row.body)
        if "prev_hash" in rebuilt:
            rebuilt["prev_hash"] = row.prev_hash.hex()
        assert each == {**rebuilt, "hash": row.hash.hex(), "position": row.position}


def test_a_tenant_nobody_knows_has_no_events(shared: Door) -> None:
    assert shared.get("/v1/events", tenant_id="nobody").json() == {
        "events": [],
        "next_page_token": None,
    }


def test_a_session_nobody_knows_is_404(shared: Door) -> None:
    refused(
        shared.get("/v1/events", tenant_id="acme", session_id="nowhere"), 404, "session_unknown"
    )


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"tenant_id": "acme", "limit": 0},
        {"tenant_id": "acme", "limit": 1001},
        {"tenant_id": "acme", "outcome": "maybe"},
        {"tenant_id": "acme", "event_type": "USER_MESAGE"},
        {"tenant_id": "acme", "tool_name": ""},
        {"tenant_id": "acme", "tool_name": "x" * 257},
        {"tenant_id": "acme", "page_token": "nonsense"},
        {"tenant_id": "acme", "colour": "red"},
    ],
)
def test_a_query_that_cannot_be_honoured_is_422(shared: Door, query: dict[str, object]) -> None:
    assert shared.get("/v1/events", **query).status_code == 422


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1000])
def test_pages_put_together_are_the_log(door: Door, limit: int) -> None:
    door.record(*(call() for _ in range(4)), *(message(f"t{n}") for n in range(5)))
    whole = door.get("/v1/events", tenant_id="acme", limit=1000).json()["events"]
    assert whole == pages(door, limit=limit)
    session = [each for each in whole if each["session_id"] == "s1"]
    assert session == pages(door, limit=limit, session_id="s1")
    assert [each["seq"] for each in session] == list(range(8))


def pages(door: Door, **query: object) -> list[object]:
    found: list[object] = []
    token: str | None = None
    while True:
        more = {} if token is None else {"page_token": token}
        told = door.get("/v1/events", tenant_id="acme", **query, **more).json()
        found += told["events"]
        token = told["next_page_token"]
        if token is None:
            return found


def test_a_token_of_one_listing_is_none_of_another(door: Door) -> None:
    door.record(call(), call())
    token = door.get("/v1/events", tenant_id="acme", limit=1).json()["next_page_token"]
    answer = door.get("/v1/events", tenant_id="acme", session_id="s1", page_token=token)
    refused(answer, 422, "field_invalid")


@pytest.mark.parametrize("scope", [{}, {"session_id": "s1"}])
def test_a_follower_goes_on_from_a_position(door: Door, scope: dict[str, object]) -> None:
    receipts = door.record(message(), message(), message())
    start = receipts[1]["position"]
    told = door.get("/v1/events", tenant_id="acme", from_position=start, **scope).json()
    assert [each["position"] for each in told["events"]] == [
        receipts[1]["position"],
        receipts[2]["position"],
    ]


def test_a_row_that_is_no_envelope_is_told_as_a_corrupt_log(door: Door) -> None:
    door.record(message())
    rows = door.store._tenants["acme"].events
    rows[-1] = msgspec.structs.replace(rows[-1], body=b"{")
    refused(door.get("/v1/events", tenant_id="acme"), 503, "log_corrupt")

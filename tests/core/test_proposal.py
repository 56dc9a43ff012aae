"""A request is checked whole, and is judged as the log will hold it."""

import base64
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import (
    IdempotencyConflict,
    InvalidField,
    InvalidJson,
    InvalidRequest,
    LogCorrupt,
    ReservedId,
    TooLarge,
    UnknownField,
    UnsupportedField,
)
from aegisd.core.log.canonical import DEPTH_MAX, INTEGER_MAX, encode
from aegisd.core.log.canonical import parse as parse_json
from aegisd.core.log.detached import Value, detach
from aegisd.core.log.envelope import StoredEvent, seal
from aegisd.core.proposal import (
    PAYLOAD_BYTES_MAX,
    Proposal,
    read,
    recall,
    same_request,
    with_payload,
)
from aegisd.core.shapes.identifier import ID_CHARACTERS_MAX
from tests.core.builders import PROPOSED, START_MS, envelope, json_value, verify
from tests.table import each

REQUEST: dict[str, object] = {
    "tenant_id": "acme",
    "user_id": "u1",
    "session_id": "s1",
    "event_type": "TOOL_CALL_PROPOSED",
    "payload": PROPOSED,
}
DIGEST = bytes(range(32))
BESIDE = ["/content/first", "/content/second"]


def without(field: str) -> dict[str, object]:
    return {name: value for name, value in REQUEST.items() if name != field}


def said(content: object) -> dict[str, object]:
    return {**REQUEST, "event_type": "USER_MESSAGE", "payload": {"content": content}}


def refusal(request: object) -> str:
    """What a request is refused with; empty for one that is read."""
    try:
        read(request)
    except InvalidRequest as error:
        return f"{error} {error.details}"
    return ""


def stored(proposal: Proposal) -> StoredEvent:
    """The event a proposal becomes."""
    sealed = envelope(
        0,
        proposal.event_type,
        proposal.payload,
        session_id=proposal.session_id,
        user_id=proposal.user_id,
        agent_id=proposal.agent_id,
        idempotency_key=proposal.idempotency_key,
    )
    return seal(sealed, 0, b"")


def test_a_request_becomes_a_proposal_that_says_the_same() -> None:
    request = {
        **REQUEST,
        "agent_id": "a1",
        "ts_unix_ms": 5,
        "seq": 3,
        "prev_hash": DIGEST.hex(),
        "hash": base64.b64encode(DIGEST).decode(),
    }
    assert read(request, idempotency_key="k") == Proposal(
        tenant_id="acme",
        user_id="u1",
        session_id="s1",
        agent_id="a1",
        ts_unix_ms=5,
        event_type="TOOL_CALL_PROPOSED",
        payload=PROPOSED,
        body=b'{"args":{},"call_id":"c1","tool_name":"read_file"}',
        seq=3,
        prev_hash=DIGEST,
        hash=DIGEST,
        idempotency_key="k",
    )


def test_what_a_request_leaves_out_stays_out() -> None:
    proposal = read(without("user_id"))
    assert proposal.user_id == ""
    assert proposal.agent_id is None
    assert proposal.ts_unix_ms is None
    assert (proposal.seq, proposal.prev_hash, proposal.hash) == (None, None, None)
    assert proposal.idempotency_key is None


@pytest.mark.parametrize("field", ["tenant_id", "session_id", "event_type", "payload"])
def test_what_a_request_must_say_is_named_when_missing(field: str) -> None:
    with pytest.raises(InvalidField, match=rf"^{field}"):
        read(without(field))


def test_a_termination_needs_no_payload() -> None:
    request = {**without("payload"), "event_type": "TERMINATION"}
    assert read(request).body == b"null"
    assert read({**request, "payload": None}).body == b"null"
    assert read({**request, "payload": {}}).body == b"{}"


@pytest.mark.parametrize("request_value", [None, [], "x", 1, [REQUEST]])
def test_a_request_is_an_object(request_value: object) -> None:
    with pytest.raises(InvalidField, match="expected an event: a JSON object"):
        read(request_value)


@pytest.mark.parametrize(
    ("field", "near"),
    [
        ("tenant", "tenant_id"),
        ("sesion_id", "session_id"),
        ("eventtype", "event_type"),
        ("playload", "payload"),
        ("previous_hash", "prev_hash"),
    ],
)
def test_an_unknown_field_is_refused_and_the_nearest_named(field: str, near: str) -> None:
    with pytest.raises(UnknownField, match=rf"nearest known one is {near}$") as refused:
        read({**REQUEST, field: "hunter2"})
    assert refused.value.details == {"field": field, "nearest": near}


def test_a_long_unknown_field_is_not_repeated_whole() -> None:
    with pytest.raises(UnknownField) as refused:
        read({**REQUEST, "x" * 1_000_000: 1})
    assert refused.value.details["field"] == "x" * ID_CHARACTERS_MAX


@pytest.mark.parametrize("field", ["tenant_id", "user_id", "session_id", "agent_id"])
def test_ids_are_checked_at_their_bound(field: str) -> None:
    longest = "x" * ID_CHARACTERS_MAX
    assert getattr(read({**REQUEST, field: longest}), field) == longest
    for wrong in (longest + "x", None, 1, ".x", "a b", ["a"]):
        with pytest.raises(InvalidField, match=rf"^{field}: "):
            read({**REQUEST, field: wrong})
    with pytest.raises(ReservedId, match=rf"^{field}: "):
        read({**REQUEST, field: "$control"})


def test_only_the_user_may_be_nobody() -> None:
    assert read({**REQUEST, "user_id": ""}).user_id == ""
    for field in ("tenant_id", "session_id", "agent_id"):
        with pytest.raises(InvalidField, match=rf"^{field}: "):
            read({**REQUEST, field: ""})


@pytest.mark.parametrize("event_type", [None, 1, ["USER_MESSAGE"], {}])
def test_an_event_type_is_a_string(event_type: object) -> None:
    with pytest.raises(InvalidField, match=r"^event_type: expected a string"):
        read({**REQUEST, "event_type": event_type})


def test_a_seq_and_a_time_are_integers_json_keeps() -> None:
    assert read({**REQUEST, "seq": 0}).seq == 0
    assert read({**REQUEST, "seq": INTEGER_MAX}).seq == INTEGER_MAX
    assert read({**REQUEST, "ts_unix_ms": -INTEGER_MAX}).ts_unix_ms == -INTEGER_MAX
    for wrong in (None, True, "1", 1.5, INTEGER_MAX + 1, -INTEGER_MAX - 1):
        for field in ("seq", "ts_unix_ms"):
            with pytest.raises(InvalidField, match=rf"^{field}: expected an integer"):
                read({**REQUEST, field: wrong})
    with pytest.raises(InvalidField, match=r"^seq: expected an integer of at least 0"):
        read({**REQUEST, "seq": -1})


@pytest.mark.parametrize("field", ["hash", "prev_hash"])
def test_a_hash_may_be_hex_or_base64(field: str) -> None:
    for spelling in (DIGEST.hex(), DIGEST.hex().upper(), base64.b64encode(DIGEST).decode()):
        assert getattr(read({**REQUEST, field: spelling}), field) == DIGEST


@each("field", ["hash", "prev_hash"])
@each(
    "wrong",
    [
        None,
        1,
        list(DIGEST),
        "x",
        "é" * 64,
        "g" * 64,
        " " * 64,
        DIGEST.hex()[:-1],
        DIGEST.hex() + "00",
        base64.b64encode(DIGEST).decode()[:-1],
        base64.b64encode(DIGEST).decode() + "\n",
        base64.b64encode(DIGEST[:-1]).decode(),
        base64.urlsafe_b64encode(b"\xff" * 32).decode(),
    ],
)
def test_what_is_no_hash_of_32_bytes_is_refused(field: str, wrong: object) -> None:
    with pytest.raises(InvalidField, match=rf"^{field}: expected 64 hex digits or base64"):
        read({**REQUEST, field: wrong})


def test_an_empty_prev_hash_says_there_is_no_event_before() -> None:
    assert read({**REQUEST, "prev_hash": ""}).prev_hash == b""
    with pytest.raises(InvalidField, match=r"^hash: "):
        read({**REQUEST, "hash": ""})


def padded(payload: dict[str, object], field: str, size: int) -> dict[str, object]:
    """The payload with a text grown until its canonical bytes are `size` long."""
    return {**payload, field: "x" * (size - len(encode({**payload, field: ""})))}


@pytest.mark.parametrize(
    ("event_type", "payload", "bound"),
    [
        ("USER_MESSAGE", {}, PAYLOAD_BYTES_MAX),
        ("TOOL_RESULT", {"call_id": "c1"}, PAYLOAD_BYTES_MAX),
        ("MEMORY_WRITE", {"memory_key": "k"}, PAYLOAD_BYTES_MAX),
    ],
)
def test_a_payload_is_bounded_in_canonical_bytes(
    event_type: str, payload: dict[str, object], bound: int
) -> None:
    request = {**REQUEST, "event_type": event_type}
    full = padded(payload, "content", bound)
    assert len(read({**request, "payload": full}).body) == bound
    over = padded(payload, "content", bound + 1)
    with pytest.raises(TooLarge, match="PAYLOAD_BYTES_MAX") as refused:
        read({**request, "payload": over})
    assert refused.value.details == {"limit": bound, "found": bound + 1}


@pytest.mark.parametrize(
    "value",
    [
        {"$detached": {}},
        {"a": 1, "$detached": 1},
        {"$aa": 1, "$detached": 1},
        [[{"$detached": None}]],
        {"x": {"$detached": 1}},
        {"x,": {"{": [{"$detached": 1}]}},
    ],
)
def test_the_daemons_key_is_refused_wherever_it_is(value: object) -> None:
    for request in (
        said(value),
        {**REQUEST, "payload": {**PROPOSED, "args": {"x": value}}},
        {**REQUEST, "payload": {**PROPOSED, "meta": {"x": value}}},
        parse_json(json.dumps(said(value)).replace("$", "\\u0024").encode()),
    ):
        with pytest.raises(InvalidField, match=r"'\$detached' is the daemon's own"):
            read(request)


@pytest.mark.parametrize(
    "value",
    [
        "$detached",
        '"$detached":',
        '{"$detached":1}',
        ',"$detached":',
        ["{", "$detached"],
        {"a": "$detached"},
        {'{"$detached': 1},
        {'x"$detached': 1},
        {"$detached2": 1, "$set": {"a": 1}, "detached": 1},
    ],
)
def test_text_that_looks_like_the_daemons_key_is_text(value: object) -> None:
    assert read(said(value)).payload == {"content": value}


lookalikes = st.sampled_from(
    ["$detached", '"$detached":', '{"$detached":', ',"$detached', "a", ","]
)


@given(
    st.recursive(
        lookalikes,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(lookalikes, inner, max_size=3),
        max_leaves=6,
    )
)
def test_the_daemons_key_is_found_exactly_where_it_is_a_key(value: object) -> None:
    def holds(part: object) -> bool:
        if isinstance(part, dict):
            return "$detached" in part or any(holds(member) for member in part.values())
        return isinstance(part, list) and any(holds(member) for member in part)

    if holds(value):
        with pytest.raises(InvalidField):
            read(said(value))
    else:
        assert read(said(value)).payload == {"content": value}


@pytest.mark.parametrize("value", [float("nan"), 2**53, 1e20, "\ud800", b"x", {1: 2}])
def test_a_value_that_json_cannot_keep_is_refused(value: object) -> None:
    with pytest.raises(InvalidJson):
        read(said(value))


def test_a_payload_as_deep_as_a_caller_may_send_verifies_in_the_log() -> None:
    deepest: object = 0
    for _ in range(DEPTH_MAX - 1):
        deepest = [deepest]
    assert list(verify([stored(read(said(deepest)))], whole=True)) == []
    with pytest.raises(InvalidJson):
        read(said([deepest]))


@given(json_value)
def test_a_proposal_is_judged_as_the_log_will_hold_it_down_to_the_order_of_keys(
    value: object,
) -> None:
    for proposal in (read(said(value)), read(said({"z": value, "a": value}))):
        assert proposal.body == encode(proposal.payload)
        assert repr(proposal.payload) == repr(msgspec.json.decode(proposal.body))
        event = stored(proposal)
        again = recall(event)
        assert repr(again.payload) == repr(proposal.payload)
        assert again == msgspec.structs.replace(proposal, ts_unix_ms=START_MS)


def test_a_recalled_proposal_is_the_one_that_was_stored() -> None:
    proposal = read({**REQUEST, "agent_id": "a1", "ts_unix_ms": START_MS}, idempotency_key="k")
    assert recall(stored(proposal)) == proposal


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"ts_unix_ms": START_MS}, True),
        ({"ts_unix_ms": START_MS + 1}, False),
        ({"payload": {"args": {}, "tool_name": "read_file", "call_id": "c1"}}, True),
        ({"payload": {**PROPOSED, "call_id": "c2"}}, False),
        ({"payload": {"tool_name": "read_file", "call_id": "c1"}}, False),
        ({"session_id": "s2"}, False),
        ({"user_id": "u2"}, False),
        ({"agent_id": "a1"}, False),
        ({"event_type": "USER_MESSAGE", "payload": {"content": "x"}}, False),
    ],
)
def test_a_retry_is_the_same_request_in_canonical_form(
    changes: dict[str, object], same: bool
) -> None:
    assert same_request(read({**REQUEST, **changes}), stored(read(REQUEST))) is same


def kept_beside(proposal: Proposal) -> tuple[StoredEvent, tuple[Value, ...]]:
    """The event a proposal becomes that tells two values in confidence, and these."""
    payload, _, values = detach(proposal.payload, proposal.body, BESIDE, [b"1" * 32, b"2" * 32])
    return stored(with_payload(proposal, payload)), values


@given(
    st.fixed_dictionaries({"first": json_value, "second": json_value, "open": json_value}),
    st.sampled_from(["first", "second", "open", "new"]),
    json_value,
    st.sets(st.sampled_from(BESIDE)),
)
def test_a_retry_is_compared_with_the_values_beside_the_event_and_what_is_gone_is_never_guessed(
    content: dict[str, object], member: str, value: object, gone: set[str]
) -> None:
    event, values = kept_beside(read(said(content)))
    kept = [each for each in values if each.pointer not in gone]
    retry = read(said({**content, member: value}))
    told = f"/content/{member}" not in gone
    if told and (member not in content or encode(value) != encode(content[member])):
        assert same_request(retry, event, kept) is False
    elif gone:
        with pytest.raises(IdempotencyConflict, match=r", ".join(sorted(gone))) as raised:
            same_request(retry, event, kept)
        assert raised.value.details == {"erased": len(gone)}
    else:
        assert same_request(retry, event, kept) is True


@pytest.mark.parametrize("content", ["x", None, [], {}, {"first": 1}, {"second": 2, "open": 3}])
def test_what_lacks_the_place_of_an_erased_value_is_another_request(content: object) -> None:
    event, _values = kept_beside(read(said({"first": 1, "second": 2, "open": 3})))
    assert same_request(read(said(content)), event) is False


def test_a_value_that_somebody_changed_is_no_answer_to_a_retry() -> None:
    asked = read(said({"first": 1, "second": 2}))
    event, (first, second) = kept_beside(asked)
    with pytest.raises(LogCorrupt):
        same_request(asked, event, [first, msgspec.structs.replace(second, value=b"3")])


@given(st.dictionaries(st.sampled_from([*REQUEST, "seq", "hash", "extra"]), json_value))
def test_any_request_is_read_or_refused_and_a_refusal_repeats_no_value(
    changes: dict[str, object],
) -> None:
    payload = {**PROPOSED, "args": {"password": "hunter2"}}
    assert "hunter2" not in refusal({**REQUEST, "payload": payload, **changes})


def test_a_refusal_of_the_payload_reaches_the_caller() -> None:
    with pytest.raises(UnsupportedField):
        read({**REQUEST, "payload": {**PROPOSED, "lease": {}}})

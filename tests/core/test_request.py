"""A request's bytes become the proposals they say, or one error that names the wrong item."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core import request
from aegisd.core.errors import CallIdReused, InvalidField, InvalidJson, TooDeep, TooLarge
from aegisd.core.log.canonical import encode, parse
from aegisd.core.proposal import PAYLOAD_BYTES_MAX
from aegisd.core.request import EVENTS_PER_REQUEST_MAX, Asked, read


def said(tenant: str = "acme") -> bytes:
    return msgspec.json.encode(
        {
            "tenant_id": tenant,
            "session_id": "s1",
            "event_type": "USER_MESSAGE",
            "payload": {"content": "hello"},
        }
    )


def array(*items: bytes) -> bytes:
    return b"[" + b",".join(items) + b"]"


def test_an_object_is_one_event_and_a_list_is_a_batch_however_short() -> None:
    one = read(said(), idempotency_key="k")
    assert (one.batch, one.proposals[0].idempotency_key) == (False, "k")
    assert read(array(said())) == Asked(read(said()).proposals, batch=True)
    many = read(array(*[said()] * 3), idempotency_key="k")
    assert [each.idempotency_key for each in many.proposals] == ["k"] * 3


def test_lines_and_an_array_of_the_same_events_are_the_same_request() -> None:
    assert read(b"\n".join([said()] * 3) + b"\r\n\n", ndjson=True) == read(array(*[said()] * 3))


@pytest.mark.parametrize(("data", "ndjson"), [(b"[]", False), (b" [ ] ", False), (b"\n", True)])
def test_a_batch_holds_at_least_one_event(data: bytes, ndjson: bool) -> None:
    with pytest.raises(InvalidField, match="empty batch"):
        read(data, ndjson=ndjson)


@pytest.mark.parametrize("ndjson", [False, True])
def test_a_request_may_have_events_per_request_max_and_not_one_more(ndjson: bool) -> None:
    def items(count: int) -> bytes:
        return b"\n".join([said()] * count) if ndjson else array(*[said()] * count)

    assert len(read(items(EVENTS_PER_REQUEST_MAX), ndjson=ndjson).proposals) == 1000
    with pytest.raises(TooLarge) as caught:
        read(items(EVENTS_PER_REQUEST_MAX + 1), ndjson=ndjson)
    assert (caught.value.details["limit"], caught.value.details["found"]) == (1000, 1001)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_first_wrong_item_is_named(place: int) -> None:
    items = [said(), said(), said()]
    items[place] = b"7"
    with pytest.raises(InvalidField, match=f"^item {place}: ") as caught:
        read(array(*items))
    assert caught.value.message.startswith(f"item {place}: ")
    assert caught.value.details["index"] == place


def test_a_batch_is_of_one_tenant() -> None:
    with pytest.raises(InvalidField) as caught:
        read(array(said(), said("other")))
    assert (caught.value.details["index"], caught.value.details["field"]) == (1, "tenant_id")


def test_a_list_that_is_no_json_or_has_no_bottom_is_refused() -> None:
    with pytest.raises(InvalidJson, match="broken"):
        read(b"[" + said())
    with pytest.raises(TooDeep):
        read(b"[" * 100_000)


def test_the_engines_error_names_the_item_of_a_batch_and_only_of_a_batch() -> None:
    one, batch = read(said()), read(array(said(), said()))
    alone = one.placed(CallIdReused("used", index=0, call_id="c"))
    assert (alone.message, alone.details) == ("used", {"call_id": "c"})
    placed = batch.placed(CallIdReused("used", index=1, call_id="c"))
    assert (placed.message, placed.details) == ("item 1: used", {"call_id": "c", "index": 1})
    whole = batch.placed(CallIdReused("used"))
    assert (whole.message, whole.details) == ("used", {})


@given(
    items=st.lists(
        st.dictionaries(
            st.text(), st.recursive(st.integers() | st.text(), st.lists, max_leaves=8), max_size=4
        ),
        max_size=4,
    ),
    blank=st.sampled_from([b"", b" ", b"\n\t\r "]),
)
def test_an_array_is_split_into_the_bytes_of_its_members(
    items: list[dict[str, object]], blank: bytes
) -> None:
    members = [msgspec.json.encode(item) for item in items]
    data = blank + b"[" + (blank + b"," + blank).join(members) + b"]" + blank
    assert [bytes(member).strip() for member in request._members(data)] == members


@given(
    payload=st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-9, 9)
        | st.floats(-1, 1).map(lambda number: number or 0.0)
        | st.text(',:[{"\\é '),
        lambda inside: st.lists(inside) | st.dictionaries(st.text('a,:[{"'), inside),
        max_leaves=20,
    ),
    spare=st.integers(-3, 3),
    blank=st.sampled_from(["", " ", "\n  "]),
)
def test_nothing_is_refused_unread_whose_payload_would_fit(
    payload: object, spare: int, blank: str
) -> None:
    value = {"payload": {"content": payload}}
    data = json.dumps(value, separators=(f",{blank}", f":{blank}")).encode()
    most = len(encode(value["payload"])) + spare
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request, "PAYLOAD_BYTES_MAX", most)
        patch.setattr(request, "_ENVELOPE_BYTES", len(b'{"payload":}'))
        patch.setattr(request, "_SLICE_BYTES", 7)
        if spare >= 0:
            assert request._parsed(data) == parse(data)


def test_what_cannot_fit_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def unread(_data: bytes) -> object:
        raise AssertionError

    monkeypatch.setattr(request, "parse", unread)
    most = PAYLOAD_BYTES_MAX
    for part in (b"[],", b"1.5,", b'{"a":1},', b'"",'):
        often = most // len(part.translate(None, request._SHORTER)) + request._ENVELOPE_BYTES
        with pytest.raises(TooLarge):
            read(said()[:-2] + b',"b":[' + part * often + b"1]}}")

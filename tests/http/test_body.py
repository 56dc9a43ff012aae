"""A body within its bounds, however it arrives, and what its headers claim."""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from aegisd.core.errors import (
    AegisError,
    BodyTooSlow,
    InvalidField,
    InvalidJson,
    MediaTypeUnsupported,
    TooLarge,
    UnknownField,
    UnsupportedField,
)
from aegisd.http import body
from aegisd.http.body import (
    BODY_BYTES_MAX,
    Body,
    as_shape,
    receive_body,
    receive_file,
    receive_object,
)
from tests.http.door import Door, message
from tests.patience import PATIENCE_S


def arrive(
    *chunks: bytes, headers: Sequence[tuple[bytes, bytes]] = (), bytes_max: int = BODY_BYTES_MAX
) -> Body:
    """Read a body that comes in these pieces."""
    messages: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
    ]
    messages[-1]["more_body"] = False
    waiting = iter(messages)

    async def receive() -> Message:
        return next(waiting)

    return asyncio.run(receive_body({"headers": list(headers)}, receive, bytes_max))


@given(chunks=st.lists(st.binary(max_size=5), min_size=1, max_size=8), spare=st.integers(-3, 3))
def test_a_body_is_its_pieces_put_together_if_they_fit(chunks: list[bytes], spare: int) -> None:
    whole = b"".join(chunks)
    if spare >= 0:
        assert arrive(*chunks, bytes_max=len(whole) + spare).data == whole
    elif len(whole) + spare >= 0:
        with pytest.raises(TooLarge):
            arrive(*chunks, bytes_max=len(whole) + spare)


@pytest.mark.parametrize("extra", [0, 1])
def test_a_body_may_have_body_bytes_max_and_not_one_more(shared: Door, extra: int) -> None:
    asked = msgspec.json.encode(message("large"))
    asked += b" " * (BODY_BYTES_MAX - len(asked) + extra)
    answer = shared.post("/v1/events", asked)
    assert answer.status_code == (413 if extra else 201)
    if extra:
        assert answer.json()["limit"] == BODY_BYTES_MAX
        assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("extra", [0, 1])
def test_a_body_of_no_told_length_is_counted_while_it_comes(shared: Door, extra: int) -> None:
    asked = msgspec.json.encode(message("chunked"))
    asked += b" " * (BODY_BYTES_MAX - len(asked) + extra)
    taken = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal taken
        for start in range(0, len(asked), 1 << 20):
            taken += 1
            yield asked[start : start + (1 << 20)]
        yield b" "[:extra]

    answer = shared.runner.run(shared.client.post("/v1/events", content=pieces()))
    assert answer.status_code == (413 if extra else 201)


def test_a_told_length_past_the_bound_is_refused_before_a_byte_is_read() -> None:
    async def receive() -> Message:
        raise AssertionError

    for told in (b"%d" % (BODY_BYTES_MAX + 1), b"9" * 400):
        headers = [(b"content-length", told)]
        with pytest.raises(TooLarge):
            asyncio.run(receive_body({"headers": headers}, receive))


@pytest.mark.parametrize("told", [b"", b"-1", b"1e3", b"0x10", b"+5", b" 5"])
def test_a_length_that_is_no_number_is_refused(told: bytes) -> None:
    with pytest.raises(InvalidJson):
        arrive(b"", headers=[(b"content-length", told)])


def test_a_caller_who_left_is_answered_nothing(shared: Door) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(told: Message) -> None:
        sent.append(told)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/events",
        "headers": [(b"host", b"localhost")],
        "query_string": b"",
    }
    shared.serve(scope, receive, send)
    assert not sent
    with pytest.raises(ClientDisconnect):
        asyncio.run(receive_body({"headers": []}, receive))


@pytest.mark.parametrize(
    "kind",
    [b"", b"application/json", b"text/plain", b"application/x-www-form-urlencoded", b"image/png"],
)
def test_any_type_is_taken_as_json(kind: bytes) -> None:
    assert not arrive(b"{}", headers=[(b"content-type", kind)]).ndjson


@pytest.mark.parametrize(
    "kind", [b"application/x-ndjson", b"Application/JSONL; charset=utf-8", b"application/ndjson"]
)
def test_lines_are_taken_as_lines(kind: bytes) -> None:
    assert arrive(b"{}", headers=[(b"content-type", kind)]).ndjson


@pytest.mark.parametrize(
    "header",
    [
        (b"content-type", b"multipart/form-data; boundary=x"),
        (b"content-encoding", b"gzip"),
        (b"content-encoding", b"identity, br"),
    ],
)
def test_what_cannot_be_json_as_it_stands_is_415(shared: Door, header: tuple[bytes, bytes]) -> None:
    with pytest.raises(MediaTypeUnsupported):
        arrive(b"{}", headers=[header])
    named = {header[0].decode(): header[1].decode()}
    assert shared.ask("POST", "/v1/events", b"{}", named).status_code == 415


def test_a_body_without_coding_may_say_so() -> None:
    assert arrive(b"{}", headers=[(b"content-encoding", b"Identity")]).data == b"{}"


@pytest.mark.parametrize(
    ("key", "taken"),
    [
        (b"k", True),
        (b"k" * 128, True),
        (b"k" * 129, False),
        (b"", False),
        (b".k", False),
        (b"$k", False),
        (b'"k"', False),
        ("ключ".encode(), False),
    ],
)
def test_an_idempotency_key_is_an_id(key: bytes, taken: bool) -> None:
    headers = [(b"idempotency-key", key)]
    if taken:
        assert arrive(b"", headers=headers).idempotency_key == key.decode()
    else:
        with pytest.raises(AegisError):
            arrive(b"", headers=headers)


def test_two_idempotency_keys_are_none() -> None:
    with pytest.raises(InvalidField):
        arrive(b"", headers=[(b"idempotency-key", b"a"), (b"idempotency-key", b"a")])


def test_where_one_object_is_asked_for_lines_and_lists_are_refused() -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"[]"}

    with pytest.raises(InvalidField):
        asyncio.run(receive_object(Request({"type": "http", "headers": []}, receive)))
    lines = {"type": "http", "headers": [(b"content-type", b"application/x-ndjson")]}
    with pytest.raises(MediaTypeUnsupported):
        asyncio.run(receive_object(Request(lines, receive)))


class Shape(Struct):
    name: str
    size: int = 0


def test_an_object_is_read_as_its_shape_or_refused_by_the_field() -> None:
    assert as_shape({"name": "a"}, Shape) == Shape(name="a")
    with pytest.raises(UnknownField) as unknown:
        as_shape({"name": "a", "siez": 1}, Shape, "thing.")
    assert unknown.value.details == {"field": "siez", "nearest": "size"}
    with pytest.raises(UnsupportedField) as later:
        as_shape({"colour": 1}, Shape, "thing.", "comes later", frozenset({"colour"}))
    assert later.value.message == "thing.colour: comes later"


@given(st.dictionaries(st.sampled_from(["name", "size"]), st.text() | st.integers() | st.none()))
def test_no_value_of_a_refused_object_is_in_the_message(value: dict[str, object]) -> None:
    secret = {name: f"secret-{each}" for name, each in value.items()} | {"size": "secret"}
    with pytest.raises(InvalidField) as refused:
        as_shape({**secret}, Shape)
    assert "secret" not in refused.value.message


# ── files ────────────────────────────────────────────────────────────────────────────────────────


def arrive_in_file(
    *chunks: bytes,
    headers: Sequence[tuple[bytes, bytes]] = (),
    bytes_max: int = BODY_BYTES_MAX,
    wait_s: float = 0,
) -> bytes:
    """Read an upload that comes in these pieces, each after a while."""
    waiting = list(chunks)
    file = io.BytesIO()

    async def receive() -> Message:
        await asyncio.sleep(wait_s)
        piece = waiting.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

    asyncio.run(receive_file({"headers": list(headers)}, receive, file, bytes_max))
    return file.getvalue()


@given(
    chunks=st.lists(st.binary(max_size=5), min_size=1, max_size=8),
    spare=st.integers(-3, 3),
    write_bytes=st.sampled_from([1, 6, 1 << 20]),
)
def test_an_upload_is_its_pieces_put_together_if_they_fit(
    chunks: list[bytes], spare: int, write_bytes: int
) -> None:
    whole = b"".join(chunks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(body, "WRITE_BYTES", write_bytes)
        if spare >= 0:
            assert arrive_in_file(*chunks, bytes_max=len(whole) + spare) == whole
        elif len(whole) + spare >= 0:
            with pytest.raises(TooLarge):
                arrive_in_file(*chunks, bytes_max=len(whole) + spare)


def test_an_upload_that_says_it_is_too_large_is_refused_before_it_comes() -> None:
    with pytest.raises(TooLarge):
        arrive_in_file(headers=[(b"content-length", b"9")], bytes_max=8)


def test_an_upload_may_pause_within_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(body, "WRITE_BYTES", 1)
    pieces = [b"x"] * 5
    # All of it takes longer than one pause may, and no pause does.
    monkeypatch.setattr(body, "PAUSE_SECONDS_MAX", 1)
    assert arrive_in_file(*pieces, wait_s=0.25) == b"xxxxx"
    monkeypatch.setattr(body, "PAUSE_SECONDS_MAX", 0.01)
    with pytest.raises(BodyTooSlow):
        arrive_in_file(*pieces, wait_s=PATIENCE_S)


def test_an_upload_takes_no_idempotency_key() -> None:
    with pytest.raises(UnsupportedField):
        arrive_in_file(b"x", headers=[(b"idempotency-key", b"k1")])

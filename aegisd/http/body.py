"""A request's body: its bytes, counted while they come, and what the headers say about them."""

import asyncio
from typing import NamedTuple, Protocol, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope

from aegisd.core.errors import (
    BodyTooSlow,
    InvalidField,
    InvalidJson,
    MediaTypeUnsupported,
    TooLarge,
    UnknownField,
    UnsupportedField,
)
from aegisd.core.log.canonical import parse
from aegisd.core.nearest import nearest
from aegisd.core.shapes.identifier import check_id
from aegisd.http import memory

# Bytes on the wire. One payload of PAYLOAD_BYTES_MAX is six times as long when every character is
# spelled as an escape; a batch of ordinary events stays far below.
BODY_BYTES_MAX = 8_388_608

# Seconds between two writes of a file that is uploaded: as patient as with a whole body.
PAUSE_SECONDS_MAX = 30.0

# Seconds until its last byte. A gigabyte is there in that over a line of 2.5 Mbit/s.
FILE_SECONDS_MAX = 3600.0

# Where a request tells its connection how many seconds its body may take, if it is not usual.
SECONDS = "aegis.seconds"

# Bytes written at once: one way to a thread and back costs as much as copying them.
WRITE_BYTES = 1 << 20

_NDJSON = frozenset({b"application/x-ndjson", b"application/ndjson", b"application/jsonl"})

T = TypeVar("T", bound=msgspec.Struct)


class Body(NamedTuple):
    """What arrived. `ndjson` tells that the caller sent one JSON document per line."""

    data: bytes
    ndjson: bool
    idempotency_key: str | None


class Writable(Protocol):
    """What takes the parts of a file."""

    def write(self, data: bytes, /) -> int:
        """Take a part, or raise what stands against it."""


async def receive_body(scope: Scope, receive: Receive, bytes_max: int = BODY_BYTES_MAX) -> Body:
    """Read the whole body.

    Raises `TooLarge` past `bytes_max`, `Busy` where large bodies hold all the memory they may,
    `MediaTypeUnsupported` for what cannot be JSON, `InvalidField` or `ReservedId` for an
    `Idempotency-Key` that is not an id, and `ClientDisconnect` when the caller left, or took so
    long that the connection has answered.
    """
    ndjson, key, length = _headers(scope, bytes_max)
    if length is not None and length > memory.INLINE_BYTES_MAX:
        memory.expect(scope, length)
    return Body(await _receive(scope, receive, bytes_max, length), ndjson, key)


async def receive_file(scope: Scope, receive: Receive, file: Writable, bytes_max: int) -> None:
    """Write a body of any length to a file, which then stands at its end.

    The connection gives it `FILE_SECONDS_MAX`. Raises as `receive_body`; `BodyTooSlow` past
    `PAUSE_SECONDS_MAX` between two parts, `UnsupportedField` for an `Idempotency-Key`, and
    `OSError` of the file.
    """
    _, key, _ = _headers(scope, bytes_max)
    _refuse_key(key)
    scope[SECONDS] = FILE_SECONDS_MAX
    left, more = bytes_max, True
    while more:
        try:
            async with asyncio.timeout(PAUSE_SECONDS_MAX):
                data, more = await _gathered(receive)
        except TimeoutError:
            raise BodyTooSlow(
                f"the body stood still for PAUSE_SECONDS_MAX = {PAUSE_SECONDS_MAX:g} s"
            ) from None
        left -= len(data)
        if left < 0:
            raise _too_large(bytes_max)
        # A disk may be slow, and every other caller waits for this loop.
        await asyncio.to_thread(file.write, data)


async def _gathered(receive: Receive) -> tuple[bytes, bool]:
    """Parts of a body until they are worth a write, and whether there are more."""
    gathered = bytearray()
    more = True
    while more and len(gathered) < WRITE_BYTES:
        data, more = await _next(receive)
        gathered += data
    return bytes(gathered), more


def _headers(scope: Scope, bytes_max: int) -> tuple[bool, str | None, int | None]:
    """Whether the body is newline-delimited JSON, the idempotency key, and the length in bytes."""
    ndjson, key, length = False, None, None
    for name, value in scope["headers"]:
        if name == b"content-type":
            ndjson = _is_ndjson(value)
        elif name == b"content-length":
            length = _length(value, bytes_max)
        elif name == b"content-encoding":
            _check_coding(value)
        elif name == b"idempotency-key":
            if key is not None:
                raise InvalidField("Idempotency-Key: sent twice", field="Idempotency-Key")
            key = check_id(value.decode("latin-1"), "Idempotency-Key")
    return ndjson, key, length


async def receive_object(request: Request) -> tuple[dict[str, object], Body]:
    """Read a body that holds one JSON object. Raises like `receive_body`, and `InvalidJson`."""
    body = await receive_body(request.scope, request.receive)
    if body.ndjson:
        raise MediaTypeUnsupported("expected one JSON object, found newline-delimited JSON")
    value = await _parsed(request.scope, body.data)
    if not isinstance(value, dict):
        raise InvalidField("expected a JSON object", field="")
    return value, body


async def _parsed(scope: Scope, data: bytes) -> object:
    if len(data) <= memory.INLINE_BYTES_MAX:
        return parse(data)
    async with memory.turn(scope):
        return await asyncio.to_thread(parse, data)


async def receive_unkeyed(request: Request) -> dict[str, object]:
    """Read the object of a request that cannot be retried by key. Raises `UnsupportedField`."""
    value, body = await receive_object(request)
    _refuse_key(body.idempotency_key)
    return value


def _refuse_key(key: str | None) -> None:
    if key is not None:
        raise UnsupportedField(
            "Idempotency-Key: only events and sessions can be retried by key in this version",
            field="Idempotency-Key",
        )


def as_shape(
    value: dict[str, object],
    shape: type[T],
    where: str = "",
    unsupported: str | None = None,
    later: frozenset[str] = frozenset(),
) -> T:
    """Read an object as a struct without a value of it in any message. `where` is its place.

    Fields in `later` are refused with the sentence `unsupported`. Raises `UnknownField`,
    `UnsupportedField` or `InvalidField`.
    """
    known = [field.encode_name for field in msgspec.structs.fields(shape)]
    for field in value:
        if field in known:
            continue
        if field in later:
            raise UnsupportedField(f"{where}{field}: {unsupported}", field=where + field)
        guess = nearest(field, known)
        raise UnknownField(
            f"{where or 'body: '}unknown field; the nearest known one is {guess}",
            field=field[:128],
            nearest=guess,
        )
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        message = str(error).replace("`$.", f"`{where}")
        raise InvalidField(message, field=where.rstrip(".")) from None


def _is_ndjson(value: bytes) -> bool:
    kind = value.partition(b";")[0].strip().lower()
    if kind.startswith(b"multipart/"):
        raise MediaTypeUnsupported(
            "expected JSON or newline-delimited JSON, found a multipart form; "
            "send Content-Type: application/json"
        )
    return kind in _NDJSON


def _length(value: bytes, bytes_max: int) -> int:
    if not value.isdigit():
        raise InvalidJson("Content-Length: expected a number of bytes")
    length = int(value[:20])
    if length > bytes_max:
        raise _too_large(bytes_max)
    return length


def _check_coding(value: bytes) -> None:
    if value.strip().lower() not in (b"", b"identity"):
        raise MediaTypeUnsupported("expected a body without content coding; send it uncompressed")


async def _receive(scope: Scope, receive: Receive, bytes_max: int, length: int | None) -> bytes:
    data, more = await _next(receive)
    parts, size = [data], len(data)
    while more and size <= bytes_max:
        if size > memory.INLINE_BYTES_MAX:
            ahead = size + memory.STEP_BYTES
            memory.grow(scope, ahead if length is None else min(length, ahead))
            await memory.pace(scope, len(data))
        data, more = await _next(receive)
        parts.append(data)
        size += len(data)
    if size > bytes_max:
        raise _too_large(bytes_max)
    return b"".join(parts)


async def _next(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is larger than the {limit} bytes this route takes", limit=limit)

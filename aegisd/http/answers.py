"""Answers as bytes of HTTP: one line of JSON, and a response around it."""

import msgspec
from starlette.responses import Response

_encoder = msgspec.json.Encoder()


def line(value: object) -> bytes:
    """JSON bytes with a newline, so that a terminal's prompt starts on a line of its own."""
    return _encoder.encode(value) + b"\n"


def answer(value: object, status: int = 200, *, replayed: bool = False) -> Response:
    """A JSON answer of everything but the hot route."""
    headers = {"Idempotency-Replayed": "true"} if replayed else None
    return Response(line(value), status, headers, media_type="application/json")

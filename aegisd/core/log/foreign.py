"""Decoding what somebody else wrote: stored bytes, lines of exports, answers of servers.

A decoder meets nesting with an error of its own kind, `RecursionError`, and how deep that is
depends on who called it. Every reader of foreign JSON is made here, so that to a caller too deep is
malformed like anything else. What a log may hold is far less: `form.STORED_DEPTH_MAX`.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec
from msgspec import Raw

from aegisd.core.log.canonical import double

T = TypeVar("T")

Decode = Callable[[bytes | Raw], T]


def decoder(shape: type[T]) -> Decode[T]:
    """Reads JSON bytes as `shape`. The reader raises `msgspec.MsgspecError` or `UnicodeError`."""
    decode = msgspec.json.Decoder(shape, float_hook=double).decode

    def read(data: bytes | Raw) -> T:
        try:
            return decode(data)
        except RecursionError:
            raise msgspec.DecodeError("nested deeper than any event the log takes") from None

    return read

"""What a call gives back: what may come out of it, and what is recorded of it."""

from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from aegisd.core.errors import AegisError
from aegisd.core.log.canonical import encode
from aegisd.core.proposal import PAYLOAD_BYTES_MAX
from aegisd.pep.value import plain

# Any: a tool may give anything; what it says to record is held to JSON.
Tell = Callable[[Any], object]


class KeptBack(Exception):
    """The call ran, and what it gave back may not come out. The message says why."""


def admit(
    tool: str, value: object, call_id: str, bytes_max: int | None, tell: Tell | None = None
) -> tuple[object, object]:
    """What may come out of a call, and what is recorded of it.

    Text is cut to `bytes_max` bytes of UTF-8 and to what one event holds, whole characters only.
    `tell` gives the text or JSON to record of a value that is neither. Raises `KeptBack` for what
    cannot be recorded, or cannot be cut.
    """
    try:
        if type(value) is str:
            value = _cut(value, bytes_max)
            value = value if tell else _fit(value, call_id)
        recorded = plain(value if tell is None else tell(value), "result")
        size = len(recorded.encode() if type(recorded) is str else encode(recorded))
        payload_size = len(encode(result_payload(call_id, recorded)))
    except (AegisError, UnicodeError) as error:
        raise KeptBack(
            f"{tool} gave back what cannot be recorded ({type(value).__name__}); return text or "
            "JSON, or give `tell` to say what to record"
        ) from error
    _check_size(tool, size, "max_output_bytes", bytes_max)
    _check_size(tool, payload_size, "PAYLOAD_BYTES_MAX", PAYLOAD_BYTES_MAX)
    return value, recorded


def result_payload(call_id: str, value: object) -> dict[str, object]:
    """The payload of a TOOL_RESULT: text is `content`, any other JSON a `result`.

    Raises as `plain`.
    """
    field = "content" if type(value) is str else "result"
    return {"call_id": call_id, field: plain(value, field)}


def _check_size(tool: str, size: int, name: str, bytes_max: int | None) -> None:
    if bytes_max is not None and size > bytes_max:
        raise KeptBack(f"{tool} gave back {size} bytes, {name} is {bytes_max}")


def _cut(text: str, bytes_max: int | None) -> str:
    """Text of at most so many bytes in UTF-8, whole characters only."""
    if bytes_max is None or len(text) * 4 <= bytes_max:
        return text
    data = text.encode(errors="surrogatepass")
    return text if len(data) <= bytes_max else data[:bytes_max].decode(errors="ignore")


def _fit(text: str, call_id: str) -> str:
    """The longest start of a text that a result's payload can hold; escapes count as written."""
    room = PAYLOAD_BYTES_MAX - len(encode(result_payload(call_id, "")))
    # No character is written in less than a byte, and nothing longer need be looked at.
    text = text[: room + 1]

    def size(length: int) -> int:
        return len(encode(text[:length])) - len('""')

    if size(len(text)) <= room:
        return text
    return text[: bisect_right(range(len(text)), room, key=size) - 1]

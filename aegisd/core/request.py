"""The bytes of a request to the events it asks to record: one, a JSON array, or one per line."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec
from msgspec import Raw

from aegisd.core.errors import (
    AegisError,
    InvalidField,
    InvalidJson,
    InvalidRequest,
    TooDeep,
    TooLarge,
)
from aegisd.core.log.canonical import parse
from aegisd.core.proposal import PAYLOAD_BYTES_MAX, Proposal
from aegisd.core.proposal import read as read_proposal

# Events of one request, which become one transaction. A third of a second to judge; a longer log is
# sent in parts.
EVENTS_PER_REQUEST_MAX = 1000

_BLANK = b" \t\r\n"

# What may be gone in canonical bytes: blanks, and what numbers and escapes are made of. Every other
# byte is still there.
_SHORTER = b" \t\r\n\\0123456789.+-abcdefABCDEFuU"
# Bytes looked at without giving the interpreter away.
_SLICE_BYTES = 262_144
# More than an event has around its payload: names of fields, and ids.
_ENVELOPE_BYTES = 4096
_split = msgspec.json.Decoder(list[Raw]).decode


class Asked(NamedTuple):
    """What a request asks to record. `batch` tells that it came as a list, however short."""

    proposals: tuple[Proposal, ...]
    batch: bool

    def placed(self, error: AegisError) -> AegisError:
        """The engine's error over these proposals, naming the item where they came as a batch."""
        index = error.details.pop("index", None)
        return _at(error, index) if self.batch and type(index) is int else error


def read(data: bytes, *, ndjson: bool = False, idempotency_key: str | None = None) -> Asked:
    """Read the proposals of a request: a JSON object, a JSON array, or newline-delimited JSON.

    Raises an `InvalidRequest`; of a batch it names the first wrong item.
    """
    if not ndjson and data.lstrip(_BLANK)[:1] != b"[":
        one = read_proposal(_parsed(data), idempotency_key=idempotency_key)
        return Asked((one,), batch=False)
    items = _lines(data) if ndjson else _members(data)
    if not items:
        raise InvalidField("expected at least one event, found an empty batch", field="")
    return Asked(tuple(_proposals(items, idempotency_key)), batch=True)


def _proposals(items: Iterable[bytes | Raw], idempotency_key: str | None) -> Iterator[Proposal]:
    tenant_id = None
    for index, item in enumerate(items):
        try:
            proposal = read_proposal(_parsed(bytes(item)), idempotency_key=idempotency_key)
            if proposal.tenant_id != (tenant_id or proposal.tenant_id):
                raise InvalidField("tenant_id: a batch is of one tenant", field="tenant_id")
        except InvalidRequest as error:
            raise _at(error, index) from None
        tenant_id = proposal.tenant_id
        yield proposal


def _parsed(data: bytes) -> object:
    """Strict JSON of one event; what cannot fit is refused unread, for reading takes seconds."""
    most = PAYLOAD_BYTES_MAX + _ENVELOPE_BYTES
    found = 0
    for start in range(0, len(data) if len(data) > most else 0, _SLICE_BYTES):
        found += len(data[start : start + _SLICE_BYTES].translate(None, _SHORTER))
        if found > most:
            raise TooLarge(
                f"payload: past PAYLOAD_BYTES_MAX = {PAYLOAD_BYTES_MAX} bytes in canonical form; "
                "put what is larger into a file and send its name",
                limit=PAYLOAD_BYTES_MAX,
            )
    return parse(data)


def _lines(data: bytes) -> list[bytes]:
    data = data.strip(_BLANK)
    _check_count(data.count(b"\n") + 1)
    return data.split(b"\n") if data else []


def _members(data: bytes) -> list[Raw]:
    """The members of an array, each still in its own bytes, so that each is read strictly."""
    try:
        members = _split(data)
    except RecursionError:
        raise TooDeep("the document is nested too deeply to be read") from None
    except (msgspec.MsgspecError, UnicodeError):
        raise InvalidJson("expected one JSON array in UTF-8, found broken JSON") from None
    _check_count(len(members))
    return members


def _check_count(found: int) -> None:
    if found > EVENTS_PER_REQUEST_MAX:
        raise TooLarge(
            f"{found} events in one request, EVENTS_PER_REQUEST_MAX is {EVENTS_PER_REQUEST_MAX}",
            limit=EVENTS_PER_REQUEST_MAX,
            found=found,
        )


def _at(error: AegisError, index: int) -> AegisError:
    """The same error, naming the item of the batch that raised it."""
    error.message = f"item {index}: {error.message}"
    error.args = (error.message,)
    error.details["index"] = index
    return error

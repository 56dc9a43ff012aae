"""One event as a caller sends it: checked, in canonical bytes, not yet in the log."""

import base64
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from aegisd.core.errors import IdempotencyConflict, InvalidField, TooLarge, UnknownField
from aegisd.core.events import check_payload
from aegisd.core.log import detached
from aegisd.core.log.canonical import INTEGER_MAX, decode, encode
from aegisd.core.log.detached import Value
from aegisd.core.log.envelope import HASH_BYTES, StoredEvent, unseal
from aegisd.core.nearest import nearest
from aegisd.core.shapes.identifier import check_id

# Canonical bytes of one payload, a call's arguments or a result. What is larger is a file; send its
# name instead.
PAYLOAD_BYTES_MAX = 1_048_576

# A value with this key stands for bytes kept elsewhere; only the daemon may write it. In canonical
# bytes a quote inside a string has a backslash before it, so these are keys and nothing else.
_DETACHED_FIRST, _DETACHED_LATER = b'{"$detached":', b',"$detached":'


class Proposal(Struct, frozen=True, kw_only=True):
    """A checked request.

    `body` is the payload's canonical bytes and `payload` what they decode to, down to the order of
    keys: whoever judges the call again from the log sees the same value.
    `ts_unix_ms` is None where the caller named no time. `seq`, `prev_hash` and `hash` are
    conditions: the event is stored only if it continues exactly there.
    """

    tenant_id: str
    user_id: str
    session_id: str
    agent_id: str | None
    ts_unix_ms: int | None
    event_type: str
    payload: object
    body: bytes
    seq: int | None = None
    prev_hash: bytes | None = None
    hash: bytes | None = None
    idempotency_key: str | None = None


# What a request object may name; the key comes beside it.
_KNOWN = frozenset(Proposal.__struct_fields__) - {"body", "idempotency_key"}


def read(request: object, *, idempotency_key: str | None = None) -> Proposal:
    """Check one request object that strict JSON decoding gave.

    Raises a subclass of `InvalidRequest`; nothing of the payload's values is in its message.
    """
    if not isinstance(request, dict):
        raise InvalidField("expected an event: a JSON object", field="")
    for field in request:
        if field not in _KNOWN:
            guess = nearest(field, _KNOWN)
            raise UnknownField(
                f"unknown field; the nearest known one is {guess}", field=field[:128], nearest=guess
            )
    event_type = request.get("event_type")
    if type(event_type) is not str:
        raise InvalidField("event_type: expected a string", field="event_type")
    payload = request.get("payload")
    check_payload(event_type, payload)
    body = _body(payload)
    user_id = request.get("user_id", "")
    return Proposal(
        tenant_id=check_id(request.get("tenant_id"), "tenant_id"),
        user_id=user_id if user_id == "" else check_id(user_id, "user_id"),
        session_id=check_id(request.get("session_id"), "session_id"),
        agent_id=check_id(request["agent_id"], "agent_id") if "agent_id" in request else None,
        ts_unix_ms=_integer(request, "ts_unix_ms"),
        event_type=event_type,
        payload=decode(body),
        body=body,
        seq=_integer(request, "seq", least=0),
        prev_hash=b"" if request.get("prev_hash") == "" else _hash(request, "prev_hash"),
        hash=_hash(request, "hash"),
        idempotency_key=idempotency_key,
    )


def recall(event: StoredEvent) -> Proposal:
    """The proposal that a stored agent event was, for judging it again.

    Raises `msgspec.MsgspecError` when it is not an envelope.
    """
    body = bytes(unseal(event.body).payload)
    return Proposal(
        tenant_id=event.tenant_id,
        user_id=event.user_id,
        session_id=event.session_id,
        agent_id=event.agent_id,
        ts_unix_ms=event.ts_unix_ms,
        event_type=event.event_type,
        payload=decode(body),
        body=body,
        idempotency_key=event.idempotency_key,
    )


def with_payload(proposal: Proposal, payload: object) -> Proposal:
    """The same proposal with another payload: its values beside it, or back in it."""
    return msgspec.structs.replace(proposal, payload=payload, body=encode(payload))


def same_request(proposal: Proposal, event: StoredEvent, values: Sequence[Value] = ()) -> bool:
    """Whether a stored event is what this proposal asked for, for idempotent retries.

    A proposal without a time matches any: the daemon filled it in. `values` are what is kept beside
    the event. Raises `IdempotencyConflict` where some are gone and the rest is the same: then
    nobody can tell.
    """
    return (
        event.session_id == proposal.session_id
        and event.event_type == proposal.event_type
        and event.user_id == proposal.user_id
        and event.agent_id == proposal.agent_id
        and proposal.ts_unix_ms in (None, event.ts_unix_ms)
        and proposal.seq in (None, event.seq)
        and proposal.prev_hash in (None, event.prev_hash)
        and proposal.hash in (None, event.hash)
        and _same_payload(proposal, bytes(unseal(event.body).payload), values)
    )


def _same_payload(proposal: Proposal, stored: bytes, values: Sequence[Value]) -> bool:
    if detached.BEGINS not in stored:
        return stored == proposal.body
    recorded = decode(stored)
    detached.check(recorded, values)
    kept = [value.pointer for value in values]
    # Under the same salts the same values have the same digests, and nothing is encoded again.
    try:
        asked, body, _ = detached.detach(
            proposal.payload, proposal.body, kept, [value.salt for value in values]
        )
    except KeyError:
        return False
    if body == stored:
        return True
    gone = sorted(set(detached.pointers(recorded)).difference(kept))
    for pointer in gone:
        asked = detached.replaced(asked, pointer, detached.at(recorded, pointer))
    if not gone or encode(asked) != stored:
        return False
    raise IdempotencyConflict(
        f"the idempotency key was used before, and what stood at {', '.join(gone)} was erased or "
        "never kept, so nobody can tell whether this is the same request; use a new key",
        erased=len(gone),
    )


def _body(payload: object) -> bytes:
    body = encode(payload)
    if len(body) > PAYLOAD_BYTES_MAX:
        raise TooLarge(
            f"payload: {len(body)} bytes in canonical form, past PAYLOAD_BYTES_MAX = "
            f"{PAYLOAD_BYTES_MAX}; put what is larger into a file and send its name",
            limit=PAYLOAD_BYTES_MAX,
            found=len(body),
        )
    if _DETACHED_FIRST in body or _DETACHED_LATER in body:
        raise InvalidField("payload: the key '$detached' is the daemon's own", field="payload")
    return body


def _integer(request: dict[str, object], field: str, least: int = -INTEGER_MAX) -> int | None:
    if field not in request:
        return None
    value = request[field]
    if type(value) is not int or not least <= value <= INTEGER_MAX:
        raise InvalidField(f"{field}: expected an integer of at least {least}", field=field)
    return value


def _hash(request: dict[str, object], field: str) -> bytes | None:
    """A hash as 64 hex digits or as padded standard base64 of 32 bytes; the lengths differ."""
    if field not in request:
        return None
    value = request[field]
    if isinstance(value, str):
        try:
            hexadecimal = len(value) == 2 * HASH_BYTES
            raw = bytes.fromhex(value) if hexadecimal else base64.b64decode(value, validate=True)
        except ValueError:
            raw = b""
        if len(raw) == HASH_BYTES:
            return raw
    raise InvalidField(f"{field}: expected 64 hex digits or base64 of 32 bytes", field=field)

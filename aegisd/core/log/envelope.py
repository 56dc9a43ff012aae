"""The envelope: what one event is on disk, and the hash over it.

Stored bytes are the RFC 8785 bytes of the envelope without its `hash`; the hash is SHA-256 over
exactly those bytes. Nothing here knows an event type: a new event cannot change how old ones
verify.
"""

import base64
import hashlib

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from aegisd.core.log.foreign import decoder

HASH_BYTES = 32


class Envelope(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The closed set of envelope fields, declared in RFC 8785 order so that encoding sorts them.

    `ts_unix_ms` is the caller's claim, in milliseconds since the Unix epoch. `prev_hash` is padded
    standard base64 of 32 bytes, absent at seq 0. `payload` holds canonical JSON bytes.
    """

    agent_id: str | UnsetType = UNSET
    event_type: str
    idempotency_key: str | UnsetType = UNSET
    payload: Raw
    prev_hash: str | UnsetType = UNSET
    seq: int
    session_id: str
    tenant_id: str
    ts_unix_ms: int
    user_id: str


class StoredEvent(Struct, frozen=True, kw_only=True):
    """One row of the log: the canonical bytes, their hash, and the index columns beside them.

    `position` counts the tenant's events from 0, `seq` the session's. `hash` and `prev_hash` are 32
    raw bytes; `prev_hash` is empty at seq 0. Columns repeat what `body` says and are never trusted
    over it: `chain.Chain` compares them.
    """

    tenant_id: str
    position: int
    session_id: str
    seq: int
    event_type: str
    ts_unix_ms: int
    user_id: str
    agent_id: str | None
    idempotency_key: str | None
    prev_hash: bytes
    hash: bytes
    body: bytes


_encoder = msgspec.json.Encoder()
_decode = decoder(Envelope)


def seal(envelope: Envelope, position: int, prev_hash: bytes) -> StoredEvent:
    """Chain an envelope to `prev_hash` (empty at seq 0) and hash it.

    Ids and types are ASCII and integers are in range by the time they get here, so the encoder's
    bytes are the RFC 8785 bytes; `tests/core/log/test_envelope.py` holds the two together.
    """
    if prev_hash:
        chained = base64.b64encode(prev_hash).decode()
        envelope = msgspec.structs.replace(envelope, prev_hash=chained)
    return _row(envelope, position, prev_hash, _encoder.encode(envelope))


def _row(envelope: Envelope, position: int, prev_hash: bytes, body: bytes) -> StoredEvent:
    return StoredEvent(
        tenant_id=envelope.tenant_id,
        position=position,
        session_id=envelope.session_id,
        seq=envelope.seq,
        event_type=envelope.event_type,
        ts_unix_ms=envelope.ts_unix_ms,
        user_id=envelope.user_id,
        agent_id=None if envelope.agent_id is UNSET else envelope.agent_id,
        idempotency_key=None if envelope.idempotency_key is UNSET else envelope.idempotency_key,
        prev_hash=prev_hash,
        hash=hashlib.sha256(body).digest(),
        body=body,
    )


def unseal(body: bytes) -> Envelope:
    """Read stored bytes. Raises `msgspec.MsgspecError` or `UnicodeError` when not an envelope."""
    return _decode(body)


def restore(body: bytes, position: int) -> StoredEvent:
    """Build the row that stored bytes describe, hash included.

    Raises like `unseal`, and `ValueError` when `prev_hash` is not base64 of 32 bytes.
    """
    envelope = unseal(body)
    prev_hash = b"" if envelope.prev_hash is UNSET else _hash_of_text(envelope.prev_hash)
    return _row(envelope, position, prev_hash, body)


def _hash_of_text(text: str) -> bytes:
    raw = base64.b64decode(text, validate=True)
    # The last character carries spare bits: only one spelling of each hash is ours.
    if len(raw) != HASH_BYTES or base64.b64encode(raw).decode() != text:
        raise ValueError("prev_hash: expected padded standard base64 of 32 bytes")
    return raw

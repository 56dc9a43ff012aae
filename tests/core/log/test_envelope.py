"""Stored bytes are RFC 8785, hashes are over stored bytes, and rows come back from bytes alone."""

import base64
import hashlib

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.log.canonical import INTEGER_MAX, encode
from aegisd.core.log.envelope import Envelope, restore, seal, unseal
from tests.core.builders import (
    PROPOSED,
    chain,
    envelope,
    identifier,
    json_value,
    small_log,
    text,
)

GENESIS = envelope(0, "TOOL_CALL_PROPOSED", PROPOSED)
hashes = st.binary(min_size=32, max_size=32)


def bare(body: bytes, **changes: object) -> bytes:
    """Stored bytes with some fields of the envelope changed, still in RFC 8785 form."""
    return encode({**msgspec.json.decode(body), **changes})


def test_the_hash_vectors_hold() -> None:
    v2, v3, v4 = chain(
        [
            GENESIS,
            envelope(1, "TOOL_RESULT", {"call_id": "c1", "result": "ok"}),
            envelope(2, "TERMINATION", None),
        ]
    )
    v2b = seal(envelope(0, "TOOL_CALL_PROPOSED", PROPOSED, user_id=""), 0, b"")
    assert [row.hash.hex() for row in (v2, v2b, v3, v4)] == [
        "808a8d8066564b40887264229efa7c4a6ace33beb7a65f993a5898eae7bbc5d4",
        "18d00045413cd2dd54f8260f1e1f224e6e6ecd58544f6f62649cd274722f9fcf",
        "aaafcbdd0edf43f2d1cb76e44d386296655afa3573a95fb6331237d6dfb4bca4",
        "6c3f8f733ab722c81d7e960ecba69c6856179f3bca0d89a554ddb5e933243018",
    ]


@given(
    payload=json_value,
    ids=st.tuples(identifier, identifier, identifier | st.just(""), identifier),
    optional=st.tuples(st.none() | identifier, st.none() | text),
    numbers=st.tuples(st.integers(0, INTEGER_MAX), st.integers(-INTEGER_MAX, INTEGER_MAX)),
    prev_hash=st.just(b"") | hashes,
)
def test_stored_bytes_are_the_canonical_form_of_the_envelope_without_its_hash(
    payload: object,
    ids: tuple[str, str, str, str],
    optional: tuple[str | None, str | None],
    numbers: tuple[int, int],
    prev_hash: bytes,
) -> None:
    tenant_id, session_id, user_id, event_type = ids
    agent_id, idempotency_key = optional
    seq, ts_unix_ms = numbers
    given_envelope = msgspec.structs.replace(
        envelope(seq, event_type, payload, agent_id=agent_id, idempotency_key=idempotency_key),
        tenant_id=tenant_id,
        session_id=session_id,
        user_id=user_id,
        ts_unix_ms=ts_unix_ms,
    )
    row = seal(given_envelope, 7, prev_hash)

    expected: dict[str, object] = {
        "tenant_id": tenant_id,
        "user_id": user_id,
        "session_id": session_id,
        "seq": seq,
        "ts_unix_ms": ts_unix_ms,
        "event_type": event_type,
        "payload": payload,
    }
    if agent_id is not None:
        expected["agent_id"] = agent_id
    if idempotency_key is not None:
        expected["idempotency_key"] = idempotency_key
    if prev_hash:
        expected["prev_hash"] = base64.b64encode(prev_hash).decode()
    assert row.body == rfc8785.dumps(expected)  # type: ignore[arg-type]
    assert row.hash == hashlib.sha256(row.body).digest()
    assert restore(row.body, 7) == row


def test_a_row_repeats_what_its_bytes_say() -> None:
    for position, row in enumerate(small_log()):
        assert restore(row.body, position) == row
        told = unseal(row.body)
        assert (row.tenant_id, row.session_id, row.seq) == (
            told.tenant_id,
            told.session_id,
            told.seq,
        )
        assert (row.agent_id is None) == (b'"agent_id"' not in row.body)
        assert (row.idempotency_key is None) == (b'"idempotency_key"' not in row.body)
        assert (row.prev_hash == b"") == (b'"prev_hash"' not in row.body)


@given(hashes)
def test_a_hash_has_one_spelling_in_stored_bytes(prev_hash: bytes) -> None:
    row = seal(GENESIS, 0, prev_hash)
    padded = base64.b64encode(prev_hash).decode()
    spare = padded[:-2] + chr(ord(padded[-2]) + 1) + "="  # The same 32 bytes, other spare bits.
    others = [padded[:-1], padded + "=", padded + "\n", prev_hash.hex(), spare, "", "é" + padded]
    for text_of_hash in others:
        with pytest.raises(ValueError, match=r"\S"):
            restore(bare(row.body, prev_hash=text_of_hash), 0)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_hash_is_thirty_two_bytes(size: int) -> None:
    text_of_hash = base64.b64encode(bytes(size)).decode()
    with pytest.raises(ValueError, match="32 bytes"):
        restore(bare(seal(GENESIS, 0, b"").body, prev_hash=text_of_hash), 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"hash": "x"},
        {"position": 0},
        {"seq": "0"},
        {"seq": 0.5},
        {"user_id": None},
        {"agent_id": None},
        {"prev_hash": 1},
        {"tenant_id": 1},
    ],
)
def test_the_envelope_is_closed_and_typed(changes: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        unseal(bare(seal(GENESIS, 0, b"").body, **changes))


@pytest.mark.parametrize(
    "field",
    ["tenant_id", "user_id", "session_id", "seq", "ts_unix_ms", "event_type", "payload"],
)
def test_no_field_of_the_envelope_may_be_missing(field: str) -> None:
    document = msgspec.json.decode(seal(GENESIS, 0, b"").body)
    del document[field]
    with pytest.raises(msgspec.ValidationError):
        unseal(rfc8785.dumps(document))


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", b'{"payload":' + b"[" * 100_000, b"\xff", b'{"agent_id":"\xff"}'],
)
def test_bytes_that_are_no_envelope_are_refused_and_nothing_else(body: bytes) -> None:
    for reader in (unseal, lambda data: restore(data, 0)):
        with pytest.raises((msgspec.MsgspecError, UnicodeError)):
            reader(body)


def test_fields_are_declared_in_the_order_they_are_stored() -> None:
    assert list(Envelope.__struct_fields__) == sorted(Envelope.__struct_fields__)

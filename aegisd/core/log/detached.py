"""Values kept beside their event, which holds only a commitment: erased, they leave every hash be.

In the place of a value stands `{"$detached":{"bytes":n,"sha256":hex}}`: SHA-256 over 32 random salt
bytes and the value's RFC 8785 bytes, of which there are `n`; 0 tells that nothing was ever kept.
Whoever has salt and value can hold them to the event; without the salt the digest tells nothing
about the value, however short it is.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec
from msgspec import Raw, Struct

from aegisd.core.errors import InvalidJson, LogCorrupt
from aegisd.core.log.canonical import encode, parse
from aegisd.core.log.envelope import unseal

# As many as the digest has, so that guessing a salt is no easier than guessing a digest.
SALT_BYTES = 32

# The one key of a commitment. No caller may send it: see `core.proposal`.
KEY = "$detached"

# How canonical bytes begin that hold a commitment: its object has no other key.
BEGINS = b'{"$detached":'

_FIELDS = {"bytes", "sha256"}

Tokens = tuple[str, ...]

# Salts by the reference tokens that lead to them.
_Places = dict[str, "bytes | _Places"]

# Parts of canonical bytes, each canonical itself and in the order in which it is written back.
_read_object = msgspec.json.Decoder(dict[str, Raw]).decode
_read_list = msgspec.json.Decoder(list[Raw]).decode
_write = msgspec.json.Encoder().encode


class Value(Struct, frozen=True, kw_only=True):
    """A value beside its event: where it stood in the payload (RFC 6901), salt, canonical JSON."""

    pointer: str
    salt: bytes
    value: bytes


def subject_of(user_id: str, session_id: str) -> str:
    """Whose the values beside an event are: its user's, or its session's where it names none."""
    return user_id or session_id


def owner(body: bytes) -> str:
    """The subject of an event, by its stored bytes. Raises `msgspec.MsgspecError`."""
    envelope = unseal(body)
    return subject_of(envelope.user_id, envelope.session_id)


def commitment(salt: bytes, value: bytes, *, kept: bool = True) -> dict[str, object]:
    """What stands in the place of a value: of canonical bytes, under a salt."""
    digest = hashlib.sha256(salt + value).hexdigest()
    return {KEY: {"bytes": len(value) if kept else 0, "sha256": digest}}


def detach(
    payload: object,
    body: bytes,
    pointers: Sequence[str],
    salts: Sequence[bytes],
    secret: AbstractSet[str] = frozenset(),
) -> tuple[object, bytes, tuple[Value, ...]]:
    """The payload with commitments in place of the values at `pointers`, and those values.

    Of those at `secret`, nothing will be kept, not even how long they are.

    `body` are its canonical bytes, which come back for what comes back: nothing is encoded again,
    and each array and object on the way is copied once, however many pointers lead through it. No
    pointer may lie inside another one, and each has a salt of its own. Raises `KeyError` for a
    pointer to nothing. What was given stays as it is.
    """
    places: _Places = {}
    for pointer, salt in zip(pointers, salts, strict=True):
        *around, last = ("", *tokens(pointer))
        inside = places
        for token in around:
            inside = inside.setdefault(token, {})  # type: ignore[assignment]  # none inside another
        inside[last] = salt
    if not places:
        return payload, body, ()
    values: dict[str, Value] = {}
    stored, raw = _detached(payload, Raw(body), places[""], (), values, secret)
    return stored, bytes(raw), tuple(values[pointer] for pointer in pointers)


def _detached(
    value: object,
    body: Raw,
    places: "bytes | _Places",
    path: Tokens,
    values: dict[str, Value],
    secret: AbstractSet[str],
) -> tuple[object, Raw]:
    """A value without what is at `places` in it, a salt where that is all of it."""
    if isinstance(places, bytes):
        where, plain = pointer_of(path), bytes(body)
        values[where] = Value(pointer=where, salt=places, value=plain)
        told = commitment(places, plain, kept=where not in secret)
        return told, Raw(encode(told))
    if not isinstance(value, dict | list):
        raise KeyError(next(iter(places)))
    copied: Any = value.copy()
    parts: Any = _read_list(body) if isinstance(value, list) else _read_object(body)
    for token, inside in places.items():
        inner = _member(value, token)
        key = int(token) if isinstance(value, list) else token
        below = (*path, token)
        copied[key], parts[key] = _detached(inner, parts[key], inside, below, values, secret)
    return copied, Raw(_write(parts))


def attach(payload: object, values: Iterable[Value]) -> object:
    """The payload with values back in their places: what `detach` was given.

    Raises `LogCorrupt` for a value whose bytes are not what the payload is committed to.
    """
    for value in values:
        check(payload, (value,))
        try:
            plain = parse(value.value)
        except InvalidJson:
            raise _mismatch(value.pointer) from None
        if encode(plain) != value.value:
            raise _mismatch(value.pointer)
        payload = _put(payload, tokens(value.pointer), plain)
    return payload


def check(payload: object, values: Iterable[Value]) -> None:
    """Hold values to a payload. Raises `LogCorrupt` for one that it is not committed to."""
    for value in values:
        try:
            told = at(payload, value.pointer)
        except KeyError:
            told = None
        if told != commitment(value.salt, value.value):
            raise _mismatch(value.pointer)


def pointers(payload: object) -> list[str]:
    """Where commitments stand in a payload, in code point order."""
    return sorted(where for where, _ in _commitments(payload))


def kept_at(payload: object) -> set[str]:
    """Those of `pointers` of which a value was kept, and secrets before `TELLS_SECRETS`."""
    return {where for where, told in _commitments(payload) if told["bytes"] != 0}


def place(position: int, pointer: str) -> bytes:
    """What is digested, in this order, to tell where values stand: decimal, and a JSON string."""
    return b"%d%b" % (position, encode(pointer))


def replaced(payload: object, pointer: str, new: object) -> object:
    """A copy with another value at a pointer; the payload itself where nothing is there."""
    try:
        return _put(payload, tokens(pointer), new)
    except KeyError:
        return payload


def is_commitment(value: object) -> bool:
    """Whether a value stands for another one that is, or was, kept beside the event."""
    if not isinstance(value, dict) or value.keys() != {KEY}:
        return False
    inner = value[KEY]
    return isinstance(inner, dict) and inner.keys() == _FIELDS


def tokens(pointer: str) -> Tokens:
    """The reference tokens of a JSON pointer; none for the empty one, which means all of it."""
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:])


def pointer_of(parts: Iterable[str]) -> str:
    """The JSON pointer of reference tokens."""
    return "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in parts)


def at(payload: object, pointer: str) -> object:
    """The value at a pointer. Raises `KeyError` where there is none."""
    for token in tokens(pointer):
        payload = _member(payload, token)
    return payload


def _commitments(payload: object) -> Iterator[tuple[str, dict[str, Any]]]:
    pending: list[tuple[str, object]] = [("", payload)]
    while pending:
        where, value = pending.pop()
        if isinstance(value, dict) and is_commitment(value):
            yield where, value[KEY]
        elif isinstance(value, dict):
            pending += [(where + pointer_of([key]), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            pending += [(f"{where}/{index}", inner) for index, inner in enumerate(value)]


def _put(value: object, path: Tokens, new: object) -> object:
    """A copy with another value at `path`; only what lies on the way is copied."""
    if not path:
        return new
    inner = _put(_member(value, path[0]), path[1:], new)
    if isinstance(value, dict):
        return {**value, path[0]: inner}
    copied: list[object] = list(value) if isinstance(value, list) else []
    copied[int(path[0])] = inner
    return copied


def _member(value: object, token: str) -> object:
    if isinstance(value, dict):
        return value[token]
    if isinstance(value, list) and token.isascii() and token.isdigit():
        index = int(token)
        if str(index) == token and index < len(value):
            return value[index]
    raise KeyError(token)


def _mismatch(pointer: str) -> LogCorrupt:
    return LogCorrupt(
        f"the value kept for {pointer} is not the one its event is committed to; somebody changed "
        "the value or its salt"
    )

"""States as canonical bytes and back, and the digest over them.

A snapshot is a cache: valid for one `rules_version` and one head, deletable at any time.
"""

import hashlib
from typing import TypeVar, get_args, get_origin

import msgspec

from aegisd.core.ledger import Ledger
from aegisd.core.log.canonical import encode as canonical
from aegisd.core.state.model import SessionState, TenantState

State = SessionState | TenantState

S = TypeVar("S", SessionState, TenantState)


def freeze(state: State) -> bytes:
    """RFC 8785 bytes of a state; equal states freeze to equal bytes, however they were folded."""
    return canonical(document(state))


def document(state: State) -> dict[str, object]:
    """The state as plain JSON values: what `freeze` encodes and the snapshot route answers."""
    plain: dict[str, object] = msgspec.to_builtins(state, builtin_types=(bytes,), enc_hook=_written)
    return {**plain, "head_hash": state.head_hash.hex()}


def thaw(body: bytes, kind: type[S]) -> S:
    """The state that `freeze` wrote.

    Raises `msgspec.MsgspecError` or `ValueError` for anything else.
    """
    plain = msgspec.json.decode(body, type=dict[str, object])
    head_hash = bytes.fromhex(str(plain.get("head_hash")))
    return msgspec.convert(
        {**plain, "head_hash": head_hash}, kind, builtin_types=(bytes,), dec_hook=_read
    )


def digest(state: State) -> bytes:
    """SHA-256 of the frozen state."""
    return hashlib.sha256(freeze(state)).digest()


def _written(value: object) -> object:
    if isinstance(value, Ledger):
        return dict(value.items())
    raise NotImplementedError(f"a state holds a {type(value).__name__}, which has no JSON form")


def _read(kind: type, value: object) -> object:
    if get_origin(kind) is not Ledger:
        raise NotImplementedError(f"a state holds a {kind.__name__}, which has no JSON form")
    (entry,) = get_args(kind)
    entries = msgspec.convert(value, dict[str, object])
    known = {key: msgspec.convert(each, entry) for key, each in entries.items()}
    return Ledger((known,)) if known else Ledger()

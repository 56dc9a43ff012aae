"""A small log with all that a file can carry, and what auditors bring along to it. Always the same.

It is made by hand, not by a gate: the verifiers ask of an event no more than this one has.
"""

import hashlib
from collections.abc import Iterator

from msgspec import UNSET, Raw, Struct

from aegisd.core.log import proof
from aegisd.core.log.canonical import encode
from aegisd.core.log.detached import commitment
from aegisd.core.log.envelope import Envelope, seal
from aegisd.core.log.proof import Proof
from aegisd.signing.keyring import Keyring, SigningKey
from drills.attacks.evidence import checkpoint_line, export, proof_lines, signed, tree_of

TENANT = "acme"
KEYS = Keyring("log.example", [SigningKey(seed=b"\1" * 32)])
THIEF = Keyring("log.example", [SigningKey(seed=b"\2" * 32)])

_SALT, _VALUE = b"\5" * 32, b'"4"'
_DOCUMENTS = (("manifest", encode({"name": "é"})), ("bundle", encode(["a\nb"])))
_MANIFEST, _BUNDLE = (hashlib.sha256(body).hexdigest() for _, body in _DOCUMENTS)
_DECIDED = {"now_ms": 9, "manifest": _MANIFEST, "bundle": _BUNDLE, "outcome": "allow"}


class File(Struct, frozen=True, kw_only=True):
    """Bytes that hold, and those of the event where a proof does not carry it."""

    data: bytes
    event: bytes | None = None


class Auditor(Struct, frozen=True, kw_only=True):
    """The keys and the checkpoints that somebody brings along."""

    keys: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def _events() -> Iterator[tuple[str, str, object]]:
    yield "$control", "MANIFEST_REGISTERED", {"now_ms": 7, "digest": _MANIFEST, "author": "ann"}
    yield "$control", "POLICY_ACTIVATED", {"now_ms": 8, "digest": _BUNDLE, "author": "ann"}
    yield "s1", "TOOL_CALL_PROPOSED", {"tool_name": "read_file", "call_id": "c1", "args": {}}
    yield "s1", "POLICY_DECISION", _DECIDED
    yield "s2", "USER_MESSAGE", {"content": commitment(_SALT, _VALUE)}
    yield "s1", "TOOL_RESULT", {"call_id": "c1", "result": [1.5, "héllo", {"a": None}]}
    yield "$control", "CLOCK_CORRECTED", {"now_ms": 9, "from_ms": 9, "to_ms": 5, "author": "ann"}
    yield "s2", "TOOL_CALL_PROPOSED", {"tool_name": "fetch", "call_id": "c2", "args": {"b": [[]]}}
    yield "s2", "POLICY_DECISION", {**_DECIDED, "now_ms": 6, "outcome": "deny"}
    yield "s1", "TERMINATION", None


def _log() -> Iterator[tuple[str, bytes]]:
    heads: dict[str, tuple[int, bytes]] = {}
    for position, (session_id, event_type, payload) in enumerate(_events()):
        seq, head = heads.get(session_id, (-1, b""))
        plain = Envelope(
            event_type=event_type,
            payload=Raw(encode(payload)),
            seq=seq + 1,
            session_id=session_id,
            tenant_id=TENANT,
            ts_unix_ms=1_700_000_000_000 + position,
            user_id="u1" if session_id == "s2" else "",
            agent_id=UNSET if session_id == "$control" else "a1",
        )
        row = seal(plain, position, head)
        heads[session_id] = (row.seq, row.hash)
        yield session_id, row.body


_LOG = tuple(_log())
BODIES = tuple(body for _, body in _LOG)
_S2 = [at for at, (session_id, _) in enumerate(_LOG) if session_id == "s2"]
_DETACHED = {
    "$kind": "detached",
    "pointer": "/content",
    "position": 4,
    "salt": "BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=",
    "subject": "u1",
    "value": _VALUE.decode(),
}


def _proof(position: int, *, inside: bool) -> File:
    leaves = [hashlib.sha256(body).digest() for body in BODIES]
    size = len(BODIES)
    path = tree_of(BODIES).inclusion(position, size, lambda at, count: leaves[at : at + count])
    note, event = signed(KEYS, TENANT, BODIES), BODIES[position]
    extra = event if inside else b""
    told = Proof(index=position, hashes=tuple(path), checkpoint=note, extra=extra)
    return File(data=proof.write(told).encode(), event=None if inside else event)


def files() -> tuple[File, ...]:
    """An export of each shape, and a proof with its event and without."""
    whole = [_DETACHED, checkpoint_line(signed(KEYS, TENANT, BODIES[:8]))]
    one = [checkpoint_line(signed(KEYS, TENANT, BODIES)), *proof_lines(BODIES, _S2, len(BODIES))]
    session = [BODIES[at] for at in _S2]
    return (
        File(data=export(TENANT, BODIES, _DOCUMENTS, evidence=whole)),
        File(data=export(TENANT, BODIES, _DOCUMENTS)),
        File(data=export(TENANT, session, _DOCUMENTS, session_id="s2", evidence=one)),
        _proof(3, inside=True),
        _proof(4, inside=False),
    )


def auditors() -> tuple[Auditor, ...]:
    """With nothing, with keys, with checkpoints that the log continues, and with others."""
    (key,), (thief,) = (map(str, keys.keys(0)) for keys in (KEYS, THIEF))
    all_of_it, before, nothing = (signed(KEYS, TENANT, BODIES[:size]) for size in (None, 4, 0))
    ahead = signed(KEYS, TENANT, [*BODIES, b"{}"])
    other = signed(KEYS, "other", BODIES)
    return (
        Auditor(),
        Auditor(keys=(key,)),
        Auditor(keys=(thief,)),
        Auditor(keys=(thief, key)),
        Auditor(kept=(before,)),
        Auditor(kept=(other,)),
        Auditor(keys=(key,), kept=(all_of_it,)),
        Auditor(keys=(key,), kept=(before, all_of_it)),
        Auditor(keys=(key,), kept=(nothing,)),
        Auditor(keys=(key,), kept=(ahead,)),
    )

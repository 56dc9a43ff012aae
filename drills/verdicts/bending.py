"""Exports, proofs and notes bent at random, also so that every hash and signature agrees again."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable
from copy import deepcopy
from random import Random
from typing import Any  # Any: lines are JSON of any shape, that being the point.

from aegisd.core.errors import InvalidJson
from aegisd.core.log.canonical import encode
from aegisd.core.log.form import STORED_DEPTH_MAX
from aegisd.signing.keyring import Keyring
from drills.attacks.evidence import signed

# Levels of arrays: at the bound of stored bytes, past it, and past what decoders written in C take.
DEPTHS = (1, 63, 64, 126, 127, 128, 129, 500, 990, 1100, 20_000)

# What a member is replaced by: other types, the ends of numbers, and texts that readers trip over.
_VALUES: tuple[object, ...] = (
    *(None, True, False, 0, 1, -1, 2**53 - 1, 2**53, -(2**53), 2**64, 10**400, 1e21, 1.5, 1e-7),
    *("", "x", "\0", "é", "\ud800", "😀", "=", "QQ==", "QR==", "A" * 44, "0" * 64, "F" * 64, "$x"),
    *([], {}, [0], {"a": 1}, {"$detached": []}, {"$detached": {"bytes": 1, "sha256": "0" * 64}}),
)
_NAMES = ("$kind", "a", "é", "\uff5e", "😀", "now_ms", "manifest", "prev_hash", "session_id", "")
_TYPES = (
    *("POLICY_DECISION", "MANIFEST_REGISTERED", "POLICY_ACTIVATED", "USER_MESSAGE", "LATER"),
    *("LOG_IMPORTED", "SIGNING_KEYS_CHANGED", "TERMINATION"),
)
_BYTES = (b"\0", b"\xff", b"\r", b"\n", b"\n\n", b"\xef\xbb\xbf", b" ", b'"', b"{", b"[", b"\\")
_KIND = b'{"$kind":'

Bend = Callable[[Random, bytes], bytes]


def bent(chance: Random, data: bytes) -> bytes:
    """The bytes with one to three changes, of bytes, of lines or of members."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        data = chance.choice(_BENDS)(chance, data)
    return data


def _byte(chance: Random, data: bytes) -> bytes:
    at, length = chance.randrange(len(data) + 1), chance.choice((0, 1, 1, 7))
    new = chance.choice((b"", chance.randbytes(1), chance.choice(_BYTES), data[at : at + 1]))
    return data[:at] + new + data[at + length :]


def _end(chance: Random, data: bytes) -> bytes:
    return chance.choice((data[: chance.randrange(len(data) + 1)], data + chance.choice(_BYTES)))


def _line(chance: Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    if not lines:
        return data
    at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(4):
        case 0:
            del lines[at]
        case 1:
            lines.insert(other, lines[at])
        case 2:
            lines[at], lines[other] = lines[other], lines[at]
        case _:
            lines.insert(at, chance.choice((b"\n", b"{}\n", b"[]\n", b'{"$kind":"later"}\n')))
    return b"".join(lines)


def _member(chance: Random, data: bytes) -> bytes:
    """One member of a line of JSON; of other lines, a word."""
    lines = data.split(b"\n")
    at = chance.randrange(len(lines))
    told = _object(lines[at])
    places = list(_places(told))
    if not places:
        return _word(chance, data)
    holder, key = chance.choice(places)
    match chance.randrange(6):
        case 0 if isinstance(holder, dict):
            holder[chance.choice(_NAMES)] = holder.pop(key)
        case 1:
            del holder[key]
        case 2 if isinstance(holder, dict):
            holder[chance.choice(_NAMES)] = chance.choice(_VALUES)
        case 3:
            holder[key] = "deep"
        case 4:
            holder[key] = chance.choice(_TYPES if key == "event_type" else _VALUES)
        case _:
            other, name = chance.choice(places)
            # Copied, or it might hold itself.
            holder[key] = deepcopy(other[name])
    lines[at] = written(told).replace(b'"deep"', _deep(chance))
    return b"\n".join(lines)


def _places(value: object) -> Iterable[tuple[Any, Any]]:
    pending: list[Any] = [value]
    while pending:
        holder = pending.pop()
        if isinstance(holder, dict | list):
            for key in holder if isinstance(holder, dict) else range(len(holder)):
                yield holder, key
                pending.append(holder[key])


def _deep(chance: Random) -> bytes:
    levels = chance.choice(DEPTHS)
    opens, closes = chance.choice(((b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")))
    return opens * levels + b"1" + closes * levels


def _word(chance: Random, data: bytes) -> bytes:
    """A word of a note or proof: numbers, base64 and names, near what they were."""
    text = data.decode(errors="surrogateescape")
    words = text.split(" ") if chance.randrange(2) else text.split("\n")
    at = chance.randrange(len(words))
    new = ("0", "00", "-1", "1", "9" * 18, "9" * 19, "9" * 20, "A" * 43 + "=", "=", "", "a b", "٣")
    words[at] = chance.choice((*new, words[at] + "=", words[at][:-1], words[at] + " ", "a\tb"))
    separator = " " if text.split(" ")[0] == text.split("\n")[0] else "\n"
    return separator.join(words).encode(errors="surrogateescape")


_BENDS: tuple[Bend, ...] = (_byte, _end, _line, _member, _member, _member, _word)


def written(value: object) -> bytes:
    """A value in RFC 8785 form, as far as it has one."""
    try:
        return encode(value, depth_max=2 * STORED_DEPTH_MAX)
    except InvalidJson:
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def resealed(data: bytes, keys: Keyring | None) -> bytes:
    """A bent export with links, trailer and, by whoever has the keys, the checkpoint made again."""
    lines, heads = data.split(b"\n")[:-1], dict[str, dict[str, object]]()
    events: list[bytes] = []
    for at, line in enumerate(lines[1:], 1):
        told = _object(line)
        if told is None or line.startswith(_KIND):
            continue
        session_id = told.get("session_id")
        if isinstance(session_id, str) and "prev_hash" in told and session_id in heads:
            digest = bytes.fromhex(str(heads[session_id]["hash"]))
            told["prev_hash"] = base64.b64encode(digest).decode()
            lines[at] = written(told)
        events.append(lines[at])
        if isinstance(session_id, str):
            digest_hex = hashlib.sha256(lines[at]).hexdigest()
            heads[session_id] = {"hash": digest_hex, "seq": told.get("seq")}
    if keys is not None:
        for at, line in enumerate(lines):
            if line.startswith(b'{"$kind":"checkpoint"'):
                note = signed(keys, "acme", events)
                lines[at] = written({"$kind": "checkpoint", "note": note})
    before = b"".join(line + b"\n" for line in lines if not line.startswith(b'{"$kind":"trailer"'))
    digest_hex = hashlib.sha256(before).hexdigest()
    trailer = {"$kind": "trailer", "events": len(events), "heads": heads, "sha256": digest_hex}
    return before + written(trailer) + b"\n"


def _object(line: bytes) -> dict[str, Any] | None:
    """The object on a line, unless it is nested so deep that nobody could bend it again."""
    if line.count(b"[") + line.count(b"{") > 2 * STORED_DEPTH_MAX:
        return None
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None

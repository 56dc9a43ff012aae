"""Signed notes, C2SP signed-note v1.0.0: text that one or more Ed25519 keys signed.

Nothing here computes a signature. `SignatureCheck` is how the shell lends its own to core.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Sequence

from msgspec import Struct

from aegisd.core.errors import NoteInvalid

# Signature type 0x01, "Ed25519 signatures as specified by this document".
ED25519 = b"\x01"

KEY_BYTES = 32
SIGNATURE_BYTES = 64
KEY_ID_BYTES = 4

# The specification asks for 16 at least; a note of ours has one, and two while a key is replaced.
SIGNATURES_MAX = 16

# A checkpoint is three lines; with 16 signatures of the longest kind that is known it stays below.
NOTE_BYTES_MAX = 131_072

# Of the curve edwards25519, RFC 8032 section 5.1: its prime, and the y coordinates of the points of
# low order. Anybody can sign for a key that is one of those.
_PRIME = 2**255 - 19
_LOW_ORDER = frozenset(
    {0, 1, _PRIME - 1}
    | {
        int.from_bytes(bytes.fromhex(encoded), "little")
        for encoded in (
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        )
    }
)

_LINE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})\Z")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_KEY = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})\Z")

# What the line of a private key begins with.
PRIVATE_KEY = "PRIVATE+KEY+"

# public key, signature, text -> whether the Ed25519 signature (RFC 8032) over the text is the key's
SignatureCheck = Callable[[bytes, bytes, bytes], bool]


class Key(Struct, frozen=True, kw_only=True):
    """A public key under the name it signs as: a verifier key of C2SP."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The first 4 bytes of SHA-256(name || 0x0A || 0x01 || public key)."""
        named = self.name.encode() + b"\n" + ED25519 + self.public
        return hashlib.sha256(named).digest()[:KEY_ID_BYTES]

    def __str__(self) -> str:
        encoded = base64.b64encode(ED25519 + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{encoded}"


class Signature(Struct, frozen=True, kw_only=True):
    """One signature line: who claims to have signed, under which key id, and the signature."""

    name: str
    key_id: bytes
    signature: bytes


class Note(Struct, frozen=True, kw_only=True):
    """A note as read; nothing of it is believed before `verify`. `text` ends in a newline."""

    text: str
    signatures: tuple[Signature, ...]


def read_key(text: str) -> Key:
    """Read a verifier key `name+id+base64`. Raises `NoteInvalid`."""
    found = _KEY.match(text.strip())
    encoded = from_base64(found[3]) if found else b""
    if found is None or len(encoded) != 1 + KEY_BYTES or encoded[:1] != ED25519:
        # Never what was found: whoever takes one file of keys for the other has it on the screen.
        is_private = text.lstrip().startswith(PRIVATE_KEY)
        told = "a private key; give the public one, beside it as .pub" if is_private else "another"
        raise NoteInvalid(
            "expected a verifier key of an Ed25519 key: name, +, 8 hex digits, +, base64 of 33 "
            f"bytes; found {told}"
        )
    key = Key(name=found[1], public=encoded[1:])
    if _is_weak(key.public):
        raise NoteInvalid(f"the verifier key of {key.name} is a point that anybody can sign for")
    if key.id.hex() != found[2]:
        raise NoteInvalid(
            f"the verifier key of {key.name} has id {found[2]}, its name and bytes make "
            f"{key.id.hex()}; a character was changed"
        )
    return key


def signature_line(key: Key, signature: bytes) -> str:
    """The line of one signature over a note's text, with its newline."""
    return f"— {key.name} {base64.b64encode(key.id + signature).decode()}\n"


def write(text: str, signed: Sequence[tuple[Key, bytes]]) -> str:
    """A signed note: `text` (ends in a newline), a blank line and a line per signature."""
    return text + "\n" + "".join(signature_line(key, signature) for key, signature in signed)


def read(note: str) -> Note:
    """Read a note's form; no signature is checked. Raises `NoteInvalid`."""
    if len(note.encode()) > NOTE_BYTES_MAX:
        raise NoteInvalid(f"a note of more than NOTE_BYTES_MAX = {NOTE_BYTES_MAX} bytes")
    if "\r\n" in note:
        raise NoteInvalid("line endings were changed on the way here; get it again without that")
    if _CONTROL.search(note) or not note.endswith("\n"):
        raise NoteInvalid("a note ends in a newline and holds no other control character")
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not lines:
        raise NoteInvalid("expected text, a blank line and signature lines")
    signatures = tuple(_signature(line) for line in lines[:-1].split("\n"))
    if len(signatures) > SIGNATURES_MAX:
        raise NoteInvalid(f"a note of more than SIGNATURES_MAX = {SIGNATURES_MAX} signatures")
    return Note(text=text + "\n", signatures=signatures)


def verify(note: Note, keys: Sequence[Key], check: SignatureCheck) -> tuple[Key, ...]:
    """The keys among `keys` that signed the note; at least one.

    Signatures of other keys are ignored. Raises `NoteInvalid` where none of `keys` signed, and
    where the signature of one of them does not verify.
    """
    found: list[Key] = []
    for signature in note.signatures:
        for key in keys:
            if (key.name, key.id) != (signature.name, signature.key_id):
                continue
            held = len(signature.signature) == SIGNATURE_BYTES
            if not held or not check(key.public, signature.signature, note.text.encode()):
                raise NoteInvalid(f"the signature of {key.name} ({key.id.hex()}) does not verify")
            found.append(key)
    if not found:
        names = ", ".join(sorted({f"{key.name} ({key.id.hex()})" for key in keys})) or "no key"
        raise NoteInvalid(f"not signed by {names}")
    return tuple(found)


def claims(note: Note, keys: Sequence[Key]) -> bool:
    """Whether a signature of the note says that it is of one of the keys, true or not."""
    named = {(key.name, key.id) for key in keys}
    return any((each.name, each.key_id) in named for each in note.signatures)


def _is_weak(public: bytes) -> bool:
    """Whether a public key has low order, or is not spelled as RFC 8032 section 5.1.2 spells it."""
    y = int.from_bytes(public, "little") & (2**255 - 1)
    return y >= _PRIME or y in _LOW_ORDER


def _signature(line: str) -> Signature:
    found = _LINE.match(line)
    raw = from_base64(found[2]) if found else b""
    if found is None or len(raw) <= KEY_ID_BYTES:
        raise NoteInvalid("expected signature lines behind the blank line of a note, found another")
    return Signature(name=found[1], key_id=raw[:KEY_ID_BYTES], signature=raw[KEY_ID_BYTES:])


def from_base64(text: str) -> bytes:
    """Padded standard base64 with nothing left over in its last digit; empty for anything else."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return b""
    return raw if base64.b64encode(raw).decode() == text else b""

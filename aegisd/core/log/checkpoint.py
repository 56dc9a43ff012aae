"""Checkpoints, C2SP tlog-checkpoint v1.0.0: origin, size and root of a tenant's tree, signed.

A tenant's origin is `<log name>/<tenant>`, and so is the name its key signs under. One key serves
every tenant of a log: a verifier key may name the log, and then speaks for each of its tenants.
"""

import base64
import re
from collections.abc import Sequence

from msgspec import Struct

from aegisd.core.errors import NoteInvalid
from aegisd.core.log import note
from aegisd.core.log.merkle import HASH_BYTES
from aegisd.core.log.note import Key, Note, SignatureCheck

_SIZE = re.compile(r"(?:0|[1-9][0-9]{0,18})\Z")

# Origin, size, root. Extension lines are not recommended, and nobody could audit them.
TEXT_LINES = 3

# A schema-less URL without spaces or plus signs; 255 as a DNS name has, and room for a path.
LOG_NAME_CHARACTERS_MAX = 255
_LOG_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]*\Z")


class TreeHead(Struct, frozen=True, kw_only=True):
    """What a checkpoint says: the tree of `origin` had `size` leaves and this root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note text that is signed: three lines, no extension lines."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def is_log_name(name: str) -> bool:
    """Whether a name can stand in origins: a schema-less URL such as `aegis.example.com/prod`."""
    fits = len(name) <= LOG_NAME_CHARACTERS_MAX and not name.endswith("/")
    return fits and bool(_LOG_NAME.match(name))


def origin(log_name: str, tenant_id: str) -> str:
    """The origin of a tenant's tree, also the name of the key that signs it."""
    return f"{log_name}/{tenant_id}"


def read(text: str) -> tuple[TreeHead, Note]:
    """Read a signed checkpoint; no signature is checked. Raises `NoteInvalid`."""
    found = note.read(text)
    lines = found.text.removesuffix("\n").split("\n")
    if len(lines) != TEXT_LINES or not all(lines):
        raise NoteInvalid(
            "expected a checkpoint without extension lines: origin, size and root, a line each"
        )
    named, size, root = lines
    if not _SIZE.match(size):
        raise NoteInvalid("the size of a checkpoint is decimal digits")
    return TreeHead(origin=named, size=int(size), root=_root(root)), found


def keys_for(head: TreeHead, keys: Sequence[Key]) -> tuple[Key, ...]:
    """The keys that may speak for an origin, under its name.

    A key named as the origin, or as the log that the origin is a tenant of.
    """
    names = (head.origin, head.origin.rpartition("/")[0])
    return tuple(Key(name=head.origin, public=key.public) for key in keys if key.name in names)


def verify(text: str, keys: Sequence[Key], check: SignatureCheck) -> TreeHead:
    """Read a signed checkpoint and check who signed it. Raises `NoteInvalid`."""
    return signed(text, keys, check)[0]


def signed(
    text: str, keys: Sequence[Key], check: SignatureCheck
) -> tuple[TreeHead, tuple[Key, ...]]:
    """As `verify`, and which of the keys signed, each as it was given."""
    head, found = read(text)
    speaking = keys_for(head, keys)
    if not speaking:
        told = ", ".join(sorted({key.name for key in keys})) or "none"
        raise NoteInvalid(f"no key for origin {head.origin}; the keys given are of {told}")
    signing = {key.public for key in note.verify(found, speaking, check)}
    return head, tuple(key for key in keys if key.public in signing and keys_for(head, [key]))


def _root(line: str) -> bytes:
    root = note.from_base64(line)
    if len(root) != HASH_BYTES:
        raise NoteInvalid("the root of a checkpoint is base64 of 32 bytes")
    return root

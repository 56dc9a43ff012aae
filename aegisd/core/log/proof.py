"""Proof files, C2SP tlog-proof v1: one event, its place, its path, and a signed checkpoint.

Such a file needs no log and no daemon to be checked, only the event and a public key.
"""

import base64
import re
from collections.abc import Sequence

from msgspec import Struct

from aegisd.core.errors import NoteInvalid
from aegisd.core.log import checkpoint
from aegisd.core.log.checkpoint import TreeHead
from aegisd.core.log.merkle import HASH_BYTES, PROOF_HASHES_MAX, included
from aegisd.core.log.note import NOTE_BYTES_MAX, Key, SignatureCheck, from_base64

MAGIC = "c2sp.org/tlog-proof@v1"

_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})\Z")
_EXTRA = re.compile(r"extra ([A-Za-z0-9+/]+={0,2})\Z")

# Proof lines, the first two and a checkpoint; `extra` of ours is one event's bytes.
PROOF_BYTES_MAX = 16_777_216


class Proof(Struct, frozen=True, kw_only=True):
    """A proof file as read. `index` is the event's position, `hashes` its path, leaf to root.

    `extra` is whatever the writer put beside: ours holds the event's stored bytes, which prove
    themselves by their hash. `checkpoint` is the signed note.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes = b""


def write(proof: Proof) -> str:
    """The proof as text."""
    extra = f"extra {base64.b64encode(proof.extra).decode()}\n" if proof.extra else ""
    path = "".join(f"{base64.b64encode(each).decode()}\n" for each in proof.hashes)
    return f"{MAGIC}\n{extra}index {proof.index}\n{path}\n{proof.checkpoint}"


def read(text: str) -> Proof:
    """Read a proof file; nothing is checked but its form. Raises `NoteInvalid`."""
    if len(text) > PROOF_BYTES_MAX + NOTE_BYTES_MAX:
        raise NoteInvalid(f"a proof of more than PROOF_BYTES_MAX = {PROOF_BYTES_MAX} bytes")
    above, blank, note = text.partition("\n\n")
    lines = above.split("\n")
    if not blank or lines.pop(0) != MAGIC:
        raise NoteInvalid(f"expected a proof that begins with the line {MAGIC}")
    extra = b""
    if lines and (found := _EXTRA.match(lines[0])):
        extra = _base64(found[1])
        lines.pop(0)
    index = _INDEX.match(lines.pop(0)) if lines else None
    if index is None:
        raise NoteInvalid("expected a line `index` with the position of the event")
    if len(lines) > PROOF_HASHES_MAX:
        raise NoteInvalid(f"a path of more than PROOF_HASHES_MAX = {PROOF_HASHES_MAX} hashes")
    hashes = tuple(map(_base64, lines))
    if any(len(each) != HASH_BYTES for each in hashes):
        raise NoteInvalid("each line of the path is base64 of 32 bytes")
    return Proof(index=int(index[1]), hashes=hashes, checkpoint=note, extra=extra)


def verify(proof: Proof, leaf: bytes, keys: Sequence[Key], check: SignatureCheck) -> TreeHead:
    """Whether the checkpoint is signed and covers `leaf`, an event hash. Raises `NoteInvalid`."""
    head = checkpoint.verify(proof.checkpoint, keys, check)
    if not covers(proof, leaf, head):
        raise NoteInvalid(
            f"the path does not lead from the event at position {proof.index} to the root of "
            f"{head.origin} at size {head.size}"
        )
    return head


def covers(proof: Proof, leaf: bytes, head: TreeHead) -> bool:
    """Whether the path leads from `leaf`, an event hash, to the root of a checkpoint."""
    return included(proof.index, head.size, leaf, proof.hashes, head.root)


def _base64(line: str) -> bytes:
    raw = from_base64(line)
    if not raw:
        raise NoteInvalid("expected a hash in base64 on each line of a proof, found another")
    return raw

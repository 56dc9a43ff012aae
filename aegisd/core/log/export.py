"""Export v1: a log as lines of text that anybody can check with a SHA-256 and patience.

Line 1 is a canonical header. Each event line is exactly the stored bytes, so its hash is the hash
of the line. Lines with `$kind` carry what belongs to them, and the last line is a canonical
trailer: heads, counts, and the SHA-256 of everything before it. Two exports of one log are
byte-equal, and a later version adds kinds without changing lines.

The lines stand in the order of `Line`: the header; what events name by digest; the events, in
position order, or in seq order of one session; values beside them, if they were asked for; of a log
with checkpoints one, and in an export of one session its proofs; the trailer. What stands behind
the newest checkpoint is covered by nothing but the hash chain.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from aegisd.core.errors import TooLarge
from aegisd.core.log.canonical import encode
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.merkle import HASH_BYTES, PROOF_HASHES_MAX

VERSION = 1

# What this version writes and reads beside events and the trailer.
DOCUMENT_KINDS = ("bundle", "manifest")

# Longer than any event (a payload of 1 MiB, escaped) or document line may be.
LINE_BYTES_MAX = 16_777_216

# How every line begins that is not an event. Their keys are sorted, and `$` comes before letters.
KIND_BEGINS = b'{"$kind":'

# A salt or a hash.
Hash = Annotated[bytes, Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]


class Scope(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an export holds: a whole tenant, or one of its sessions."""

    tenant_id: str
    session_id: str | None = None


class _Kind(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="$kind"):
    """A line with `$kind`. Bytes are padded standard base64 on it, texts as they are."""


class ExportedDocument(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A manifest or bundle: `kind`, hex digest, and the canonical bytes as text."""

    kind: str = msgspec.field(name="$kind")
    digest: str
    body: str


class ExportedDetached(_Kind, frozen=True, kw_only=True, tag="detached"):
    """A value of the event on event line `position`; fields as `aegisd.rows.Detached` has them.

    Here and nowhere else positions count the event lines of an export, from 0: in an export of a
    whole tenant that is the position in it. In the order of position and pointer.
    """

    position: int
    pointer: str
    subject: str
    salt: Hash
    value: str


class ExportedCheckpoint(_Kind, frozen=True, kw_only=True, tag="checkpoint"):
    """A signed checkpoint, as the note says it; see `core.log.checkpoint`.

    The newest whose size is not past the end of the log.
    """

    note: str


class ExportedProof(_Kind, frozen=True, kw_only=True, tag="proof"):
    """The way from the event at `index` of the tenant to the checkpoint's root, leaf to root.

    One for each event that the checkpoint covers, in their order. Of a whole tenant there is none:
    its tree is computed from its events.
    """

    index: int
    hashes: Annotated[tuple[Hash, ...], Meta(max_length=PROOF_HASHES_MAX)]


class Head(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a session ends: its last event, the hash in hex."""

    seq: int
    hash: str


class Trailer(_Kind, frozen=True, kw_only=True, tag="trailer"):
    """The end of an export: counts, each session's head, and the digest of all lines before."""

    events: int
    heads: dict[str, Head]
    sha256: str


Evidence = ExportedDetached | ExportedCheckpoint | ExportedProof
Kept = ExportedDocument | Evidence | Trailer
Line = Scope | StoredEvent | Kept


class ExportWriter:
    """Makes the lines of an export one after another. Events are its caller's lines."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def begin(self, scope: Scope, documents: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
        """The lines before the events. `documents` are (kind, canonical bytes)."""
        yield self._line(encode({"aegis_export": VERSION, **msgspec.to_builtins(scope)}))
        for kind, body in sorted(set(documents)):
            digest = hashlib.sha256(body).hexdigest()
            part = ExportedDocument(kind=kind, digest=digest, body=body.decode())
            yield self._line(encode(plain(part)))

    def lines(self, lines: bytes) -> bytes:
        """Whole lines of events, or a part of them."""
        self._digest.update(lines)
        return lines

    def evidence(self, part: Evidence) -> bytes:
        """The line of what stands behind the events. The order is the caller's to keep."""
        return self._line(encode(plain(part)))

    def end(self, ends: Mapping[str, tuple[int, bytes]], events: int) -> bytes:
        """The trailer: where each session ends, (seq, hash), and how many events went by.

        Raises `TooLarge` where no reader would take it.
        """
        heads = {
            session_id: Head(seq=seq, hash=digest.hex())
            for session_id, (seq, digest) in ends.items()
        }
        trailer = Trailer(events=events, heads=heads, sha256=self._digest.hexdigest())
        line = encode(plain(trailer))
        if len(line) >= LINE_BYTES_MAX:
            raise TooLarge(
                f"{len(heads)} sessions are more than the trailer of an export can name, "
                f"LINE_BYTES_MAX = {LINE_BYTES_MAX} bytes; export sessions one by one"
            )
        return line + b"\n"

    def _line(self, line: bytes) -> bytes:
        return self.lines(line + b"\n")


def plain(part: Kept) -> dict[str, object]:
    """A line with `$kind` as the JSON value on it."""
    value: dict[str, object] = msgspec.json.decode(msgspec.json.encode(part))
    return value

"""Foreign logs: verified, kept whole under an archive tenant, judged by replay, never continued.

The archive's id is made from the digest of the file, so importing the same file again finds what is
there and adds nothing. The file is read twice, to check it and to keep it, and never held in
memory. Rows come first and LOG_IMPORTED last: an import that was cut short shows no trace in
`$control` and is finished by doing it again.
"""

import hashlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import BinaryIO

import msgspec
from msgspec import UNSET, Struct

from aegisd.core.custody import LogImported
from aegisd.core.errors import ExportInvalid
from aegisd.core.log.detached import place
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.export import (
    ExportedCheckpoint,
    ExportedDetached,
    ExportedDocument,
    ExportedProof,
    Line,
)
from aegisd.core.log.export_check import ExportCheck, announced, holding
from aegisd.core.log.export_reading import read, read_detached
from aegisd.core.log.roots import Roots
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX
from aegisd.engine.commands.control import Control, document
from aegisd.export_file import ending, lines
from aegisd.ports import EventStore
from aegisd.rows import Batch, Checkpoint, Detached, Document, Growth

# Bytes of one export, some 30 million events. It is spooled to a temporary file, so this is disk
# space there, and up to twice as much beside the log.
IMPORT_BYTES_MAX = 17_179_869_184

# Events per commit: commits of other tenants go between, and a crash leaves whole ones to go on
# from.
IMPORT_BATCH_EVENTS_MAX = 512

# Bytes of events and documents per commit, so that large ones do not fill the memory. One more may
# be begun below this.
IMPORT_BATCH_BYTES_MAX = 16_777_216

# Bytes of the evidence of one session that are kept as one document.
EVIDENCE_BYTES = 1_048_576

# How every bundle's canonical bytes begin, and no manifest's. Bytes are kept once by digest, so a
# false kind would stick to a manifest that is registered later.
BUNDLE_BEGINS = b'{"files":'

# Hex digits of the file's digest in the archive's id: 128 bits name a file.
ARCHIVE_DIGITS = 32


class Import(Struct, frozen=True, kw_only=True):
    """A checked export, ready to be kept. `sha256` is the hex digest of the whole file.

    `checkpoint` is what came with a whole tenant, `blocks` the roots of its blocks. `detached` are
    event lines with values beside them, ascending, and `offsets` where in the file each value is;
    `values_at` is what LOG_IMPORTED tells of them, and `root` of the events. `evidence` is where
    the checkpoint and the proofs of one session stand.
    """

    archive: str
    sha256: str
    source_tenant: str
    events: int
    root: bytes
    checkpoint: Checkpoint | None
    blocks: tuple[bytes, ...]
    detached: "array[int]"
    offsets: "array[int]"
    values_at: str
    evidence: tuple[int, int]


def check(file: BinaryIO) -> Import:
    """Read and verify an export from its beginning.

    Raises `ExportInvalid`, naming the first place that breaks, and `OSError`.
    """
    checking = ExportCheck(sizes=announced(ending(file)))
    reading = _Reading(file)
    note, first, last = "", 0, 0
    for part in holding(checking, reading.lines()):
        if isinstance(part, StoredEvent):
            reading.roots.add(part.hash)
        elif isinstance(part, ExportedDocument):
            _require_kind(part)
        elif isinstance(part, ExportedDetached):
            reading.detached.append(part.position)
            reading.offsets.append(reading.start)
            reading.places.update(place(part.position, part.pointer))
        elif isinstance(part, ExportedCheckpoint | ExportedProof):
            if isinstance(part, ExportedCheckpoint):
                note, first = part.note, reading.start
            last = reading.end
    if not checking.chain.events or checking.scope is None:
        raise ExportInvalid("the export holds no event")
    sha256 = reading.digest.hexdigest()
    archive = f"{ARCHIVE_PREFIX}{sha256[:ARCHIVE_DIGITS]}"
    signed = checking.head if checking.whole else None
    return Import(
        archive=archive,
        sha256=sha256,
        source_tenant=checking.scope.tenant_id,
        events=checking.chain.events,
        root=reading.roots.tree().root(),
        checkpoint=None
        if signed is None
        else Checkpoint(tenant_id=archive, size=signed.size, root=signed.root, note=note),
        blocks=() if signed is None else tuple(reading.roots.tree().block_roots(0)),
        detached=reading.detached,
        offsets=reading.offsets,
        values_at=reading.places.hexdigest(),
        evidence=(0, 0) if checking.whole else (first, last),
    )


class _Reading:
    """The lines of a file, where they stand, and what tells of all of it, and of what it holds."""

    def __init__(self, file: BinaryIO) -> None:
        self.digest, self.places, self.roots = hashlib.sha256(), hashlib.sha256(), Roots()
        self.start = self.end = 0
        self.detached, self.offsets = array("Q"), array("Q")
        self._file = file

    def lines(self) -> Iterator[bytes]:
        """Each line once."""
        self._file.seek(0)
        for line in lines(self._file):
            self.digest.update(line)
            self.start, self.end = self.end, self.end + len(line)
            yield line


def _require_kind(part: ExportedDocument) -> None:
    if (part.kind == "bundle") is not part.body.encode().startswith(BUNDLE_BEGINS):
        raise ExportInvalid(f"{part.kind} {part.digest}: its bytes are of another kind")


class Keeping:
    """Turns a checked file into batches, one behind the other. Goes on where an import was cut."""

    def __init__(self, store: EventStore, file: BinaryIO, checked: Import) -> None:
        """`file` is the one that was checked, and nobody else's."""
        self._store, self._file, self._checked = store, file, checked
        self._evidence: list[str] = []
        self._evidence_at, self._evidence_end = checked.evidence
        file.seek(0)
        self._parts: Iterator[Line] | None = read(lines(file))

    def batch(self) -> Batch | None:
        """The next batch; None when all is kept. Blocks."""
        first = self._store.next_position(self._checked.archive)
        events: list[StoredEvent] = []
        documents: list[Document] = []
        size = 0
        while len(events) < IMPORT_BATCH_EVENTS_MAX and size < IMPORT_BATCH_BYTES_MAX:
            part = self._next()
            if part is None:
                break
            if isinstance(part, StoredEvent) and part.position >= first:
                events.append(msgspec.structs.replace(part, tenant_id=self._checked.archive))
                size += len(part.body)
            elif isinstance(part, ExportedDocument):
                documents.append(document(part.kind, part.body.encode()))
                size += len(part.body)
        if not events and not documents and self._evidence_at < self._evidence_end:
            documents.append(self._evidence_piece())
        if not events and not documents:
            return None
        return Batch(
            tenant_id=self._checked.archive,
            first_position=first,
            events=events,
            documents=documents,
            detached=[value for event in events for value in self._values(event.position)],
        )

    def _next(self) -> Line | None:
        """The next part, the last event at most."""
        if self._parts is None:
            return None
        part = next(self._parts)
        if isinstance(part, StoredEvent) and part.position == self._checked.events - 1:
            self._parts = None
        return part

    def _values(self, position: int) -> Iterator[Detached]:
        """The values kept beside an event, read from their own lines."""
        places, offsets = self._checked.detached, self._checked.offsets
        here = self._file.tell()
        for number in range(bisect_left(places, position), bisect_right(places, position)):
            self._file.seek(offsets[number])
            value = read_detached(self._file.readline())
            yield Detached.imported(self._checked.archive, position, value)
        self._file.seek(here)

    def _evidence_piece(self) -> Document:
        """The next lines of a session's evidence, about `EVIDENCE_BYTES` of them."""
        self._file.seek(self._evidence_at)
        left = self._evidence_end - self._evidence_at
        body = self._file.read(min(EVIDENCE_BYTES, left))
        body += b"" if len(body) == left else self._file.readline()
        self._evidence_at += len(body)
        piece = document("evidence", body)
        self._evidence.append(piece.digest.hex())
        return piece

    def growth(self) -> Growth | None:
        """What is kept of a whole tenant's tree, once its events are."""
        signed = self._checked.checkpoint
        if signed is None:
            return None
        return Growth(
            tenant_id=self._checked.archive,
            first_block=0,
            blocks=self._checked.blocks,
            checkpoints=(signed,),
        )

    def act(self, *, author: str, reason: str) -> Control:
        """LOG_IMPORTED, once everything else is kept."""
        checked = self._checked
        evidence = tuple(self._evidence) or UNSET
        return Control(
            by=author,
            event_type="LOG_IMPORTED",
            payload=lambda by, now_ms: LogImported(
                archive=checked.archive,
                author=by,
                events=checked.events,
                evidence=evidence,
                export_sha256=checked.sha256,
                now_ms=now_ms,
                reason=reason,
                root=checked.root.hex(),
                source_tenant=checked.source_tenant,
                values=len(checked.detached),
                values_at=checked.values_at,
            ),
        )

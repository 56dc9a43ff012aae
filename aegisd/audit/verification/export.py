"""An export, with nothing but the file: no database, no server, no trust.

Read in segments, on every processor where that is worth starting processes; and line by line, where
a segment does not hold.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import BinaryIO

import msgspec

from aegisd.audit import documents
from aegisd.audit.anchors import NONE, Anchors
from aegisd.audit.progress import Progress, silent
from aegisd.audit.verification.order import Order
from aegisd.audit.verification.result import Verification
from aegisd.audit.verification.segment import Segment, Segments, read_segment
from aegisd.core.errors import ExportInvalid
from aegisd.core.log.chain import NOWHERE, Break
from aegisd.core.log.checkpoint import TreeHead
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.export import KIND_BEGINS, ExportedDocument, Line, Scope, Trailer
from aegisd.core.log.export_check import ExportCheck, announced
from aegisd.core.log.export_reading import Reader, read
from aegisd.core.log.foreign import decoder
from aegisd.export_file import ending, lines
from aegisd.signing import ed25519

_decode_trailer = decoder(Trailer)

# Bytes of a segment. Some thousand events: what one costs to hand over no longer shows.
SEGMENT_BYTES = 1 << 22

# Bytes of a file from which on processes are started. Before, starting them takes longer.
PROCESSES_FROM_BYTES = 1 << 24

# Processes besides this one, which meanwhile hashes the file and grows the tree. More than these
# would wait for that.
PROCESSES_MAX = 4


def verify_export(
    file: BinaryIO,
    session_id: str | None = None,
    *,
    anchors: Anchors = NONE,
    path: str | None = None,
    progress: Progress = silent,
) -> Verification:
    """Check an export. Raises `SessionUnknown` where it holds and the session is not in it.

    In segments first, which is quick and finds out that an export holds; `path` names the file for
    other processes. One that does not is read line by line, to say what is wrong and where.
    Progress is told of events, and again of lines where it comes to that.
    """
    sizes = [*announced(ending(file)), *anchors.sizes()]
    verifier = ExportVerifier(Verification(session_id=session_id), anchors, sizes)
    if not read_in_segments(file, path, verifier, progress) or not verifier.holds():
        file.seek(0)
        verifier = ExportVerifier(Verification(session_id=session_id), anchors, sizes)
        verifier.read(file, progress)
    verifier.told.require_session(present=verifier.has(session_id))
    return verifier.told


class ExportVerifier:
    """One verification of one export, under way."""

    def __init__(self, told: Verification, anchors: Anchors, sizes: Iterable[int]) -> None:
        self.told = told
        self._anchors = anchors
        self._check = ExportCheck(anchors.keys, ed25519.check, sizes=sizes)
        self._order = Order()
        self._named: set[documents.Named] = set()
        self._held: set[documents.Named] = set()
        self._last = b""

    def has(self, session_id: str | None) -> bool:
        """Whether the export holds an event of the session."""
        return session_id in self._check.chain.heads

    def holds(self) -> bool:
        """End the check of what was taken; whether it holds."""
        self._end()
        return self.told.holds

    def read(self, file: BinaryIO, progress: Progress) -> None:
        """Check all lines of a file, one by one."""
        try:
            for part in read(self._lines(file)):
                self.take(part)
                progress()
        except ExportInvalid as error:
            for found in self._ends():
                self.told.add(found)
            self.told.add(Break("export", error.message, tenant_id=self._tenant_id))
        self._end()

    def _lines(self, file: BinaryIO) -> Iterator[bytes]:
        """The lines of the file; the last one is remembered."""
        for line in lines(file):
            self._last = line
            yield line

    def take(self, part: Line) -> None:
        """Check the next part."""
        for found in self._check.check(part):
            self.told.add(found)
        if isinstance(part, ExportedDocument):
            self._held.add(documents.Named(part.kind, part.digest))
        elif isinstance(part, StoredEvent):
            for found in self._order.check(part):
                # One session's events are counted in it, and not in the tenant.
                at = found.position if self._check.whole else NOWHERE
                self.told.add(msgspec.structs.replace(found, position=at))
            self._named.update(documents.named(part))

    def take_segment(self, segment: Segment, heads: dict[str, tuple[int, bytes]]) -> None:
        """Take events that hold; `heads` are those of all sessions after them."""
        before = self._check.chain.events
        for number, body in segment.detached:
            self._check.commit(body, before + number)
        self._check.proven(heads, segment.digests())
        self._named.update(segment.named)

    def _ends(self) -> list[Break]:
        """A line is not what it must be; heads may say in which sessions."""
        try:
            return self._check.check(_decode_trailer(self._last))
        except (msgspec.MsgspecError, UnicodeError):
            return []

    def _end(self) -> None:
        """Compare the documents that events name with those that are there, and say the level."""
        for name in sorted(self._named):
            if name not in self._held:
                text = f"{name.kind} {name.digest} is named by an event and missing"
                self.told.add(Break("document", text, tenant_id=self._tenant_id))
        self.told.documents = len(self._held)
        if self._check.scope is None:
            return
        tenant_id, check = self._tenant_id, self._check
        covered, signed = check.covered, check.signed and check.covered > 0
        signers = check.signers
        for head in self._anchors.of(tenant_id):
            if (
                self._compare(head)
                and self._anchors.keys
                and head.size > (covered if signed else 0)
            ):
                covered, signed, signers = head.size, True, ()
        events, sessions = check.chain.events, len(check.chain.heads)
        self.told.count(
            tenant_id, events, sessions, signed=signed, covered=covered, signers=signers
        )
        self.told.require_answers(self._anchors, [tenant_id])

    def _compare(self, kept: TreeHead) -> bool:
        check = self._check
        if check.whole:
            check.roots.tree()
            root, events = check.roots.at.get(kept.size), check.chain.events
        else:
            # One session tells no size of the tenant but its checkpoint's.
            own = check.head
            root = own.root if own is not None and own.size == kept.size else None
            events = kept.size
        same = self.told.hold(self._tenant_id, kept, events, root)
        return same and check.whole

    @property
    def _tenant_id(self) -> str:
        return "" if self._check.scope is None else self._check.scope.tenant_id


def read_in_segments(
    file: BinaryIO, path: str | None, verifier: ExportVerifier, progress: Progress
) -> bool:
    """Read an export from its beginning; whether its lines were what they must be, all of them.

    `path` names the file for other processes, where it has one. After False, `verifier` is of no
    use.
    """
    reader = Reader()
    try:
        scope = _begin(file, reader, verifier)
        if scope is None or not _read_events(file, path, scope, reader, verifier, progress):
            return False
        for line in lines(file):
            verifier.take(reader.take(line))
        reader.end()
    except ExportInvalid:
        return False
    return True


def _begin(file: BinaryIO, reader: Reader, verifier: ExportVerifier) -> Scope | None:
    """Read up to the first event. None where anything but documents stands before it."""
    scope = None
    for line in lines(file):
        if scope is not None and not line.startswith(KIND_BEGINS):
            file.seek(-len(line), os.SEEK_CUR)
            return scope
        part = reader.take(line)
        if not isinstance(part, Scope | ExportedDocument):
            return None
        verifier.take(part)
        scope = part if isinstance(part, Scope) else scope
    return None


def _read_events(
    file: BinaryIO,
    path: str | None,
    scope: Scope,
    reader: Reader,
    verifier: ExportVerifier,
    progress: Progress,
) -> bool:
    """Read up to the first line behind the events, and stand there; whether the events hold."""
    places = list(_places(file))
    together = Segments()
    with _segments(file, path, places, scope) as segments:
        for (start, end), segment in zip(places, segments, strict=True):
            if segment is None or not together.take(segment):
                return False
            file.seek(start)
            reader.skip(file.read(segment.length), segment.events)
            verifier.take_segment(segment, together.heads)
            progress(segment.events)
            if start + segment.length < end:
                # What is behind is no event.
                return True
    return True


def _places(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Where segments begin and end from here on, each at the beginning of a line."""
    start = file.tell()
    size = file.seek(0, os.SEEK_END)
    while start < size:
        file.seek(min(start + SEGMENT_BYTES, size) - 1)
        next(lines(file), b"")
        yield start, file.tell()
        start = file.tell()


@contextmanager
def _segments(
    file: BinaryIO, path: str | None, places: list[tuple[int, int]], scope: Scope
) -> Iterator[Iterator[Segment | None]]:
    """The segments of a file in order, checked by other processes where there is enough to do."""
    if path is None or not places or places[-1][1] - places[0][0] < PROCESSES_FROM_BYTES:
        yield (read_segment(file, *place, scope) for place in places)
        return
    # Half of all it takes to check a small file.
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415

    processes = min(os.cpu_count() or 1, PROCESSES_MAX)
    with ExitStack() as ending:
        # Not forked: a progress bar may have started a thread.
        pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
        ending.callback(pool.shutdown, wait=True, cancel_futures=True)
        yield pool.map(partial(_read, path, scope), places)


def _read(path: str, scope: Scope, place: tuple[int, int]) -> Segment | None:
    with Path(path).open("rb") as file:
        return read_segment(file, *place, scope)

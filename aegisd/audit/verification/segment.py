"""A segment of an export: event lines on end, checked in one go, apart from those around them.

Only ever says that they hold, and what is left to compare at both ends. Whoever is not told so
checks line by line, and learns what is wrong and where.
"""

import gc
from binascii import a2b_base64, b2a_base64
from hashlib import sha256
from typing import BinaryIO

import msgspec
from msgspec import Struct, UnsetType

from aegisd.audit import documents
from aegisd.audit.documents import Named
from aegisd.audit.verification.order import Place, is_parted, times
from aegisd.core.events import DAEMON_EVENTS
from aegisd.core.log.detached import BEGINS
from aegisd.core.log.export import KIND_BEGINS, LINE_BYTES_MAX, Scope
from aegisd.core.log.form import OpenEnvelope, open_line, open_lines
from aegisd.core.log.merkle import HASH_BYTES

# Lines looked at together: most of what one alone would cost around the reading is saved by then.
LINES_TOGETHER = 16


class Link(Struct, frozen=True, array_like=True):
    """Where an event stands in its session, what it continues (base64), and of which type it is."""

    session_id: str
    seq: int
    prev_hash: str
    event_type: str


class Segment(Struct, kw_only=True, array_like=True):
    """Events that hold, `length` bytes of lines. `hashes` are theirs, 32 bytes each, in order.

    `firsts` and `heads` are the first and last of each session here: its link, and (seq, hash).
    `first` and `last` are of all. `now_ms` are the daemon's times at both ends, or nothing.
    `detached` are events that commit to values beside them, by their number in the segment.
    """

    length: int
    hashes: bytes = b""
    firsts: dict[str, Link] = {}
    heads: dict[str, tuple[int, bytes]] = {}
    first: Link | None = None
    last: Place = ("", -1)
    now_ms: tuple[int, int] | None = None
    named: set[Named] = set()
    detached: list[tuple[int, bytes]] = []

    @property
    def events(self) -> int:
        """How many events the segment has."""
        return len(self.hashes) // HASH_BYTES

    def digests(self) -> list[bytes]:
        """The hashes of the events, one by one."""
        return [self.hashes[at : at + HASH_BYTES] for at in range(0, len(self.hashes), HASH_BYTES)]


def read_segment(file: BinaryIO, start: int, end: int, scope: Scope) -> Segment | None:
    """Check the lines of a file between two places where lines begin; see `check_segment`."""
    file.seek(start)
    data = file.read(end - start)
    # Nothing here refers to itself, and a look for what does would cost as much as the check.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return check_segment(data, scope)
    finally:
        if collecting:
            gc.enable()


def check_segment(data: bytes, scope: Scope) -> Segment | None:
    """Check event lines up to the first line of another kind. None where they may not hold."""
    if len(data) > LINE_BYTES_MAX:
        # A line may be too long; those of a file's segments are a fraction of that together.
        return None
    length = len(data)
    if data.startswith(KIND_BEGINS):
        length = 0
    elif (found := data.find(b"\n" + KIND_BEGINS)) >= 0:
        length = found + 1
    lines = data[:length].split(b"\n")
    if lines.pop():
        return None
    check = _SegmentCheck(scope, length)
    for first in range(0, len(lines), LINES_TOGETHER):
        together = lines[first : first + LINES_TOGETHER]
        envelopes = open_lines(b"\n".join(together) + b"\n")
        if envelopes is None:
            envelopes = [each for each in map(open_line, together) if each is not None]
        if len(envelopes) != len(together) or not check.take(together, envelopes):
            return None
    return check.segment()


class _SegmentCheck:
    """What `aegisd.audit.verification.export` checks of events, for those that hold."""

    def __init__(self, scope: Scope, length: int) -> None:
        self._scope = scope
        self._segment = Segment(length=length)
        self._digests: list[bytes] = []
        # Session -> its last seq here, and that event's hash as the next one must name it.
        self._links: dict[str, tuple[int, str]] = {}
        self._seen: set[tuple[object, ...]] = set()

    def take(self, lines: list[bytes], envelopes: list[OpenEnvelope]) -> bool:
        """Check the next events; whether they hold."""
        tenant_id, only = self._scope.tenant_id, self._scope.session_id
        links, digests, last = self._links, self._digests, self._segment.last
        for line, each in zip(lines, envelopes, strict=True):
            session_id, seq, prev_hash = each.session_id, each.seq, each.prev_hash
            if each.tenant_id != tenant_id or (only is not None and session_id != only):
                return False
            before = links.get(session_id)
            if before is None:
                if prev_hash == "":
                    return False
                self._open(each)
            elif before != (seq - 1, prev_hash):
                return False
            if each.event_type in DAEMON_EVENTS and not self._take_daemon_event(each, last):
                return False
            if BEGINS in line:
                self._segment.detached.append((len(digests), line))
            digest = sha256(line).digest()
            digests.append(digest)
            links[session_id] = (seq, b2a_base64(digest, newline=False).decode())
            last = (session_id, seq)
        self._segment.last = last
        return True

    def _open(self, event: OpenEnvelope) -> None:
        """Note the first event of a session, whose link is compared with what stands before."""
        prev_hash = "" if isinstance(event.prev_hash, UnsetType) else event.prev_hash
        link = Link(event.session_id, event.seq, prev_hash, event.event_type)
        self._segment.firsts[event.session_id] = link
        self._segment.first = self._segment.first or link

    def _take_daemon_event(self, event: OpenEnvelope, last: Place) -> bool:
        # The first of the segment is compared with what stands before the segment.
        place = (event.session_id, event.seq)
        if self._digests and is_parted(event.event_type, place, last):
            return False
        payload = event.payload
        if not isinstance(payload, dict):
            return False
        now_ms, then_ms = map(payload.get, times(event.event_type))
        if type(now_ms) is not int or type(then_ms) is not int:
            return False
        first, latest = self._segment.now_ms or (now_ms, now_ms)
        if now_ms < latest:
            return False
        self._segment.now_ms = (first, then_ms)
        return self._name(event.event_type, payload)

    def _name(self, event_type: str, payload: dict[str, object]) -> bool:
        """Note what the event names. Most events name what the one before them named."""
        names = (event_type, *map(payload.get, documents.MEMBERS))
        try:
            if names in self._seen:
                return True
        except TypeError:
            return False
        self._seen.add(names)
        self._segment.named.update(documents.named_by(event_type, payload))
        return True

    def segment(self) -> Segment:
        """What was checked. Heads have their hashes as bytes again."""
        heads = {
            session_id: (seq, a2b_base64(digest))
            for session_id, (seq, digest) in self._links.items()
        }
        return msgspec.structs.replace(self._segment, hashes=b"".join(self._digests), heads=heads)


class Segments:
    """Segments one behind the other: what is left to compare between them."""

    def __init__(self) -> None:
        self.heads: dict[str, tuple[int, bytes]] = {}
        self._last: Place | None = None
        self._now_ms = 0

    def take(self, segment: Segment) -> bool:
        """Whether the next segment continues those before it, and holds with them."""
        if segment.first is None:
            return True
        for session_id, link in segment.firsts.items():
            seq, head = self.heads.get(session_id, (-1, b""))
            if (link.seq, link.prev_hash) != (seq + 1, _text(head)):
                return False
        self.heads.update(segment.heads)
        first = segment.first
        if is_parted(first.event_type, (first.session_id, first.seq), self._last):
            return False
        self._last = segment.last
        if segment.now_ms is not None:
            if segment.now_ms[0] < self._now_ms:
                return False
            self._now_ms = segment.now_ms[1]
        return True


def _text(digest: bytes) -> str:
    return b2a_base64(digest, newline=False).decode()

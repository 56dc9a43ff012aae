"""An export, line by line, with nothing but the file: no database, no server, no trust."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

import msgspec
from msgspec import Struct

from aegisctl import documents
from aegisctl.display import Step
from aegisctl.integrity import anchors
from aegisctl.integrity.anchors import Anchors
from aegisctl.integrity.order import Order
from aegisctl.integrity.quick import read_quickly
from aegisctl.integrity.report import Report, broken
from aegisctl.integrity.span import Span
from aegisd.core.errors import ExportInvalid
from aegisd.core.log.chain import Break
from aegisd.core.log.checkpoint import Head
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.export import ExportedDocument, Line, Trailer
from aegisd.core.log.export_check import ExportCheck, announced
from aegisd.core.log.export_reading import read
from aegisd.export_file import ending, lines
from aegisd.signing import ed25519


def check_export(
    file: BinaryIO,
    session_id: str | None,
    step: Step,
    brought: Anchors = anchors.NONE,
    *,
    path: str | None = None,
) -> Report:
    """Check an export. Raises `SessionUnknown` where it holds and the session is not in it.

    In spans first, which is quick and finds out that an export holds; `path` names the file for
    other processes. One that does not is read line by line, to say what is wrong and where.
    """
    sizes = [*announced(ending(file)), *brought.sizes()]
    check = Check(Report(session_id=session_id), brought, sizes)
    if not read_quickly(file, path, check, step) or not check.holds():
        file.seek(0)
        check = Check(Report(session_id=session_id), brought, sizes)
        check.read(file, step)
    check.report.require_session(present=check.has(session_id))
    return check.report


class _Told(Struct):
    seq: int
    hash: str


class _TrailerLine(Struct):
    events: int
    heads: dict[str, _Told]
    sha256: str


class Check:
    """The state of one check of one export."""

    def __init__(self, report: Report, brought: Anchors, sizes: Iterable[int]) -> None:
        self.report = report
        self._brought = brought
        self._check = ExportCheck(brought.keys, ed25519.check, sizes=sizes)
        self._order = Order()
        self._named: set[documents.Named] = set()
        self._held: set[str] = set()
        self._last = b""

    def has(self, session_id: str | None) -> bool:
        """Whether the export holds an event of the session."""
        return session_id in self._check.chain.heads

    def holds(self) -> bool:
        """End the check of what was taken; whether it holds."""
        self._end()
        return self.report.holds

    def read(self, file: BinaryIO, step: Step) -> None:
        """Check all lines of a file, one by one."""
        try:
            for part in read(self._lines(file)):
                self.take(part)
                step()
        except ExportInvalid as error:
            self._end_early(error.message)
        self._end()

    def _lines(self, file: BinaryIO) -> Iterator[bytes]:
        """The lines of the file; the last one is remembered."""
        for line in lines(file):
            self._last = line
            yield line

    def take(self, part: Line) -> None:
        """Check the next part."""
        for found in self._check.check(part):
            self.report.add(found)
        if isinstance(part, ExportedDocument):
            self._held.add(part.digest)
        elif isinstance(part, StoredEvent):
            for found in self._order.check(part):
                self.report.add(found)
            self._named.update(documents.named(part))

    def take_span(self, span: Span, heads: dict[str, tuple[int, bytes]]) -> None:
        """Take events that hold; `heads` are those of all sessions after them."""
        before = self._check.events
        for number, body in span.detached:
            self._check.commit(body, before + number)
        self._check.proven(heads, span.digests())
        self._named.update(span.named)

    def _end_early(self, reason: str) -> None:
        """A line is not what it must be. Say which, and which sessions do not end as told."""
        for found in self._ends():
            self.report.add(found)
        self.report.add(broken("export", reason, tenant_id=self._tenant_id))

    def _ends(self) -> list[Break]:
        """Where the SHA-256 says that some line was changed, heads may say in which session."""
        try:
            told = msgspec.json.decode(self._last, type=_TrailerLine)
        except (msgspec.MsgspecError, UnicodeError):
            return []
        heads = {name: (head.seq, head.hash) for name, head in told.heads.items()}
        return self._check.check(Trailer(events=told.events, heads=heads, sha256=told.sha256))

    def _end(self) -> None:
        """Compare the documents that events name with those that are there, and say the level."""
        for name in sorted(self._named):
            if name.digest not in self._held:
                text = f"{name.kind} {name.digest} is named by an event and missing"
                self.report.add(broken("document", text, tenant_id=self._tenant_id))
        self.report.documents = len(self._held)
        if self._check.scope is None:
            return
        tenant_id, check = self._tenant_id, self._check
        covered, signed = check.covered, check.signed and check.covered > 0
        for head in self._brought.of(tenant_id):
            if self._compare(head) and self._brought.keys:
                covered, signed = max(covered if signed else 0, head.size), True
        self.report.count(tenant_id, check.events, check.sessions, signed=signed, covered=covered)
        anchors.require_answers(self.report, self._brought, [tenant_id])

    def _compare(self, kept: Head) -> bool:
        check = self._check
        if check.whole:
            check.roots.tree()
            root, events = check.roots.at.get(kept.size), check.events
        else:
            # One session tells no size of the tenant but its checkpoint's.
            own = check.head
            root = own.root if own is not None and own.size == kept.size else None
            events = kept.size
        same = anchors.compare(self.report, self._tenant_id, kept, events, root)
        return same and check.whole

    @property
    def _tenant_id(self) -> str:
        return "" if self._check.scope is None else self._check.scope.tenant_id

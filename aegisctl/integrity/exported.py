"""An export, line by line, with nothing but the file: no database, no server, no trust."""

from collections.abc import Iterator
from typing import BinaryIO

import msgspec
from msgspec import Struct

from aegisctl import documents
from aegisctl.display import Step
from aegisctl.exported import lines
from aegisctl.integrity.order import Order
from aegisctl.integrity.report import Report, broken
from aegisd.core.errors import ExportInvalid
from aegisd.core.log.chain import Break
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.export import ExportCheck, ExportedDocument, Line, Trailer, read


def check_export(file: BinaryIO, session_id: str | None, step: Step) -> Report:
    """Check an export. Raises `SessionUnknown` where it holds and the session is not in it."""
    check = _Check(Report(session_id=session_id))
    try:
        for part in read(check.lines(file)):
            check.take(part)
            step()
    except ExportInvalid as error:
        check.end_early(error.message)
    check.end()
    return check.report


class _Head(Struct):
    seq: int
    hash: str


class _TrailerLine(Struct):
    events: int
    heads: dict[str, _Head]
    sha256: str


class _Check:
    """The state of one check."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self._check, self._order = ExportCheck(), Order()
        self._named: set[documents.Named] = set()
        self._held: set[str] = set()
        self._sessions: set[str] = set()
        self._last = b""

    def lines(self, file: BinaryIO) -> Iterator[bytes]:
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
            self._sessions.add(part.session_id)
            self._named.update(documents.named(part))

    def end_early(self, reason: str) -> None:
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

    def end(self) -> None:
        """Compare the documents that events name with those that are there."""
        for name in sorted(self._named):
            if name.digest not in self._held:
                text = f"{name.kind} {name.digest} is named by an event and missing"
                self.report.add(broken("document", text, tenant_id=self._tenant_id))
        self.report.documents = len(self._held)
        if self._check.scope is not None:
            self.report.count(self._tenant_id, self._check.events, self._check.sessions)
        self.report.require_session(present=self.report.session_id in self._sessions)

    @property
    def _tenant_id(self) -> str:
        return "" if self._check.scope is None else self._check.scope.tenant_id

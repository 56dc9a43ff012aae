"""Whether a log holds: every hash, link, column, position, head, document and cached fold.

One report for a database, an export and a server. A row that cannot be read is a break like any
other, and the check goes on behind it.
"""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

import msgspec
from msgspec import Struct

from aegisctl import documents
from aegisctl.display import Step, shown
from aegisctl.exported import lines
from aegisctl.log import Log, all_sessions
from aegisd.core.errors import ExportInvalid, LogCorrupt, NotFound, SessionUnknown
from aegisd.core.events import ARCHIVE_PREFIX, CONTROL_SESSION, LogImported
from aegisd.core.log.chain import Break, Chain
from aegisd.core.log.envelope import HASH_BYTES, StoredEvent, unseal
from aegisd.core.log.export import ExportCheck, ExportedDocument, Trailer, read
from aegisd.ports import EventReader, SnapshotRow

# Breaks kept for the report, first ones first: they show where to look, and a wholly broken log
# must not fill the memory. All of them are counted.
BREAKS_MAX = 1000

# Rows in a row that cannot be read before the rest of a tenant is given up: a damaged page of 8 KiB
# holds at most about as many.
UNREADABLE_ROWS_MAX = 100

# What breaks of other sessions cannot hide an event of the session that is asked about: their rows
# are there, in order, and say whose they are.
_OWN_RULES = frozenset({"hash", "canonical", "envelope", "prev_hash", "seq"})


class TenantCount(Struct, frozen=True, kw_only=True):
    """What was checked of one tenant."""

    tenant_id: str
    events: int
    sessions: int


class Report(Struct, kw_only=True):
    """What a check found. `breaks` are the first `BREAKS_MAX` of `breaks_found`.

    Where one session was asked about, `elsewhere` counts breaks of others that leave it whole.
    """

    tenants: list[TenantCount] = []
    session_id: str | None = None
    documents: int = 0
    breaks: list[Break] = []
    breaks_found: int = 0
    elsewhere: int = 0

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return self.breaks_found == 0

    @property
    def events(self) -> int:
        """Events checked, over all tenants."""
        return sum(tenant.events for tenant in self.tenants)

    def add(self, found: Break) -> None:
        """Count a break, and keep it if it is among the first."""
        other = self.session_id is not None and found.session_id not in ("", self.session_id)
        if other and found.rule in _OWN_RULES:
            self.elsewhere += 1
            return
        self.breaks_found += 1
        if len(self.breaks) < BREAKS_MAX:
            self.breaks.append(found)


def check_database(
    reader: EventReader,
    tenants: Iterable[str],
    session_id: str | None,
    faults: Iterable[str],
    step: Step,
) -> Report:
    """Check tenants of a database, while it is written or not. `faults` are the file's own.

    Raises `SessionUnknown` where nothing is wrong and the session is nowhere.
    """
    report = Report(session_id=session_id)
    for fault in faults:
        report.add(nowhere("", "file", fault))
    names: set[documents.Named] = set()
    present = False
    for tenant_id in tenants:
        check = _TenantCheck(reader, tenant_id, report)
        for event in check.events():
            names.update(documents.named(event))
            step()
        check.end()
        present = present or session_id in check.chain.heads
    _check_documents(names, reader, report)
    _require_session(report, present=present)
    return report


class _TenantCheck:
    """One tenant of a database: its chain, its recorded head, its archive act, its cached folds."""

    def __init__(self, reader: EventReader, tenant_id: str, report: Report) -> None:
        self._reader, self._tenant_id, self._report = reader, tenant_id, report
        self._act = _import_act(reader, tenant_id)
        self.chain = Chain(whole=True, body_tenant=body_tenant(reader, tenant_id))
        # Read before the events and again after: a daemon may be appending meanwhile.
        self._before = self._recorded_head()
        self._last: StoredEvent | None = None

    def events(self) -> Iterator[StoredEvent]:
        """Every readable row, once it was checked."""
        for row in self._rows():
            if isinstance(row, Break):
                self._report.add(row)
                continue
            for found in self.chain.check(row):
                self._report.add(found)
            if self._before is not None and row.position + 1 == self._before[0]:
                self._compare_head(row, self._before)
            self._last = row
            yield row

    def end(self) -> None:
        """Compare where the events end with what was recorded beside them."""
        end = self.chain.events
        after = self._recorded_head()
        if self._before is None:
            self._add_head("the last commit left no record of where the log ends")
        elif self._before[0] > end:
            self._add_head(
                f"the last commit ended before position {self._before[0]}, but the log ends "
                f"before position {end}: rows were cut from its tail"
            )
        elif after is not None and after[0] < end:
            self._add_head(
                f"the log goes on to position {end - 1}, but the last commit ended before "
                f"position {after[0]}"
            )
        if self._act is not None and self._act.events != end:
            self._add_head(f"LOG_IMPORTED counts {self._act.events} events, found {end}")
        self._check_snapshots()
        self._report.tenants.append(
            TenantCount(tenant_id=self._tenant_id, events=end, sessions=len(self.chain.heads))
        )

    def _rows(self) -> Iterator[StoredEvent | Break]:
        position, unreadable = 0, 0
        while unreadable < UNREADABLE_ROWS_MAX:
            try:
                for event in self._reader.events(self._tenant_id, from_position=position):
                    position, unreadable = event.position + 1, 0
                    yield event
            except LogCorrupt as error:
                yield _unreadable(self._tenant_id, error)
                at = error.details.get("position")
                unreadable += 1
                position = max(position, at + 1 if isinstance(at, int) else position + 1)
            else:
                return
        text = f"gave up after {UNREADABLE_ROWS_MAX} rows in a row that cannot be read"
        yield nowhere(self._tenant_id, "row", text)

    def _recorded_head(self) -> tuple[int, bytes] | None:
        try:
            return self._reader.recorded_head(self._tenant_id)
        except LogCorrupt as error:
            self._report.add(_unreadable(self._tenant_id, error))
            return None

    def _compare_head(self, row: StoredEvent, recorded: tuple[int, bytes]) -> None:
        if row.hash != recorded[1]:
            self._add_head("the last commit recorded another hash for this event", row)

    def _add_head(self, detail: str, row: StoredEvent | None = None) -> None:
        row = row or self._last
        self._report.add(
            Break(
                tenant_id=self._tenant_id,
                position=row.position if row else -1,
                session_id="",
                seq=-1,
                rule="head",
                detail=detail,
            )
        )

    def _check_snapshots(self) -> None:
        """A cached fold rests on one event; that event must be there and be the same."""
        for session_id in ("", *sorted(self.chain.heads)):
            try:
                row = self._reader.snapshot(self._tenant_id, session_id)
                wrong = None if row is None else self._snapshot_fault(row)
            except LogCorrupt as error:
                self._report.add(_unreadable(self._tenant_id, error))
                continue
            if wrong is not None and row is not None:
                self._report.add(
                    Break(
                        tenant_id=self._tenant_id,
                        position=-1 if session_id else row.head,
                        session_id=session_id,
                        seq=row.head if session_id else -1,
                        rule="head",
                        detail=wrong,
                    )
                )

    def _snapshot_fault(self, row: SnapshotRow) -> str | None:
        if row.session_id:
            events = self._reader.session_events(
                row.tenant_id, row.session_id, from_seq=row.head, limit=1
            )
        else:
            events = self._reader.events(row.tenant_id, from_position=row.head, limit=1)
        event = next(events, None)
        if event is None or row.head != (event.seq if row.session_id else event.position):
            return "a cached fold rests on an event that is missing"
        if event.hash != row.head_hash:
            return "a cached fold rests on another event than the log has here"
        return None


def check_export(file: BinaryIO, session_id: str | None, step: Step) -> Report:
    """Check an export line by line. Raises `SessionUnknown` as `check_database` does."""
    report = Report(session_id=session_id)
    check = ExportCheck()
    names: set[documents.Named] = set()
    held: set[str] = set()
    sessions: set[str] = set()
    last = [b""]

    def remembered() -> Iterator[bytes]:
        for line in lines(file):
            last[0] = line
            yield line

    try:
        for part in read(remembered()):
            for found in check.check(part):
                report.add(found)
            if isinstance(part, ExportedDocument):
                held.add(part.digest)
            elif isinstance(part, StoredEvent):
                sessions.add(part.session_id)
                names.update(documents.named(part))
            step()
    except ExportInvalid as error:
        for found in _ends(check, last[0]):
            report.add(found)
        tenant_id = check.scope.tenant_id if check.scope else ""
        report.add(nowhere(tenant_id, "export", error.message))
    scope = check.scope
    if scope is None:
        return report
    for name in sorted(names):
        if name.digest not in held:
            text = f"{name.kind} {name.digest} is named by an event and missing"
            report.add(nowhere(scope.tenant_id, "document", text))
    report.documents = len(held)
    report.tenants.append(
        TenantCount(tenant_id=scope.tenant_id, events=check.events, sessions=check.sessions)
    )
    _require_session(report, present=session_id in sessions)
    return report


def _ends(check: ExportCheck, line: bytes) -> list[Break]:
    """Which sessions do not end as the trailer says, where its SHA-256 only says that some do."""
    try:
        told = msgspec.json.decode(line, type=_TrailerLine)
    except (msgspec.MsgspecError, UnicodeError):
        return []
    heads = {name: (head.seq, head.hash) for name, head in told.heads.items()}
    return check.check(Trailer(events=told.events, heads=heads, sha256=told.sha256))


class _Head(Struct):
    seq: int
    hash: str


class _TrailerLine(Struct):
    events: int
    heads: dict[str, _Head]
    sha256: str


def check_server(log: Log, tenant_id: str, session_id: str | None, step: Step) -> Report:
    """Download and check events, rebuilt into the bytes a server stores; compare its own heads.

    Raises `NotFound` for an unknown session or tenant.
    """
    report = Report(session_id=session_id)
    chain = Chain(whole=session_id is None, body_tenant=body_tenant(log, tenant_id))
    names: set[documents.Named] = set()
    if session_id is None:
        heads = list(all_sessions(log, tenant_id))
        events = log.events(tenant_id)
    else:
        head = log.session_head(tenant_id, session_id)
        heads = [] if head is None else [head]
        events = log.session_events(tenant_id, session_id)
    for event in events:
        told = msgspec.structs.replace(event, tenant_id=tenant_id)
        for found in chain.check(told):
            report.add(found)
        names.update(documents.named(event))
        step()
    for head in heads:
        seq, digest = chain.heads.get(head.session_id, (-1, b""))
        if seq < head.seq or (seq == head.seq and digest != head.hash):
            report.add(
                Break(
                    tenant_id=tenant_id,
                    position=-1,
                    session_id=head.session_id,
                    seq=head.seq,
                    rule="head",
                    detail="the server says that the session ends elsewhere than its events do",
                )
            )
    _check_documents(names, log, report)
    report.tenants.append(
        TenantCount(tenant_id=tenant_id, events=chain.events, sessions=len(chain.heads))
    )
    where = f"session {shown(session_id)}" if session_id else f"tenant {shown(tenant_id)}"
    if report.holds and not chain.heads:
        raise SessionUnknown(f"the server has no event of {where}")
    return report


def body_tenant(log: Log, tenant_id: str) -> str | None:
    """The tenant id that stored bytes carry where it is not the log's own: in an archive."""
    if not tenant_id.startswith(ARCHIVE_PREFIX):
        return None
    try:
        first = next(log.events(tenant_id, limit=1), None)
        return None if first is None else unseal(first.body).tenant_id
    except (LogCorrupt, msgspec.MsgspecError):
        return None


def _import_act(reader: EventReader, archive: str) -> LogImported | None:
    """The act that says what an archive holds; None for another tenant, or an unfinished import."""
    if not archive.startswith(ARCHIVE_PREFIX):
        return None
    for tenant_id in reader.tenants():
        for event in reader.session_events(tenant_id, CONTROL_SESSION):
            if event.event_type != "LOG_IMPORTED" or tenant_id.startswith(ARCHIVE_PREFIX):
                continue
            try:
                act = msgspec.json.decode(unseal(event.body).payload, type=LogImported)
            except msgspec.MsgspecError:
                continue
            if act.archive == archive:
                return act
    return None


def _check_documents(names: Iterable[documents.Named], log: Log, report: Report) -> None:
    for name in sorted(names):
        try:
            body = documents.found(name, log.document)
        except LogCorrupt as error:
            body = error.message
        if isinstance(body, str):
            report.add(nowhere("", "document", body))
        else:
            report.documents += 1


def _require_session(report: Report, *, present: bool) -> None:
    if report.session_id is not None and report.holds and not present:
        raise SessionUnknown(f"the log holds no event of session {shown(report.session_id)}")


def unknown_tenant(tenant_id: str) -> NotFound:
    """The error for a tenant that a log does not have."""
    return NotFound(f"the log holds no event of tenant {shown(tenant_id)}")


def _unreadable(tenant_id: str, error: LogCorrupt) -> Break:
    place = error.details
    position, seq, session_id = place.get("position"), place.get("seq"), place.get("session_id")
    return Break(
        tenant_id=tenant_id,
        position=position if isinstance(position, int) else -1,
        session_id=session_id if isinstance(session_id, str) else "",
        seq=seq if isinstance(seq, int) else -1,
        rule="row",
        detail=error.message,
    )


def nowhere(tenant_id: str, rule: str, detail: str) -> Break:
    """A break of which neither session nor position is known."""
    return Break(
        tenant_id=tenant_id, position=-1, session_id="", seq=-1, rule=rule, detail=detail
    )

"""A database, while it is written or not. A row that cannot be read is a break like any other."""

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from msgspec import UNSET

from aegisd.audit import documents
from aegisd.audit.anchors import NONE, Anchors
from aegisd.audit.archives import evidence, import_acts, imported
from aegisd.audit.database_log import DatabaseLog
from aegisd.audit.progress import Progress, silent
from aegisd.audit.verification.checkpoints import CheckpointCheck
from aegisd.audit.verification.order import Order
from aegisd.audit.verification.result import Verification, unreadable
from aegisd.audit.verification.values import TELLING, ValueCheck
from aegisd.core.archive import body_tenant
from aegisd.core.custody import LogImported
from aegisd.core.errors import LogCorrupt
from aegisd.core.log.chain import NOWHERE, Break, Chain
from aegisd.core.log.detached import BEGINS
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX
from aegisd.ports import EventReader
from aegisd.rows import Detached

# Rows on end that cannot be read before the rest of a tenant is given up: a damaged page of 8 KiB
# holds at most about as many.
UNREADABLE_ROWS_MAX = 100


@runtime_checkable
class Formed(Protocol):
    """A database that can tell whether its schema, and its file, are as Aegis made them."""

    def faults(self) -> list[str]:
        """One sentence for each thing that is not. Raises `LogCorrupt`."""


def verify_database(
    log: EventReader,
    tenants: Sequence[str],
    session_id: str | None = None,
    *,
    anchors: Anchors = NONE,
    progress: Progress = silent,
) -> Verification:
    """Check the file and tenants of a database, and hold them against what was brought along.

    Progress is told of events. Raises `SessionUnknown` where nothing is wrong and the session is
    nowhere.
    """
    told = Verification(session_id=session_id)
    if isinstance(log, Formed):
        _check_form(log, told)
    names: set[documents.Named] = set()
    present = False
    acts = import_acts(log, tenants)
    for tenant_id in tenants:
        check = _TenantCheck(log, tenant_id, acts.get(tenant_id), anchors, told)
        for event in check.events():
            names.update(documents.named(event))
            progress()
        check.end()
        present = present or session_id in check.chain.heads
    told.check_documents(names, log.document)
    live = (tenant_id for tenant_id in tenants if not tenant_id.startswith(ARCHIVE_PREFIX))
    told.require_answers(anchors, live)
    told.require_session(present=present)
    return told


def _check_form(log: Formed, told: Verification) -> None:
    try:
        for fault in log.faults():
            told.add(Break("file", fault))
    except LogCorrupt as error:
        told.add(Break("file", error.message))


class _TenantCheck:
    """One tenant of a database: its chain, its recorded head, its archive act, its values."""

    def __init__(
        self,
        log: EventReader,
        tenant_id: str,
        act: LogImported | None,
        anchors: Anchors,
        told: Verification,
    ) -> None:
        self._log, self._tenant_id, self._told = log, tenant_id, told
        self._act = act
        written_for = body_tenant(log.events, tenant_id)
        self.chain = Chain(whole=True, body_tenant=written_for)
        self._checkpoints = CheckpointCheck(log, tenant_id, written_for or tenant_id, anchors, told)
        self._order = Order()
        self._values = ValueCheck(log, tenant_id, self._act)
        self._beside = self._rows_beside()
        self._next = next(self._beside, None)
        # Read before the events and again after: a daemon may be appending meanwhile.
        self._before = self._recorded_head()
        self._last: StoredEvent | None = None
        self._end = 0

    def events(self) -> Iterator[StoredEvent]:
        """Every readable row, once it was checked."""
        for row in self._rows():
            self._end = max(self._end, row.position + 1)
            if isinstance(row, Break):
                self._told.add(row)
                continue
            breaks = self.chain.check(row)
            for found in (*breaks, *self._order.check(row)):
                self._told.add(found)
            beside = self._next
            # Of most events nothing more is to be known, and this is asked of each.
            if (
                row.event_type in TELLING
                or BEGINS in row.body
                or (beside is not None and beside.position <= row.position)
            ):
                self._check_values(row, holds=not breaks)
            if row.event_type == "LOG_IMPORTED":
                self._check_import(row)
            self._last = row
            self._checkpoints.add(row.hash)
            if self._before is not None and row.position + 1 == self._before[0]:
                self._compare_head(self._before)
            yield row

    def end(self) -> None:
        """Compare where the events end with what was recorded beside them."""
        end, after = self._end, self._recorded_head()
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
        elif after is not None and after != self._before and after[0] == end:
            self._compare_head(after)
        if isinstance(self._log, DatabaseLog):
            with self._told.reading(self._tenant_id):
                for found in self._log.moved(self._tenant_id):
                    self._told.add(found)
        self._check_archive()
        with self._told.reading(self._tenant_id):
            self._check_values(None, holds=True)
        covered, signed, signers = self._checkpoints.end()
        self._told.count(
            self._tenant_id,
            self.chain.events,
            len(self.chain.heads),
            signed=signed,
            covered=covered,
            signers=signers,
        )

    def _rows(self) -> Iterator[StoredEvent | Break]:
        position, failures = 0, 0
        while failures < UNREADABLE_ROWS_MAX:
            try:
                for event in self._log.events(self._tenant_id, from_position=position):
                    position, failures = event.position + 1, 0
                    yield event
            except LogCorrupt as error:
                yield unreadable(self._tenant_id, error)
                at = error.details.get("position")
                failures += 1
                position = max(position, (at if isinstance(at, int) else position) + 1)
            else:
                return
        text = f"gave up after {UNREADABLE_ROWS_MAX} rows in a row that cannot be read"
        yield Break("row", text, tenant_id=self._tenant_id)

    def _recorded_head(self) -> tuple[int, bytes] | None:
        try:
            return self._log.recorded_head(self._tenant_id)
        except LogCorrupt as error:
            self._told.add(unreadable(self._tenant_id, error))
            return None

    def _compare_head(self, recorded: tuple[int, bytes]) -> None:
        if self._last is not None and self._last.hash != recorded[1]:
            self._add_head("the last commit recorded another hash for this event")

    def _add_head(self, detail: str) -> None:
        position = NOWHERE if self._last is None else self._last.position
        self._told.add(Break("head", detail, tenant_id=self._tenant_id, position=position))

    def _check_archive(self) -> None:
        act, events = self._act, self.chain.events
        if act is None:
            return
        if act.events != events:
            self._add_head(f"LOG_IMPORTED counts {act.events} events, found {events}")
        elif act.root not in (UNSET, self._checkpoints.root().hex()):
            detail = "the events are others than those that LOG_IMPORTED tells of"
            self._told.add(Break("root", detail, self._tenant_id))
        with self._told.reading(self._tenant_id):
            for _piece in evidence(self._log, act):
                pass

    def _check_import(self, event: StoredEvent) -> None:
        """What an archive holds is checked there: unless it is gone, and is no tenant any more."""
        act = None if self._tenant_id.startswith(ARCHIVE_PREFIX) else imported(event)
        with self._told.reading(self._tenant_id):
            if act is not None and not self._log.next_position(act.archive):
                detail = f"counts {act.events} events of {act.archive}, found none"
                self._told.add(Break.of(event, "head", detail))

    def _rows_beside(self) -> Iterator[Detached]:
        """The values kept beside the tenant's events, as far as they can be read."""
        with self._told.reading(self._tenant_id):
            yield from self._log.kept(self._tenant_id)

    def _check_values(self, event: StoredEvent | None, *, holds: bool) -> None:
        """Check the values up to an event, and its own if it holds; at the end all that is left."""
        own: list[Detached] = []
        while self._next is not None and (event is None or self._next.position <= event.position):
            row, self._next = self._next, next(self._beside, None)
            if event is not None and row.position == event.position:
                own.append(row)
            elif event is not None or not self._is_appended(row.position):
                detail = f"a value is kept for {row.pointer} of an event that is not there"
                place = (self._tenant_id, row.position)
                self._told.add(Break("detached", detail, *place))
        if not holds:
            return
        with self._told.reading(self._tenant_id):
            found = self._values.end() if event is None else self._values.check(event, own)
            for each in found:
                self._told.add(each)

    def _is_appended(self, position: int) -> bool:
        """Whether an event was appended there since the events were read."""
        event = next(self._log.events(self._tenant_id, from_position=position, limit=1), None)
        return event is not None and event.position == position >= self._end

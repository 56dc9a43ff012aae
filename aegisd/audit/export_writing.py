"""A log written as an export: checked as it is read, and gone on with where it was cut."""

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import BinaryIO

import msgspec
from msgspec import Struct

from aegisd.audit import archives, documents
from aegisd.audit.log import Log
from aegisd.audit.partial_export import ExportPlan, PartialExport
from aegisd.audit.progress import Progress, silent
from aegisd.audit.proofs import Proofs
from aegisd.audit.verification.result import sentence
from aegisd.audit.verification.values import ValueCheck
from aegisd.core.archive import body_tenant
from aegisd.core.errors import ConfigInvalid, LogCorrupt, SessionUnknown
from aegisd.core.log import checkpoint, export
from aegisd.core.log.chain import Break, Chain
from aegisd.core.log.detached import BEGINS
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.export import (
    ExportedCheckpoint,
    ExportedDetached,
    ExportedProof,
    ExportWriter,
)
from aegisd.core.shapes.identifier import CONTROL_SESSION
from aegisd.printable import shown

# Bytes copied at once.
COPY_BYTES = 1 << 20


class Written(Struct, frozen=True, kw_only=True):
    """What an export holds; `sha256` is the hex digest of all its bytes.

    `covered` of its events lead to the checkpoint it carries.
    """

    events: int
    sessions: int
    documents: int
    sha256: str
    covered: int = 0


def plan_of(proofs: Proofs, tenant_id: str, session_id: str | None, *, values: bool) -> ExportPlan:
    """What an export begun now holds: where it ends, and the checkpoint that goes with it."""
    note = proofs.signed(tenant_id)
    end = proofs.end(tenant_id, note)
    return ExportPlan(tenant_id=tenant_id, session_id=session_id, values=values, end=end, note=note)


def write_export(
    log: Log,
    tenant_id: str,
    out: BinaryIO,
    *,
    note: str | None = None,
    progress: Progress = silent,
) -> Written:
    """Write a tenant's log as export v1, with a checkpoint and no values. Raises as `complete`."""
    plan = ExportPlan(tenant_id=tenant_id, session_id=None, values=False, end=None, note=note)
    with closing(PartialExport.temporary(plan)) as partial:
        return complete(log, None, partial, out, progress)


def complete(
    log: Log,
    proofs: Proofs | None,
    partial: PartialExport,
    out: BinaryIO,
    progress: Progress = silent,
) -> Written:
    """Write what a partial export's plan says as export v1, beginning behind what it holds.

    `proofs` may be None for a plan of a whole tenant, which has no paths.
    The events are read once, into the partial export, while what they name is collected: a daemon
    may be writing meanwhile, and every document must stand before the first event. Memory stays
    flat. Progress is told of events. Raises `LogCorrupt` for a log that does not hold and
    `SessionUnknown` for one without events.
    """
    if proofs is None and partial.plan.session_id is not None:
        raise ValueError("an export of one session needs proofs, to take its paths from")
    source = _Source(log, proofs, partial)
    source.read(progress)
    bodies = [(name.kind, source.document(name)) for name in sorted(source.named)]
    scope = export.Scope(
        tenant_id=source.body_tenant or partial.plan.tenant_id,
        session_id=partial.plan.session_id or source.alone,
    )
    digest = hashlib.sha256()
    writer = ExportWriter()

    def emit(line: bytes) -> None:
        digest.update(line)
        out.write(line)

    for line in writer.begin(scope, bodies):
        emit(line)
    for chunk in partial.chunks(COPY_BYTES):
        emit(writer.lines(chunk))
    for part in source.evidence():
        emit(writer.evidence(part))
    if source.alone is not None and partial.plan.note is not None:
        for piece in archives.evidence(log, source.act):
            emit(writer.lines(piece))
    emit(writer.end(source.chain.heads, source.count))
    return Written(
        events=source.count,
        sessions=len(source.chain.heads),
        documents=len(set(bodies)),
        sha256=digest.hexdigest(),
        covered=source.covered,
    )


class _Source:
    """The events of an export while they are read, what they name, and what stands beside them."""

    def __init__(self, log: Log, proofs: Proofs | None, partial: PartialExport) -> None:
        plan = partial.plan
        self.named: set[documents.Named] = set()
        self.count = 0
        self.covered = 0
        self.body_tenant = body_tenant(log.events, plan.tenant_id)
        self.chain = Chain(whole=plan.session_id is None, body_tenant=self.body_tenant)
        self._log, self._partial, self._plan = log, partial, plan
        self._proofs = proofs
        self.act = archives.import_acts(log, [plan.tenant_id]).get(plan.tenant_id)
        self._check = ValueCheck(log, plan.tenant_id, self.act)
        # Positions in the tenant: of the events of one session, and of those with values beside.
        self._positions = array("Q")
        self._holding = array("Q")

    def read(self, progress: Progress) -> None:
        """Take every event, those already written first. Raises `LogCorrupt`, `SessionUnknown`."""
        last: StoredEvent | None = None
        for last in self._partial.events():
            self._take(last)
            progress()
        if last is not None:
            self._require_same(last)
        for event in self._events():
            if self._plan.end is not None and event.position >= self._plan.end:
                break
            self._take(event)
            self._partial.append(event)
            progress()
        for broken in self._values_missing():
            raise _refusal(broken)
        if not self.count:
            raise SessionUnknown(
                f"the log holds no event of {shown(self._plan.session_id or self._plan.tenant_id)}"
            )

    def _events(self) -> Iterable[StoredEvent]:
        tenant_id, session_id = self._plan.tenant_id, self._plan.session_id
        if session_id is not None:
            return self._log.session_events(tenant_id, session_id)
        left = None if self._plan.end is None else max(0, self._plan.end - self.count)
        return self._log.events(tenant_id, from_position=self.count, limit=left)

    def _require_same(self, last: StoredEvent) -> None:
        """Hold the last event that the partial export was left with against the log's own."""
        own = self._log.events(self._plan.tenant_id, from_position=last.position, limit=1)
        found = next(iter(own), None)
        if found is None or found.body != last.body:
            raise ConfigInvalid(
                f"{shown(self._partial.name)} was begun from another log; begin again with --force"
            )

    def _take(self, event: StoredEvent) -> None:
        row = msgspec.structs.replace(event, tenant_id=self._plan.tenant_id)
        for broken in self.chain.check(row):
            raise _refusal(broken)
        self.named.update(documents.named(event))
        if self._plan.session_id is not None:
            self._positions.append(event.position)
        if self._plan.values:
            is_holding = BEGINS in event.body
            rows = self._log.detached(row.tenant_id, row.position) if is_holding else ()
            for broken in self._check.check(row, rows):
                raise _refusal(broken)
            if is_holding:
                self._holding.append(self.count)
        self.count += 1

    def _values_missing(self) -> Iterable[Break]:
        """Values that were taken away: of one session nobody knows what was erased.

        Nor of an archive that was not all there when the export was begun.
        """
        is_whole = self._plan.values and self._plan.session_id is None
        is_whole = is_whole and (self.act is None or self.act.events == self.count)
        return self._check.end() if is_whole else ()

    @property
    def alone(self) -> str | None:
        """The session of an archive that was imported from an export of one session.

        A whole tenant's log has a `$control` session; so the archive exports as it was imported.
        """
        heads = self.chain.heads
        if self.body_tenant is None or CONTROL_SESSION in heads or len(heads) != 1:
            return None
        return next(iter(heads))

    def document(self, name: documents.Named) -> bytes:
        """The bytes of a document. Raises `LogCorrupt` when they are missing or others."""
        body = documents.found(name, self._log.document)
        if isinstance(body, str):
            raise LogCorrupt(f"{body}; a log that does not hold is not exported")
        return body

    def evidence(self) -> Iterator[export.Evidence]:
        """What stands behind the events. Raises `LogCorrupt` where the log is not what was signed.

        Of an archive's one session nothing but the values: its tree was another log's.
        """
        yield from self._values()
        if not self._plan.note or self.alone is not None:
            return
        head = checkpoint.read(self._plan.note)[0]
        yield ExportedCheckpoint(note=self._plan.note)
        if self._plan.session_id is None or self._proofs is None:
            self.covered = min(head.size, self.count)
            return
        for position in self._positions:
            if position >= head.size:
                return
            path = self._proofs.path(self._plan.tenant_id, position, head)
            yield ExportedProof(index=position, hashes=tuple(path))
            self.covered += 1

    def _values(self) -> Iterator[ExportedDetached]:
        for number in self._holding:
            position = self._positions[number] if self._positions else number
            for row in self._log.detached(self._plan.tenant_id, position):
                yield ExportedDetached(
                    position=number,
                    pointer=row.pointer,
                    subject=row.subject,
                    salt=row.salt,
                    value=row.value.decode(),
                )


def _refusal(broken: Break) -> LogCorrupt:
    return LogCorrupt(
        f"{sentence(broken)}; a log that does not hold is not exported, run `aegisctl verify`"
    )

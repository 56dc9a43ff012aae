"""A log into an export: checked as it is read, written whole or not at all, gone on with if cut."""

import hashlib
import os
from array import array
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, cast

import msgspec
from msgspec import Struct

from aegisctl import archives, documents, evidence
from aegisctl.display import Step, shown
from aegisctl.draft import Draft, Scope
from aegisctl.log import Log
from aegisctl.verify import sentence
from aegisd.core.archive import body_tenant
from aegisd.core.errors import ConfigInvalid, LogCorrupt, SessionUnknown
from aegisd.core.log import checkpoint, export
from aegisd.core.log.chain import Chain
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.export import (
    ExportedCheckpoint,
    ExportedDetached,
    ExportedProof,
    Writer,
)
from aegisd.core.shapes.identifier import CONTROL_SESSION

# Bytes copied at once.
COPY_BYTES = 1 << 20

_DETACHED = b'{"$detached":'


class Written(Struct, frozen=True, kw_only=True):
    """What an export holds; `sha256` is the hex digest of all its bytes.

    `covered` of its events lead to the checkpoint it carries.
    """

    events: int
    sessions: int
    documents: int
    sha256: str
    covered: int = 0


def scope_of(log: Log, tenant_id: str, session_id: str | None, *, values: bool) -> Scope:
    """What an export begun now holds: where it ends, and the checkpoint that goes with it."""
    beside = evidence.of(log)
    signed = beside.signed(tenant_id)
    return Scope(
        tenant_id=tenant_id,
        session_id=session_id,
        values=values,
        end=beside.end(tenant_id, signed),
        note="" if signed is None else signed.note,
    )


def write_export(
    log: Log, tenant_id: str, session_id: str | None, out: BinaryIO, step: Step
) -> Written:
    """Write a tenant's log, or one session of it, as export v1, without evidence of it.

    Raises as `write_draft`.
    """
    scope = Scope(tenant_id=tenant_id, session_id=session_id, values=False, end=None, note=None)
    with closing(Draft.temporary(scope)) as draft:
        return write_draft(log, draft, out, step)


def write_draft(log: Log, draft: Draft, out: BinaryIO, step: Step) -> Written:
    """Write what a draft's scope says as export v1, beginning behind what the draft holds.

    The events are read once, into the draft, while what they name is collected: a daemon may be
    writing meanwhile, and every document must stand before the first event. Memory stays flat.
    Raises `LogCorrupt` for a log that does not hold and `SessionUnknown` for one without events.
    """
    source = _Source(log, draft)
    source.read(step)
    bodies = [(name.kind, source.document(name)) for name in sorted(source.named)]
    scope = export.Scope(
        tenant_id=source.body_tenant or draft.scope.tenant_id,
        session_id=draft.scope.session_id or source.alone,
    )
    digest = hashlib.sha256()
    writer = Writer()

    def emit(line: bytes) -> None:
        digest.update(line)
        out.write(line)

    for line in writer.begin(scope, bodies):
        emit(line)
    for chunk in draft.chunks(COPY_BYTES):
        emit(writer.lines(chunk))
    writer.events(source.chain.heads, source.count)
    for part in source.evidence():
        emit(writer.evidence(part))
    if source.alone is not None and draft.scope.note is not None:
        for piece in archives.evidence(log, draft.scope.tenant_id):
            emit(writer.lines(piece))
    emit(writer.end())
    return Written(
        events=source.count,
        sessions=len(source.chain.heads),
        documents=len(set(bodies)),
        sha256=digest.hexdigest(),
        covered=source.covered,
    )


class _Source:
    """The events of an export while they are read, what they name, and what stands beside them."""

    def __init__(self, log: Log, draft: Draft) -> None:
        scope = draft.scope
        self.named: set[documents.Named] = set()
        self.count = 0
        self.covered = 0
        self.body_tenant = body_tenant(log, scope.tenant_id)
        self.chain = Chain(whole=scope.session_id is None, body_tenant=self.body_tenant)
        self._log, self._draft, self._scope = log, draft, scope
        self._beside = evidence.of(log)
        # Positions in the tenant: of the events of one session, and of those with values beside.
        self._positions = array("Q")
        self._holding = array("Q")

    def read(self, step: Step) -> None:
        """Take every event, those of the draft first. Raises `LogCorrupt`, `SessionUnknown`."""
        last: StoredEvent | None = None
        for last in self._draft.events():
            self._take(last)
            step()
        if last is not None:
            self._require_same(last)
        for event in self._events():
            if self._scope.end is not None and event.position >= self._scope.end:
                break
            self._take(event)
            self._draft.append(event)
            step()
        if not self.count:
            raise SessionUnknown(
                "the log holds no event of "
                f"{shown(self._scope.session_id or self._scope.tenant_id)}"
            )

    def _events(self) -> Iterable[StoredEvent]:
        tenant_id, session_id = self._scope.tenant_id, self._scope.session_id
        if session_id is not None:
            return self._log.session_events(tenant_id, session_id)
        left = None if self._scope.end is None else max(0, self._scope.end - self.count)
        return self._log.events(tenant_id, from_position=self.count, limit=left)

    def _require_same(self, last: StoredEvent) -> None:
        """Hold the last event that a draft was left with against the log's own."""
        own = self._log.events(self._scope.tenant_id, from_position=last.position, limit=1)
        found = next(iter(own), None)
        if found is None or found.body != last.body:
            raise ConfigInvalid(
                f"{shown(self._draft.name)} was begun from another log; begin again with --force"
            )

    def _take(self, event: StoredEvent) -> None:
        row = msgspec.structs.replace(event, tenant_id=self._scope.tenant_id)
        for found in self.chain.check(row):
            raise LogCorrupt(
                f"{sentence(found)}; a log that does not hold is not exported, run "
                "`aegisctl verify`"
            )
        self.named.update(documents.named(event))
        if self._scope.session_id is not None:
            self._positions.append(event.position)
        if self._scope.values and _DETACHED in event.body:
            self._holding.append(self.count)
        self.count += 1

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
        if not self._scope.note or self.alone is not None:
            return
        head = checkpoint.read(self._scope.note)[0]
        yield ExportedCheckpoint(note=self._scope.note)
        if self._scope.session_id is None:
            self.covered = min(head.size, self.count)
            return
        for position in self._positions:
            if position >= head.size:
                return
            path = self._beside.path(self._scope.tenant_id, position, head)
            yield ExportedProof(index=position, hashes=tuple(path))
            self.covered += 1

    def _values(self) -> Iterator[ExportedDetached]:
        for number in self._holding:
            position = self._positions[number] if self._positions else number
            for row in self._beside.detached(self._scope.tenant_id, position):
                yield ExportedDetached(
                    position=number,
                    pointer=row.pointer,
                    subject=row.subject,
                    salt=row.salt,
                    value=row.value,
                )


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that becomes `path` at the end of the block, whole or not at all.

    Written beside it, readable by its owner only, synced, then renamed. Raises `OSError`.
    """
    draft = NamedTemporaryFile(  # noqa: SIM115 - renamed away before it would be closed
        dir=path.parent, prefix=f".{path.name}.", delete=False
    )
    try:
        with draft:
            yield cast("BinaryIO", draft)
            draft.flush()
            os.fsync(draft.fileno())
        Path(draft.name).replace(path)
    finally:
        # Renamed by now, unless something failed.
        Path(draft.name).unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

"""A log into an export: checked as it is read, and written whole or not at all."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import BinaryIO, cast

import msgspec
from msgspec import Struct

from aegisctl import documents
from aegisctl.display import Step, shown
from aegisctl.integrity.report import body_tenant
from aegisctl.log import Log
from aegisctl.verify import sentence
from aegisd.core.errors import LogCorrupt, SessionUnknown
from aegisd.core.events import CONTROL_SESSION
from aegisd.core.log.chain import Chain
from aegisd.core.log.envelope import StoredEvent, restore
from aegisd.core.log.export import Scope, write


class Written(Struct, frozen=True, kw_only=True):
    """What an export holds; `sha256` is the hex digest of all its bytes."""

    events: int
    sessions: int
    documents: int
    sha256: str


def write_export(
    log: Log, tenant_id: str, session_id: str | None, out: BinaryIO, step: Step
) -> Written:
    """Write a tenant's log, or one session of it, as export v1.

    The events are read once, into a temporary file, while what they name is collected: a daemon
    may be writing meanwhile, and every document must stand before the first event.
    Raises `LogCorrupt` for a log that does not hold and `SessionUnknown` for one without events.
    """
    with TemporaryFile() as spool:
        source = _Source(log, tenant_id, session_id)
        for event in source.events():
            spool.write(event.body + b"\n")
            step()
        bodies = [(name.kind, source.document(name)) for name in sorted(source.named)]
        spool.seek(0)
        events = (restore(line[:-1], position) for position, line in enumerate(spool))
        scope = Scope(
            tenant_id=source.body_tenant or tenant_id, session_id=session_id or source.alone
        )
        digest = hashlib.sha256()
        for line in write(scope, bodies, events):
            digest.update(line)
            out.write(line)
    return Written(
        events=source.count,
        sessions=len(source.chain.heads),
        documents=len(set(bodies)),
        sha256=digest.hexdigest(),
    )


class _Source:
    """The events of an export while they are read, and what they name."""

    def __init__(self, log: Log, tenant_id: str, session_id: str | None) -> None:
        self.named: set[documents.Named] = set()
        self.count = 0
        self.body_tenant = body_tenant(log, tenant_id)
        self.chain = Chain(whole=session_id is None, body_tenant=self.body_tenant)
        self._log, self._tenant_id, self._session_id = log, tenant_id, session_id

    def events(self) -> Iterator[StoredEvent]:
        """Every event, checked. Raises `LogCorrupt`, `SessionUnknown`."""
        events: Iterable[StoredEvent]
        if self._session_id is None:
            events = self._log.events(self._tenant_id)
        else:
            events = self._log.session_events(self._tenant_id, self._session_id)
        for event in events:
            row = msgspec.structs.replace(event, tenant_id=self._tenant_id)
            for found in self.chain.check(row):
                raise LogCorrupt(
                    f"{sentence(found)}; a log that does not hold is not exported, run "
                    "`aegisctl verify`"
                )
            self.named.update(documents.named(event))
            self.count += 1
            yield event
        if not self.count:
            raise SessionUnknown(
                f"the log holds no event of {shown(self._session_id or self._tenant_id)}"
            )

    @property
    def alone(self) -> str | None:
        """The session of an archive that was imported from an export of one session.

        A whole tenant's log has a `$control` session; so the archive exports as it was imported.
        """
        if self.body_tenant is None or CONTROL_SESSION in self.chain.heads:
            return None
        return next(iter(self.chain.heads))

    def document(self, name: documents.Named) -> bytes:
        """The bytes of a document. Raises `LogCorrupt` when they are missing or others."""
        body = documents.found(name, self._log.document)
        if isinstance(body, str):
            raise LogCorrupt(f"{body}; a log that does not hold is not exported")
        return body


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

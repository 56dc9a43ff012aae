"""An export as a log to read: an index of lines, and every event from its own line."""

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from aegisd.core.log.envelope import StoredEvent, restore
from aegisd.core.log.export import (
    ExportedCheckpoint,
    ExportedDetached,
    ExportedDocument,
    ExportedProof,
    Scope,
)
from aegisd.core.log.export_reading import read, read_detached
from aegisd.export_file import lines
from aegisd.rows import Detached, Document, SessionHead


class ExportLog:
    """Answers what `aegisd.audit.log.Log` asks. Holds 16 bytes per event and value, and documents.

    `checkpoint` is the signed one in it, or empty; `proofs` are those of a session's events.

    Positions count from 0 in the order of the lines: those of the log it was taken from, where the
    export is of a whole tenant.
    """

    def __init__(self, path: str) -> None:
        """Read the file once. Raises `ExportInvalid` for what is not a whole export, `OSError`."""
        self.scope = Scope(tenant_id="")
        self.checkpoint = ""
        self.proofs: list[ExportedProof] = []
        self._documents: dict[bytes, Document] = {}
        self._offsets = array("Q")
        self._values: dict[int, array[int]] = {}
        self._sessions: dict[str, array[int]] = {}
        self._file = Path(path).open("rb")  # noqa: SIM115 - closed by `close`
        with ExitStack() as undo:
            undo.callback(self._file.close)
            self._index()
            undo.pop_all()

    def _index(self) -> None:
        offsets: list[int] = []

        def measured() -> Iterator[bytes]:
            offset = 0
            for line in lines(self._file):
                offsets.append(offset)
                offset += len(line)
                yield line

        for part in read(measured()):
            offset = offsets.pop()
            if isinstance(part, Scope):
                self.scope = part
            elif isinstance(part, ExportedDocument):
                body = part.body.encode()
                digest = hashlib.sha256(body).digest()
                self._documents[digest] = Document(digest=digest, kind=part.kind, body=body)
            elif isinstance(part, StoredEvent):
                self._sessions.setdefault(part.session_id, array("Q")).append(len(self._offsets))
                self._offsets.append(offset)
            elif isinstance(part, ExportedDetached):
                self._values.setdefault(part.position, array("Q")).append(offset)
            elif isinstance(part, ExportedCheckpoint):
                self.checkpoint = part.note
            elif isinstance(part, ExportedProof):
                self.proofs.append(part)

    def tenants(self) -> list[str]:
        """The tenant of the header, if it has an event."""
        return [self.scope.tenant_id] if self._offsets else []

    def sessions(self, tenant_id: str, *, after: str = "", limit: int = 1000) -> list[SessionHead]:
        """See `aegisd.ports.LogReader.sessions`."""
        names = sorted(name for name in self._sessions if name > after)[:limit]
        heads = (self.session_head(tenant_id, name) for name in names)
        return [head for head in heads if head is not None]

    def session_head(self, tenant_id: str, session_id: str) -> SessionHead | None:
        """See `aegisd.ports.LogReader.session_head`."""
        positions = self._sessions.get(session_id)
        if positions is None or tenant_id != self.scope.tenant_id:
            return None
        event = self._event(positions[-1])
        return SessionHead(
            tenant_id=tenant_id, session_id=session_id, seq=event.seq, hash=event.hash
        )

    def events(
        self, tenant_id: str, *, from_position: int = 0, limit: int | None = None
    ) -> Iterator[StoredEvent]:
        """See `aegisd.ports.LogReader.events`."""
        positions: Iterable[int] = range(from_position, len(self._offsets))
        return self._stream(tenant_id, positions, limit)

    def session_events(
        self, tenant_id: str, session_id: str, *, from_seq: int = 0, limit: int | None = None
    ) -> Iterator[StoredEvent]:
        """See `aegisd.ports.LogReader.session_events`."""
        positions = self._sessions.get(session_id, array("Q"))
        events = self._stream(tenant_id, positions, None)
        return islice((event for event in events if event.seq >= from_seq), limit)

    def document(self, digest: bytes) -> Document | None:
        """See `aegisd.ports.LogReader.document`."""
        return self._documents.get(digest)

    def detached(self, tenant_id: str, position: int) -> list[Detached]:
        """The values that the export has of one event, by pointer."""
        found = []
        for offset in self._values.get(position, ()) if tenant_id == self.scope.tenant_id else ():
            self._file.seek(offset)
            part = read_detached(self._file.readline())
            found.append(Detached.imported(tenant_id, position, part))
        return found

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _stream(
        self, tenant_id: str, positions: Iterable[int], limit: int | None
    ) -> Iterator[StoredEvent]:
        if tenant_id == self.scope.tenant_id:
            yield from islice(map(self._event, positions), limit)

    def _event(self, position: int) -> StoredEvent:
        self._file.seek(self._offsets[position])
        return restore(self._file.readline().removesuffix(b"\n"), position)

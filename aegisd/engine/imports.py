"""Foreign logs: verified, kept whole under an archive tenant, judged by replay, never continued.

The archive's id is made from the digest of the file, so importing the same file again finds what is
there and adds nothing. Rows come first and LOG_IMPORTED last: an import that was cut short shows no
trace in `$control` and is finished by doing it again.
"""

import hashlib

import msgspec
from msgspec import Struct

from aegisd.core.errors import ExportInvalid
from aegisd.core.events import ARCHIVE_PREFIX
from aegisd.core.log.envelope import StoredEvent, unseal
from aegisd.core.log.export import ExportCheck, ExportedDocument, read
from aegisd.ports import Batch, Document, EventReader, EventStore

# One request's worth; the file is held in memory while it is checked.
IMPORT_BYTES_MAX = 67_108_864

# Events per commit: memory stays small, and a crash leaves whole commits to go on from.
IMPORT_BATCH_EVENTS_MAX = 512

# How every bundle's canonical bytes begin, and no manifest's. Bytes are kept once by digest, so a
# false kind would stick to a manifest that is registered later.
BUNDLE_BEGINS = b'{"files":'

# Hex digits of the file's digest in the archive's id: 128 bits name a file.
ARCHIVE_DIGITS = 32


class Import(Struct, frozen=True, kw_only=True):
    """A checked export, ready to be kept. `sha256` is the hex digest of the whole file."""

    archive: str
    sha256: str
    source_tenant: str
    events: tuple[StoredEvent, ...]
    documents: tuple[Document, ...]


def check(data: bytes) -> Import:
    """Read and verify an export. Raises `ExportInvalid`, naming the first place that breaks."""
    sha256 = hashlib.sha256(data).hexdigest()
    archive = f"{ARCHIVE_PREFIX}{sha256[:ARCHIVE_DIGITS]}"
    checking = ExportCheck()
    events: list[StoredEvent] = []
    documents: list[Document] = []
    for part in read(data.splitlines(keepends=True)):
        for broken in checking.check(part):
            raise ExportInvalid(
                f"session {broken.session_id}, seq {broken.seq}, rule {broken.rule}: "
                f"{broken.detail}; a log that does not verify is not imported"
            )
        if isinstance(part, StoredEvent):
            events.append(msgspec.structs.replace(part, tenant_id=archive))
        elif isinstance(part, ExportedDocument):
            if (part.kind == "bundle") is not part.body.startswith(BUNDLE_BEGINS):
                raise ExportInvalid(f"{part.kind} {part.digest}: its bytes are of another kind")
            digest = bytes.fromhex(part.digest)
            documents.append(Document(digest=digest, kind=part.kind, body=part.body))
    if not events or checking.scope is None:
        raise ExportInvalid("the export holds no event")
    return Import(
        archive=archive,
        sha256=sha256,
        source_tenant=checking.scope.tenant_id,
        events=tuple(events),
        documents=tuple(documents),
    )


def body_tenant(reader: EventReader, tenant_id: str) -> str | None:
    """The tenant id that bodies carry where it is not the log's own: in an archive."""
    if not tenant_id.startswith(ARCHIVE_PREFIX):
        return None
    first = next(iter(reader.events(tenant_id, limit=1)), None)
    try:
        return None if first is None else unseal(first.body).tenant_id
    except msgspec.MsgspecError:
        return None


def keep(store: EventStore, checked: Import) -> None:
    """Append what is not there yet. Blocks; call it on the committing thread."""
    first = store.next_position(checked.archive)
    for start in range(first, len(checked.events), IMPORT_BATCH_EVENTS_MAX):
        events = checked.events[start : start + IMPORT_BATCH_EVENTS_MAX]
        documents = checked.documents if start == first else ()
        batch = Batch(
            tenant_id=checked.archive, first_position=start, events=events, documents=documents
        )
        store.append(batch)

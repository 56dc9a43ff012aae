"""`/v1/imports`: keep a foreign log under an archive tenant. The body is the export's own bytes."""

import re
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from msgspec import Struct

from aegisd.core.errors import ExportInvalid, StoreFailed
from aegisd.core.log.export import LINE_BYTES_MAX
from aegisd.core.log.export_reading import Reader
from aegisd.core.shapes.payload import MESSAGE_CHARACTERS_MAX
from aegisd.door.answer import Head, head
from aegisd.door.operator import OperatorAct, check
from aegisd.engine.engine import Engine
from aegisd.engine.imports import IMPORT_BYTES_MAX
from aegisd.http.body import as_shape, receive_file
from aegisd.http.memory import spool
from aegisd.http.operation import Asked, Operation
from aegisd.http.query import ID, TENANT, Parameter

# Bytes of an export's first line: its version and two ids.
HEADER_BYTES_MAX = 1024

# The beginning of a line that is of no export.
_JUNK = re.compile(rb"\n[^{]")

# The body is the export, so who acts and why stands in the query.
_ACT = (
    TENANT,
    Parameter(name="author", schema=ID, required=True),
    Parameter(
        name="reason",
        schema={"type": "string", "minLength": 1, "maxLength": MESSAGE_CHARACTERS_MAX},
        required=True,
    ),
)


class ImportReceipt(Struct, frozen=True, kw_only=True):
    """Where LOG_IMPORTED stands in `$control`, and the archive that holds the foreign events.

    `export_sha256` is the digest of the whole file, in hex; the same file has the same archive.
    """

    archive: str
    events: int
    export_sha256: str
    source_tenant: str
    seq: int
    position: int
    hash: str
    head: Head


class _Lines:
    """A file that takes what may be an export, and nothing behind the first line that is none.

    What its lines say is checked when all are there.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._header: bytes | None = b""
        # Bytes of the line that has begun, over all parts.
        self._line = 0

    def write(self, data: bytes) -> int:
        """Write a part. Raises `ExportInvalid`, and `OSError` of the file."""
        if self._header is not None:
            self._header += data[: HEADER_BYTES_MAX + 1]
            line, ended, _ = self._header.partition(b"\n")
            if ended or len(line) > HEADER_BYTES_MAX:
                Reader().take(line + ended)
                self._header = None
        first = data.find(b"\n")
        if self._line + (len(data) if first < 0 else first) > LINE_BYTES_MAX or _JUNK.search(data):
            raise ExportInvalid(
                "expected lines of JSON objects, of LINE_BYTES_MAX at most; nothing was kept"
            )
        self._line = self._line + len(data) if first < 0 else len(data) - 1 - data.rfind(b"\n")
        return self._file.write(data)


@Operation("POST", "/v1/imports", query=_ACT, lines=True, status=201)
async def keep(engine: Engine, asked: Asked) -> ImportReceipt:
    """Keep an export's events under an archive tenant, to be verified and replayed.

    Raises `ExportInvalid`, and nothing of it was kept.
    """
    act = as_shape(asked.query().values, OperatorAct)
    check(act)
    try:
        # Readable by nobody else: without a name, in the folder that TMPDIR names.
        with spool(asked.scope), TemporaryFile() as temporary:
            file = cast("BinaryIO", temporary)
            await receive_file(asked.scope, asked.receive, _Lines(file), IMPORT_BYTES_MAX)
            kept, done = await engine.import_log(
                act.tenant_id, file, author=act.author, reason=act.reason
            )
    except OSError as error:
        raise StoreFailed(
            f"the export could not be spooled: {error.strerror}; it needs as much room as it "
            "has bytes in the folder that TMPDIR names to the daemon"
        ) from error
    return ImportReceipt(
        archive=kept.archive,
        events=kept.events,
        export_sha256=kept.sha256,
        source_tenant=kept.source_tenant,
        seq=done.event.seq,
        position=done.event.position,
        hash=done.event.hash.hex(),
        head=head(done.head),
    )

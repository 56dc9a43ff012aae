"""What a log says of the archives it holds: LOG_IMPORTED, found by the archive's id."""

import hashlib
from collections.abc import Iterator

import msgspec

from aegisd.core.custody import LogImported
from aegisd.core.errors import InvalidField, LogCorrupt
from aegisd.core.log.envelope import StoredEvent, unseal
from aegisd.core.log.foreign import decoder
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX, CONTROL_SESSION
from aegisd.ports import LogReader

_decode_act = decoder(LogImported)


def import_act(log: LogReader, archive: str) -> LogImported | None:
    """The newest act that says what an archive holds; None for another tenant or a cut import.

    Raises `InvalidField` where the log does not list its tenants.
    """
    if not archive.startswith(ARCHIVE_PREFIX):
        return None
    found: LogImported | None = None
    for tenant_id in log.tenants():
        if tenant_id.startswith(ARCHIVE_PREFIX):
            continue
        for event in log.session_events(tenant_id, CONTROL_SESSION):
            act = imported(event)
            if act is not None and act.archive == archive:
                found = act
    return found


def imported(event: StoredEvent) -> LogImported | None:
    """What an event says of an archive; None of one that says nothing, or not as promised."""
    if event.event_type != "LOG_IMPORTED":
        return None
    try:
        return _decode_act(unseal(event.body).payload)
    except (msgspec.MsgspecError, UnicodeError):
        return None


def evidence(log: LogReader, archive: str) -> Iterator[bytes]:
    """The lines of what came with an archive of one session, in pieces; nothing where none came.

    Raises `LogCorrupt` where a piece is missing or another.
    """
    try:
        act = import_act(log, archive)
    except InvalidField:
        # A server names no tenants, so nobody knows whose control session tells.
        return
    if act is None or isinstance(act.evidence, msgspec.UnsetType):
        return
    for digest in act.evidence:
        document = log.document(bytes.fromhex(digest))
        if document is None or hashlib.sha256(document.body).hexdigest() != digest:
            raise LogCorrupt(f"evidence {digest} of {archive} is missing, or has other bytes")
        yield document.body

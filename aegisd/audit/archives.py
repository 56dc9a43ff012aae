"""What a log says of the archives it holds: LOG_IMPORTED, found by the archive's id."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress

import msgspec
from msgspec import UNSET

from aegisd.core.custody import LogImported
from aegisd.core.errors import InvalidField, LogCorrupt
from aegisd.core.log.envelope import StoredEvent, unseal
from aegisd.core.log.foreign import decoder
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX, CONTROL_SESSION
from aegisd.ports import LogReader

_decode_act = decoder(LogImported)


def import_acts(log: LogReader, tenants: Iterable[str]) -> dict[str, LogImported]:
    """The acts that say what the archives among `tenants` hold; none of one whose import was cut.

    All control sessions are read once, and only where there is an archive. Of several acts the
    first that tells a root: of a later one, less is signed. None also of a server, which names no
    tenants: nobody knows whose control session tells.
    """
    found: dict[str, LogImported] = {}
    archives = {each for each in tenants if each.startswith(ARCHIVE_PREFIX)}
    if not archives:
        return found
    with suppress(InvalidField):
        for tenant_id in log.tenants():
            if not tenant_id.startswith(ARCHIVE_PREFIX):
                for act in map(imported, log.session_events(tenant_id, CONTROL_SESSION)):
                    if act is not None and act.archive in archives:
                        known = found.setdefault(act.archive, act)
                        found[act.archive] = act if known.root is UNSET else known
    return found


def imported(event: StoredEvent) -> LogImported | None:
    """What an event says of an archive; None of one that says nothing, or not as promised."""
    if event.event_type != "LOG_IMPORTED":
        return None
    try:
        return _decode_act(unseal(event.body).payload)
    except (msgspec.MsgspecError, UnicodeError):
        return None


def evidence(log: LogReader, act: LogImported | None) -> Iterator[bytes]:
    """The lines of what came with an archive of one session, in pieces; nothing where none came.

    Raises `LogCorrupt` where a piece is missing or another.
    """
    if act is None or act.evidence is UNSET:
        return
    for digest in act.evidence:
        document = log.document(bytes.fromhex(digest))
        if document is None or hashlib.sha256(document.body).hexdigest() != digest:
            raise LogCorrupt(f"evidence {digest} of {act.archive} is missing, or has other bytes")
        yield document.body

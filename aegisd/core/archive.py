"""Foreign logs under an archive tenant: whose they were is told by their own bytes."""

from collections.abc import Callable, Iterable

import msgspec

from aegisd.core.errors import LogCorrupt
from aegisd.core.log.envelope import StoredEvent, unseal
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX


def body_tenant(events: Callable[..., Iterable[StoredEvent]], tenant_id: str) -> str | None:
    """The tenant id that stored bytes carry where it is not the log's own: in an archive.

    `events` gives a tenant's events in position order, at most `limit` of them.
    None for any other tenant, and where the first event cannot be read, which then shows itself.
    """
    if not tenant_id.startswith(ARCHIVE_PREFIX):
        return None
    try:
        first = next(iter(events(tenant_id, limit=1)), None)
        return None if first is None else unseal(first.body).tenant_id
    except (LogCorrupt, msgspec.MsgspecError, UnicodeError):
        return None

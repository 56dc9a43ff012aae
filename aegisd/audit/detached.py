"""The values that a log has beside its events, as far as it has any and gives them out."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from aegisd.audit.log import Log
from aegisd.core.errors import LogCorrupt
from aegisd.core.log.detached import Value, attach
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.replay.judgement import Values, no_values
from aegisd.rows import Detached


@runtime_checkable
class DetachedReader(Protocol):
    """A log that can be asked for values. A server cannot: it gives none out."""

    def detached(self, tenant_id: str, position: int) -> Sequence[Detached]:
        """See `aegisd.ports.EventReader.detached`."""
        ...


def rows(source: Log, tenant_id: str, position: int) -> Sequence[Detached]:
    """The values of one event, by pointer; none of a log that gives none out."""
    return source.detached(tenant_id, position) if isinstance(source, DetachedReader) else ()


def values(source: Log, tenant_id: str) -> Values:
    """The values of a tenant's events, for a replay."""
    if not isinstance(source, DetachedReader):
        return no_values

    def of(event: StoredEvent) -> Sequence[Value]:
        return [row.plain for row in source.detached(tenant_id, event.position)]

    return of


def fits(payload: object, row: Detached) -> bool:
    """Whether a value is the one that its event's payload commits to."""
    try:
        attach(payload, [row.plain])
    except LogCorrupt:
        return False
    return True

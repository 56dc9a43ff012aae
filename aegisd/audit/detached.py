"""The values that a log has beside its events."""

from collections.abc import Sequence

from aegisd.audit.log import Log
from aegisd.core.errors import LogCorrupt
from aegisd.core.log.detached import Value, attach
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.replay.judgement import Values
from aegisd.rows import Detached


def values(source: Log, tenant_id: str) -> Values:
    """The values of a tenant's events, for a replay."""

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

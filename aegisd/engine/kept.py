"""The values that are kept of a subject: found before a tenant's turn, and followed within it."""

from aegisd.core.log.detached import BEGINS, owner
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.state.fold import fact
from aegisd.ports import EventReader
from aegisd.rows import Place


class Kept:
    """Where the values of a subject stand. Blocks on the store."""

    def __init__(self, log: EventReader, tenant_id: str, subject: str) -> None:
        """Find them among all of a tenant's, which takes long where there are many."""
        self.subject = subject
        self._log, self._tenant_id = log, tenant_id
        # Read first: what is erased or told from here on, the tenant's events tell.
        self._end = log.next_position(tenant_id)
        self._found = [at for at in log.values_of(tenant_id, subject) if at.position < self._end]

    def places(self) -> list[Place]:
        """The same by now, by the events that came since."""
        places = list(self._found)
        for event in self._log.events(self._tenant_id, from_position=self._end):
            if BEGINS in event.body and owner(event.body) == self.subject:
                rows = self._log.detached(self._tenant_id, event.position)
                places += (Place(row.position, row.pointer) for row in rows)
            elif self._erases(event):
                places.clear()
        return places

    def _erases(self, event: StoredEvent) -> bool:
        told = fact(event).fields if event.event_type == "PAYLOAD_ERASED" else {}
        return told.get("subject") == self.subject

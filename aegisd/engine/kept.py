"""The values that are kept of a subject: found before a tenant's turn, and followed within it."""

from collections.abc import Sequence

from msgspec import Struct

from aegisd.core.log.detached import BEGINS, owner
from aegisd.core.state.fold import fact
from aegisd.ports import EventReader
from aegisd.rows import Place


class Kept(Struct, frozen=True):
    """Where values were kept beside the events before `next_position`."""

    next_position: int
    places: Sequence[Place]

    def followed(self, log: EventReader, tenant_id: str, subject: str) -> Sequence[Place]:
        """The same for all events, by those that came since."""
        places = list(self.places)
        for event in log.events(tenant_id, from_position=self.next_position):
            if BEGINS in event.body and owner(event.body) == subject:
                rows = log.detached(tenant_id, event.position)
                places += (Place(row.position, row.pointer) for row in rows)
            elif event.event_type == "PAYLOAD_ERASED" and fact(event).fields["subject"] == subject:
                places.clear()
        return places


def look(log: EventReader, tenant_id: str, subject: str) -> Kept:
    """Find a subject's values among all of a tenant, which takes long where there are many."""
    # Read first: what is erased or told from here on, the tenant's events tell.
    end = log.next_position(tenant_id)
    found = log.values_of(tenant_id, subject)
    return Kept(end, [place for place in found if place.position < end])

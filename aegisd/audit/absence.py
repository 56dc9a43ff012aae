"""Why a value that an event commits to is not here: never kept, erased, or left out of a file."""

from functools import cached_property

from aegisd.audit.export_log import ExportLog
from aegisd.audit.log import Log
from aegisd.core.custody import PayloadErased
from aegisd.core.log.detached import kept_at, owner, pointers
from aegisd.core.log.envelope import StoredEvent, unseal
from aegisd.core.log.foreign import decoder
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX, CONTROL_SESSION

NEVER_KEPT = "a secret, which is never kept"

_decode = decoder(PayloadErased)
_decode_payload = decoder(object)


class Absences:
    """What a tenant's log tells of values that are not beside their events."""

    def __init__(self, log: Log, tenant_id: str) -> None:
        self._log, self._tenant_id = log, tenant_id

    def sentence(self, position: int) -> str:
        """Why values of the event at a position are gone; empty where it tells of none."""
        for event in self._log.events(self._tenant_id, from_position=position, limit=1):
            return "; ".join(sorted(set(self.why(event).values())))
        return ""

    def why(self, event: StoredEvent) -> dict[str, str]:
        """Each place in an event's payload whose value the log does not hold, and why.

        Raises `msgspec.MsgspecError` for bytes that are no envelope.
        """
        payload = _decode_payload(unseal(event.body).payload)
        held = {row.pointer for row in self._log.detached(self._tenant_id, event.position)}
        kept = kept_at(payload)
        return {
            place: self._gone(event) if place in kept else NEVER_KEPT
            for place in pointers(payload)
            if place not in held
        }

    def _gone(self, event: StoredEvent) -> str:
        """Why a value that was kept is not there."""
        erased = self._erasures.get(owner(event.body), ())
        at = next((position for position in erased if position > event.position), None)
        if at is not None:
            return f"erased: PAYLOAD_ERASED at position {at}"
        if isinstance(self._log, ExportLog) and self._log.scope.session_id is not None:
            return "not in this export, which has one session: it was left out, or erased"
        if isinstance(self._log, ExportLog) or self._tenant_id.startswith(ARCHIVE_PREFIX):
            return "not erased, but left out of the export, which was made without --detached"
        return "missing, and no PAYLOAD_ERASED tells of it; run `aegisctl verify`"

    @cached_property
    def _erasures(self) -> dict[str, list[int]]:
        """Where PAYLOAD_ERASED stands, in order, by the subject."""
        found: dict[str, list[int]] = {}
        for event in self._log.session_events(self._tenant_id, CONTROL_SESSION):
            if event.event_type == "PAYLOAD_ERASED":
                told = _decode(unseal(event.body).payload)
                found.setdefault(told.subject, []).append(event.position)
        return found

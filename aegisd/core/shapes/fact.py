"""An event as a fold sees it."""

from collections.abc import Mapping

from msgspec import Struct

from aegisd.core.shapes.declaration import Declaration
from aegisd.core.shapes.identifier import call_id_of


class Cause(Struct, frozen=True, kw_only=True):
    """The newest event that the daemon's consequences may be about."""

    event_type: str
    call_id: str
    judged: bool


class Fact(Struct, frozen=True, kw_only=True):
    """One event: where it stands, its payload decoded, and its declaration.

    `declared` is None for an event type that this build does not know. `cause` is what a
    consequence behind it would be about; None for such a type, and for a consequence.
    """

    position: int
    session_id: str
    seq: int
    hash: bytes
    event_type: str
    agent_id: str | None
    payload: object
    declared: Declaration | None
    cause: Cause | None

    @property
    def fields(self) -> Mapping[str, object]:
        """The payload's members; none of one that is no object."""
        return self.payload if isinstance(self.payload, dict) else {}

    @property
    def is_judged(self) -> bool:
        """Whether the event costs a step."""
        return self.declared is not None and self.declared.judged

    @property
    def now_ms(self) -> int | None:
        """The daemon's clock, where the daemon wrote the event."""
        if self.declared is None or self.declared.writer != "daemon":
            return None
        now_ms = self.fields.get("now_ms")
        return now_ms if isinstance(now_ms, int) else 0


def cause_of(
    declared: Declaration | None, event_type: str, payload: object, seq: int
) -> Cause | None:
    """What a consequence behind an event would be about."""
    if declared is None or declared.consequence:
        return None
    call_id = call_id_of(payload, seq)
    return Cause(event_type=event_type, call_id=call_id, judged=declared.judged)

"""When a session begins and ends, and what still comes after its end."""

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from aegisd.core.shapes.declaration import Declaration
from aegisd.core.shapes.fact import Cause, Fact
from aegisd.core.shapes.payload import AgentPayload, Free, Message, Name


class SessionOpened(Struct, frozen=True, kw_only=True):
    """Daemon: a session was opened by `POST /v1/sessions`, before its first agent event.

    `clock_stepped_ms` is how far operators had put the clock back by then, absent where nowhere.
    """

    clock_stepped_ms: int | UnsetType = UNSET
    meta: Free | UnsetType = UNSET
    now_ms: int


class Termination(AgentPayload, frozen=True, kw_only=True):
    """The session ends. The payload may also be null."""

    reason_code: Name | UnsetType = UNSET
    reason: Message | UnsetType = UNSET
    detail: Message | UnsetType = UNSET


EVENTS = (
    Declaration(event_type="SESSION_OPENED", payload=SessionOpened, writer="daemon", shown=()),
    Declaration(
        event_type="TERMINATION",
        payload=Termination,
        nullable=True,
        shown=("reason_code", "reason"),
    ),
)


class Lifetime(Struct, frozen=True, kw_only=True):
    """Whether a session has ended. `after_end` counts proposals recorded after that."""

    terminated: bool = False
    after_end: int = 0

    def fold(self, event: Fact, _cause: Cause | None) -> "Lifetime":
        """One more event of the session."""
        if event.event_type == "TERMINATION":
            return replace(self, terminated=True)
        if self.terminated and event.is_judged:
            return replace(self, after_end=self.after_end + 1)
        return self

"""What doors ask a writer to do, and what they get back."""

from collections.abc import Callable

from msgspec import Struct, UnsetType

from aegisd.core.events import JUDGED
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.policy.verdict import Verdict
from aegisd.core.proposal import Proposal
from aegisd.core.shapes.identifier import call_id_of
from aegisd.core.state.fold import fact
from aegisd.ports import Detached, Document

# The author of what the configuration puts in force.
CONFIG = "config"


class Append(Struct, frozen=True, kw_only=True):
    """Events of one tenant, all or nothing, judged in order."""

    proposals: tuple[Proposal, ...]


class Check(Struct, frozen=True, kw_only=True):
    """Judge on live state and record nothing."""

    proposal: Proposal


class OpenSession(Struct, frozen=True, kw_only=True):
    """Open a session before its first agent event. `named` tells that the caller chose the id."""

    session_id: str
    named: bool
    user_id: str
    agent_id: str | None
    meta: dict[str, object] | UnsetType
    idempotency_key: str | None


class Control(Struct, frozen=True, kw_only=True):
    """An operator's act, for `$control`. `payload` gives the event for the writer's time."""

    event_type: str
    payload: Callable[[int], Struct]
    document: Document | None = None


class Erase(Struct, frozen=True, kw_only=True):
    """Delete every value kept beside the tenant's events of one subject: an act, for `$control`."""

    subject: str
    author: str
    reason: str


Work = Append | Check | OpenSession | Control | Erase


class Answer(Struct, frozen=True, kw_only=True):
    """One recorded event and the decision behind it, where there is one.

    Built from stored rows only, so that the answer to a retry is the recorded answer. `detached`
    are the values kept beside the event.
    """

    event: StoredEvent
    decision: StoredEvent | None = None
    replayed: bool = False
    detached: tuple[Detached, ...] = ()

    @property
    def head(self) -> StoredEvent:
        """The session's head once this event was recorded."""
        return self.decision or self.event

    @property
    def call_id(self) -> str | None:
        """The call the event is about; None where it is about none."""
        payload = fact(self.event).payload
        own = isinstance(payload, dict) and "call_id" in payload
        if own or self.event.event_type in JUDGED:
            return call_id_of(payload, self.event.seq)
        return None


class Judged(Struct, frozen=True, kw_only=True):
    """The answer to a check: a verdict, or None for an event that nothing judges."""

    verdict: Verdict | None


Reply = tuple[Answer, ...] | Judged

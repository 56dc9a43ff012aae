"""One agent hands a task to another."""

from msgspec import UNSET, UnsetType

from aegisd.core.shapes.declaration import Declaration
from aegisd.core.shapes.identifier import Id
from aegisd.core.shapes.payload import AgentPayload


class HandoffRequested(AgentPayload, frozen=True, kw_only=True):
    """The agent asks to hand the task to another. Judged."""

    from_agent: Id
    to_agent: Id
    context_id: Id | UnsetType = UNSET
    content: object = UNSET


class HandoffCompleted(AgentPayload, frozen=True, kw_only=True):
    """A handoff ended."""

    from_agent: Id
    to_agent: Id
    success: bool
    context_id: Id | UnsetType = UNSET
    content: object = UNSET


EVENTS = (
    Declaration(
        event_type="HANDOFF_REQUESTED",
        payload=HandoffRequested,
        judged=True,
        content=("content",),
        shown=("from_agent", "to_agent"),
    ),
    Declaration(
        event_type="HANDOFF_COMPLETED",
        payload=HandoffCompleted,
        content=("content",),
        shown=("from_agent", "to_agent", "success"),
    ),
)

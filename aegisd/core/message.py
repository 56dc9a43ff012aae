"""What people say to an agent."""

from aegisd.core.shapes.declaration import Declaration
from aegisd.core.shapes.payload import AgentPayload


class UserMessage(AgentPayload, frozen=True, kw_only=True):
    """The user's own words."""

    content: object


EVENTS = (
    Declaration(
        event_type="USER_MESSAGE",
        payload=UserMessage,
        released=True,
        content=("content",),
        shown=("content",),
    ),
)

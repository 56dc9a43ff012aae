"""What an agent keeps for later and reads again."""

from msgspec import UNSET, UnsetType

from aegisd.core.shapes.declaration import Declaration
from aegisd.core.shapes.payload import AgentPayload, Count, Message, Name


class MemoryRead(AgentPayload, frozen=True, kw_only=True):
    """Something was read from memory."""

    memory_key: Message
    memory_store: Name | UnsetType = UNSET
    content: object = UNSET
    bytes: Count | UnsetType = UNSET


class MemoryWrite(AgentPayload, frozen=True, kw_only=True):
    """The agent asks to keep something. Judged."""

    memory_key: Message
    memory_store: Name | UnsetType = UNSET
    content: object = UNSET
    bytes: Count | UnsetType = UNSET


EVENTS = (
    Declaration(
        event_type="MEMORY_READ",
        payload=MemoryRead,
        released=True,
        content=("content",),
        subject="memory_key",
        shown=("memory_store", "memory_key"),
    ),
    Declaration(
        event_type="MEMORY_WRITE",
        payload=MemoryWrite,
        judged=True,
        content=("content",),
        subject="memory_key",
        shown=("memory_store", "memory_key"),
    ),
)

"""The declaration of an event type: all that anybody asks of it, said once, in its own room."""

from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import Struct

# For `settles`: whatever judged event the payload names by its call id.
EVERY_CALL = "*"


class Declaration(Struct, frozen=True, kw_only=True):
    """An event type. Members are named as the payload names them.

    `writer` is who may write it. `judged` costs a step and needs a manifest; `released` is judged
    where an operator's rule names the type. `consequence` stands right behind the event that it is
    about. `nullable` allows null in place of a payload, and `check` raises `InvalidField` for what
    a payload's shape cannot say.

    `settles` are the event types whose open call it ends. `content` are the members that hold what
    people and tools said, which a manifest may keep out of the event. `documents` are the members
    that name bytes by their digest, each with the kind of document. `time` is the member that holds
    the daemon's clock, `subject` the one that says what the event is about, and `shown` are those
    that one line tells; None tells all.
    """

    event_type: str
    payload: type[Struct]
    writer: Literal["agent", "daemon"] = "agent"
    judged: bool = False
    released: bool = False
    consequence: bool = False
    nullable: bool = False
    check: Callable[[Struct], None] | None = None
    settles: tuple[str, ...] = ()
    content: tuple[str, ...] = ()
    documents: Mapping[str, str] = {}
    time: str = "now_ms"
    subject: str | None = None
    shown: tuple[str, ...] | None = None

"""Events as folds see them, without a log around them."""

from aegisd.core.events import DECLARATIONS
from aegisd.core.shapes.fact import Fact, read


def seen(
    event_type: str,
    payload: object = None,
    *,
    session_id: str = "s",
    seq: int = 1,
    agent_id: str | None = None,
) -> Fact:
    """One event, of any type and with any payload."""
    return read(
        position=seq,
        session_id=session_id,
        seq=seq,
        event_hash=b"",
        event_type=event_type,
        agent_id=agent_id,
        payload=payload,
        declared=DECLARATIONS.get(event_type),
    )

"""Where a log does not hold, made from what is known of the place, and told in a sentence."""

from aegisd.core.errors import LogCorrupt
from aegisd.core.log.chain import NOWHERE, Break
from aegisd.printable import shown


def unreadable(tenant_id: str, error: LogCorrupt) -> Break:
    """The break of a row that cannot be read."""
    place = error.details
    position, seq, session_id = place.get("position"), place.get("seq"), place.get("session_id")
    return Break(
        "row",
        error.message,
        tenant_id=tenant_id,
        position=position if isinstance(position, int) else NOWHERE,
        session_id=session_id if isinstance(session_id, str) else "",
        seq=seq if isinstance(seq, int) else NOWHERE,
    )


def sentence(found: Break) -> str:
    """Where and how a log does not hold."""
    places = [f"tenant {shown(found.tenant_id)}"] if found.tenant_id else []
    if found.position != NOWHERE:
        places.append(f"position {found.position}")
    if found.session_id:
        places.append(f"session {shown(found.session_id)}")
    if found.seq != NOWHERE:
        places.append(f"seq {found.seq}")
    where = ", ".join(places) or "the file"
    return f"{where}: {found.rule}: {shown(found.detail, None)}"

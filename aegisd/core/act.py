"""A cause and the daemon's events behind it: the one grouping of the log's rows.

What the daemon says about an event (today its decision) stands right behind it, in its session and
in the tenant's order, and was committed with it. Whoever reads the log by causes reads it here.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from aegisd.core.decision import DECISION
from aegisd.core.events import CONSEQUENCES
from aegisd.core.log.envelope import StoredEvent

# Rows of one act: an event, and what the daemon says about it. A reader that begins anywhere finds
# the cause of a row at most so many rows before it.
ACT_ROWS_MAX = 8


class Act(Struct, frozen=True, kw_only=True):
    """An event and the daemon's rows about it, in order.

    A consequence that stands behind no event of its session is the `cause` of an act of its own:
    no gate writes one, so whoever checks a log has found something.
    """

    cause: StoredEvent
    consequences: tuple[StoredEvent, ...] = ()

    @property
    def rows(self) -> tuple[StoredEvent, ...]:
        """All of it, as it stands in the log."""
        return (self.cause, *self.consequences)

    @property
    def last(self) -> StoredEvent:
        """The newest row: the session's head once all of it was recorded."""
        return self.consequences[-1] if self.consequences else self.cause

    @property
    def decision(self) -> StoredEvent | None:
        """What was decided about the cause; None where nobody was asked."""
        for row in self.consequences:
            if row.event_type == DECISION:
                return row
        return None

    @property
    def is_parted(self) -> bool:
        """Whether this is a consequence without its cause."""
        return self.cause.event_type in CONSEQUENCES


def acts(rows: Iterable[StoredEvent]) -> Iterator[Act]:
    """Rows in the order of a session or a tenant, each with what stands behind it."""
    act: Act | None = None
    for row in rows:
        if act is not None and _is_behind(row, act):
            act = Act(cause=act.cause, consequences=(*act.consequences, row))
            continue
        if act is not None:
            yield act
        act = Act(cause=row)
    if act is not None:
        yield act


def _is_behind(row: StoredEvent, act: Act) -> bool:
    last = act.last
    return (
        row.event_type in CONSEQUENCES
        and not act.is_parted
        and (row.session_id, row.seq) == (last.session_id, last.seq + 1)
    )

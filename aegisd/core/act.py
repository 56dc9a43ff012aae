"""A cause and the daemon's events behind it: the one grouping of the log's rows.

What the daemon says about an event (today its decision) stands right behind it, in its session and
in the tenant's order, and was committed with it. Whoever reads the log by causes reads it here;
`verify` holds each row to the one before it.
"""

from collections.abc import Iterable, Iterator, Sequence

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
    def surplus(self) -> tuple[StoredEvent, ...]:
        """Decisions behind the first: no gate writes one."""
        decisions = [row for row in self.consequences if row.event_type == DECISION]
        return tuple(decisions[1:])

    @property
    def is_parted(self) -> bool:
        """Whether this is a consequence without its cause."""
        return self.cause.event_type in CONSEQUENCES


def acts(rows: Iterable[StoredEvent]) -> Iterator[Act]:
    """Rows in the order of a session or a tenant, each with what stands behind it.

    An act ends at `ACT_ROWS_MAX` rows, whatever a log from elsewhere holds.
    """
    act: list[StoredEvent] = []
    for row in rows:
        if act and not _is_behind(row, act):
            yield Act(cause=act[0], consequences=tuple(act[1:]))
            act = []
        act.append(row)
    if act:
        yield Act(cause=act[0], consequences=tuple(act[1:]))


def _is_behind(row: StoredEvent, act: Sequence[StoredEvent]) -> bool:
    first, last = act[0], act[-1]
    return (
        row.event_type in CONSEQUENCES
        and first.event_type not in CONSEQUENCES
        and len(act) < ACT_ROWS_MAX
        and (row.session_id, row.seq) == (last.session_id, last.seq + 1)
    )

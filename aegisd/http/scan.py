"""Filtered listings of events: rows in order, matched, and cut into pages of bounded work."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec
from msgspec import Struct

from aegisd.core.act import ACT_ROWS_MAX, Act, acts
from aegisd.core.decision import DECISION
from aegisd.core.errors import LogCorrupt
from aegisd.core.log.envelope import StoredEvent

# Events looked at for one page: some tens of milliseconds. A filter that nothing matches answers an
# empty page with a token, instead of reading a whole log while the caller waits.
PAGE_SCAN_EVENTS_MAX = 10_000

# Bytes of stored events looked at for one page: as long as that takes for ordinary ones.
PAGE_SCAN_BYTES_MAX = 67_108_864

# Bytes of stored events in one page, unless its first event alone has more: thousands of them may
# have a megabyte each.
PAGE_BYTES_MAX = 4_194_304


class Filter(Struct, frozen=True, kw_only=True):
    """What a listing asks for; None asks for nothing in particular.

    `tool_name` takes the proposals of a tool and the decisions about them; `outcome` the decisions
    with that outcome and the events they are about. So both together give calls with their answers.
    """

    event_type: str | None = None
    tool_name: str | None = None
    outcome: str | None = None
    from_position: int = 0

    def rows_max(self, limit: int) -> int:
        """How many rows a page of `limit` may look at; the one past it tells that more follow."""
        return limit + 1 if self == _ANYTHING else PAGE_SCAN_EVENTS_MAX

    @property
    def by_act(self) -> bool:
        """Whether a row matches by what the row beside it says."""
        return self.tool_name is not None or self.outcome is not None

    def takes(self, row: StoredEvent, act: Act) -> bool:
        """Whether a row is asked for; `act` is what it belongs to."""
        return (
            row.position >= self.from_position
            and self.event_type in (None, row.event_type)
            and self.tool_name in (None, _payload(act.cause).tool_name)
            and self.outcome in (None, _payload(act.decision or act.cause).outcome)
        )


_ANYTHING = Filter()


class Page(NamedTuple):
    """Rows found, and where the next page begins; None after the last."""

    rows: list[StoredEvent]
    next_place: int | None


def page(
    read: Callable[[int, int], Iterable[StoredEvent]],
    place: Callable[[StoredEvent], int],
    start: int,
    wanted: Filter,
    limit: int,
) -> Page:
    """Up to `limit` matching rows from `start` on, of `PAGE_BYTES_MAX` together.

    `read` gives rows from a place on, at most so many; `place` tells a row's.
    """
    # A page may begin behind the cause of its first row.
    back = min(start, ACT_ROWS_MAX - 1) if wanted.by_act else 0
    found: list[StoredEvent] = []
    seen, seen_bytes, found_bytes = -back, 0, 0
    for act in acts(read(start - back, wanted.rows_max(limit) + back)):
        seen += len(act.rows)
        seen_bytes += sum(len(row.body) for row in act.rows)
        if seen >= PAGE_SCAN_EVENTS_MAX and place(act.cause) > start:
            # More of it may stand behind the last row that was read.
            return Page(found, place(act.cause))
        for row in act.rows:
            if place(row) < start or not wanted.takes(row, act):
                continue
            found_bytes += len(row.body)
            if len(found) == limit or (found and found_bytes > PAGE_BYTES_MAX):
                return Page(found, place(row))
            found.append(row)
        if seen >= PAGE_SCAN_EVENTS_MAX or seen_bytes >= PAGE_SCAN_BYTES_MAX:
            return Page(found, place(act.last) + 1)
    return Page(found, None)


class _Payload(Struct, frozen=True):
    """What filters read of a payload."""

    tool_name: object = None
    outcome: object = None


class _Envelope(Struct, frozen=True):
    payload: _Payload


_decode = msgspec.json.Decoder(_Envelope).decode
_NOTHING = _Payload()
_READ = frozenset({"TOOL_CALL_PROPOSED", DECISION})


def _payload(row: StoredEvent) -> _Payload:
    if row.event_type not in _READ:
        return _NOTHING
    try:
        return _decode(row.body).payload
    except (msgspec.MsgspecError, UnicodeError):
        raise LogCorrupt(
            f"tenant {row.tenant_id}, position {row.position}: the stored bytes are not an "
            "envelope; run `aegisctl verify`"
        ) from None

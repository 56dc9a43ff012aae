"""The order of a tenant's events, as far as events tell it themselves.

Hashes link the events of a session. Which of two sessions was first stands in `position` alone, and
these two laws of the gate are what a moved row breaks: a decision is recorded right behind its
cause, and the daemon's clock never runs back but by an operator's correction.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from aegisd.core.clock import CORRECTED
from aegisd.core.events import CONSEQUENCES, DAEMON_EVENTS
from aegisd.core.log.chain import Break
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.foreign import decoder

# A session, and a seq in it.
Place = tuple[str, int]


class _Payload(Struct):
    # Another type is no time, and leaves the other members be.
    now_ms: object = None
    from_ms: object = None
    to_ms: object = None


class _Envelope(Struct):
    payload: _Payload


_decode = decoder(_Envelope)


class Order:
    """Checks events one after another, in the order of their positions or of one session's seq."""

    def __init__(self) -> None:
        # One session alone needs no look at times, its hashes link it, and shows no corrections.
        # Where there are two, all are there, and corrections with them.
        self._shows_corrections = False
        self._last: Place | None = None
        self._now_ms = 0

    def check(self, event: StoredEvent) -> Iterator[Break]:
        """What is wrong with the place of the next event."""
        last, self._last = self._last, (event.session_id, event.seq)
        self._shows_corrections |= last is not None and last[0] != event.session_id
        if event.event_type not in DAEMON_EVENTS:
            return
        if is_parted(event.event_type, self._last, last):
            detail = "a decision that does not stand right behind its cause"
            yield Break.of(event, "position", detail)
        try:
            payload = _decode(event.body).payload
        except (msgspec.MsgspecError, UnicodeError):
            return
        begins, ends = (getattr(payload, name) for name in times(event.event_type))
        if type(begins) is int and begins < self._now_ms and self._shows_corrections:
            detail = f"the daemon's clock ran back {self._now_ms - begins} ms to here"
            yield Break.of(event, "position", detail)
        if type(ends) is int:
            self._now_ms = ends if event.event_type == CORRECTED else max(self._now_ms, ends)


def is_parted(event_type: str, place: Place, last: Place | None) -> bool:
    """Whether an event had to stand right behind its cause, and stands behind another one."""
    return event_type in CONSEQUENCES and last != (place[0], place[1] - 1)


def times(event_type: str) -> tuple[str, str]:
    """The members of an event of the daemon's that tell its time before and behind the event."""
    return ("from_ms", "to_ms") if event_type == CORRECTED else ("now_ms", "now_ms")

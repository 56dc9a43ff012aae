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
from aegisd.core.shapes.identifier import CONTROL_SESSION


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
        # Corrections stand in `$control`: one other session alone does not show them.
        self._shows_corrections = False
        self._last: StoredEvent | None = None
        self._now_ms = 0

    def check(self, event: StoredEvent) -> Iterator[Break]:
        """What is wrong with the place of the next event."""
        last, self._last = self._last, event
        self._shows_corrections |= event.session_id == CONTROL_SESSION
        if event.event_type not in DAEMON_EVENTS:
            return
        behind = last is not None and (last.session_id, last.seq + 1) == (
            event.session_id,
            event.seq,
        )
        if event.event_type in CONSEQUENCES and not behind:
            detail = "a decision that does not stand right behind its cause"
            yield Break.of(event, "position", detail)
        try:
            payload = _decode(event.body).payload
        except (msgspec.MsgspecError, UnicodeError):
            return
        is_correction = event.event_type == CORRECTED
        begins = payload.from_ms if is_correction else payload.now_ms
        ends = payload.to_ms if is_correction else payload.now_ms
        if type(begins) is int and begins < self._now_ms and self._shows_corrections:
            detail = f"the daemon's clock ran back {self._now_ms - begins} ms to here"
            yield Break.of(event, "position", detail)
        if type(ends) is int:
            self._now_ms = ends if is_correction else max(self._now_ms, ends)

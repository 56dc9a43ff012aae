"""The order of a tenant's events, as far as events tell it themselves.

Hashes link the events of a session. Which of two sessions was first stands in `position` alone, and
these two laws of the gate are what a moved row breaks: a decision is recorded right behind its
cause, and the daemon's clock never runs back.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from aegisd.core.events import CONSEQUENCES, DAEMON_EVENTS
from aegisd.core.log.chain import Break
from aegisd.core.log.envelope import StoredEvent


class _Payload(Struct):
    now_ms: int = 0


class _Envelope(Struct):
    payload: _Payload


_decode = msgspec.json.Decoder(_Envelope).decode


class Order:
    """Checks events one after another, in the order of their positions or of one session's seq."""

    def __init__(self) -> None:
        self._last: StoredEvent | None = None
        self._now_ms = 0

    def check(self, event: StoredEvent) -> Iterator[Break]:
        """What is wrong with the place of the next event."""
        last, self._last = self._last, event
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
            now_ms = _decode(event.body).payload.now_ms
        except (msgspec.MsgspecError, UnicodeError):
            return
        if now_ms < self._now_ms:
            detail = f"the daemon's clock ran back {self._now_ms - now_ms} ms to here"
            yield Break.of(event, "position", detail)
        self._now_ms = max(self._now_ms, now_ms)

"""The daemon's clock as the log knows it: how far it may be off, and what brings time back."""

from msgspec import Struct

from aegisd.core.shapes.declaration import Declaration
from aegisd.core.shapes.fact import Fact

# Milliseconds that the clock may be off before nothing that depends on time is allowed. As long as
# a daemon may hold a turn on PostgreSQL and say nothing, which looks the same; far above leap
# seconds, steps of NTP and the second that a real-time clock counts in; below the minute that rules
# read.
CLOCK_DRIFT_MS_MAX = 10_000

CORRECTED = "CLOCK_CORRECTED"


class ClockCorrected(Struct, frozen=True, kw_only=True):
    """Daemon, `$control`: an operator found the clock right, and time goes on from there.

    `from_ms` is the newest time the daemon had recorded, with what elapsed since, and `to_ms` what
    its clock showed. This alone may let recorded time run back.
    """

    author: str
    from_ms: int
    reason: str
    to_ms: int


EVENTS = (
    Declaration(
        event_type=CORRECTED,
        payload=ClockCorrected,
        writer="daemon",
        time="to_ms",
        shown=("from_ms", "to_ms", "author"),
    ),
)


def is_off(off_ms: int) -> bool:
    """Whether a clock that is off by so many milliseconds is too far off to go by."""
    return abs(off_ms) > CLOCK_DRIFT_MS_MAX


def newest(last_ms: int, event: Fact) -> int:
    """The newest recorded time behind one more event; it runs back by a correction only."""
    now_ms = event.now_ms or 0
    return now_ms if event.event_type == CORRECTED else max(last_ms, now_ms)


def stepped(before_ms: int, event: Fact) -> int:
    """How far corrections put recorded time back in all, behind one more event."""
    from_ms, to_ms = event.fields.get("from_ms"), event.now_ms
    if event.event_type != CORRECTED or not isinstance(from_ms, int) or to_ms is None:
        return before_ms
    return before_ms + max(0, from_ms - to_ms)

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


def moved(last_ms: int, stepped_ms: int, event: Fact) -> tuple[int, int]:
    """The newest recorded time behind one more event, and how far it was put back in all.

    It runs back by a correction only.
    """
    now_ms = event.now_ms or 0
    if event.event_type != CORRECTED:
        return max(last_ms, now_ms), stepped_ms
    from_ms = event.fields.get("from_ms")
    if event.now_ms is not None and isinstance(from_ms, int):
        stepped_ms += max(0, from_ms - now_ms)
    return now_ms, stepped_ms

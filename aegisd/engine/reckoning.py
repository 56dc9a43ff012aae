"""What time it is, by a clock that is only believed while it goes as fast as time does.

A process has two clocks: one on the wall, which somebody may put to another time, and one that only
counts what elapsed. Where they part, the wall clock jumped; then time goes on by what elapsed, and
the gate is told how far the wall clock is off. On a shared log the wall clock is the database's.
"""

import logging

from msgspec import Struct

from aegisd.core.clock import CLOCK_DRIFT_MS_MAX, is_off
from aegisd.ports import Clock

# Of what elapsed, the part that one clock may run off from the other and is believed all the same,
# in millionths: as fast as NTP slews a clock, and ten times what a crystal errs.
SLEW_PPM_MAX = 500

# Looks at both clocks that a start takes, and believes the quickest of.
LOOKS = 3

_logger = logging.getLogger("aegisd.engine")


class Reading(Struct, frozen=True, kw_only=True):
    """One look at the clocks, in milliseconds.

    `now_ms` is the time to record, `wall_ms` what the wall clock shows, `elapsed_ms` what counts
    since an unknown start. `off_ms` is how far the wall clock is off, 0 while it is believed.
    """

    now_ms: int
    wall_ms: int
    elapsed_ms: int = 0
    off_ms: int = 0

    def behind(self, last_ms: int) -> "Reading":
        """The reading for a log whose newest time is `last_ms`, which time does not run back from.

        A log from the future would stand still until its time has come: then the clock is off too.
        """
        if last_ms <= self.now_ms:
            return self
        off_ms = self.off_ms
        if not off_ms and is_off(self.now_ms - last_ms):
            off_ms = self.now_ms - last_ms
        return Reading(
            now_ms=last_ms, wall_ms=self.wall_ms, elapsed_ms=self.elapsed_ms, off_ms=off_ms
        )


class Reckoning:
    """Holds the wall clock to what elapsed since it was last believed. One per process."""

    def __init__(self, clock: Clock, *, shared: bool) -> None:
        """A shared log tells its own time, which is believed when it is heard first."""
        self.clock, self._is_shared = clock, shared
        self._believed = None if shared else _together(clock)
        self._off_ms = 0

    def read(self, told_ms: int | None = None) -> Reading:
        """What time it is. `told_ms` is a shared log's own time, heard just now."""
        reading = self._look(told_ms)
        if reading.off_ms and told_ms is None:
            # A process that was stopped between the two looks: they are taken again.
            reading = self._look(None)
        if reading.off_ms or self._off_ms:
            self._tell(reading.off_ms)
        return reading

    def off_ms(self) -> int:
        """How far the wall clock is off now, or was when a shared log last told; 0 if believed."""
        return self._off_ms if self._is_shared else self.read().off_ms

    def believe(self, reading: Reading) -> None:
        """Go by the wall clock as it was read then, because an operator says that it is right."""
        self._believed = (reading.wall_ms, reading.elapsed_ms)
        self._tell(0)

    def _look(self, told_ms: int | None) -> Reading:
        wall_ms = self.clock.now_ms() if told_ms is None else told_ms
        elapsed_ms = self.clock.elapsed_ms()
        was_ms, then_ms = self._believed or (wall_ms, elapsed_ms)
        passed_ms = elapsed_ms - then_ms
        off_ms = wall_ms - was_ms - passed_ms
        if is_off(off_ms):
            return Reading(
                now_ms=was_ms + passed_ms, wall_ms=wall_ms, elapsed_ms=elapsed_ms, off_ms=off_ms
            )
        if abs(off_ms) * 1_000_000 <= passed_ms * SLEW_PPM_MAX:
            self._believed = (wall_ms, elapsed_ms)
        return Reading(now_ms=wall_ms, wall_ms=wall_ms, elapsed_ms=elapsed_ms)

    def _tell(self, off_ms: int) -> None:
        """Say once that the clock parted, and once that it is back."""
        was_off, self._off_ms = bool(self._off_ms), off_ms
        if off_ms and not was_off:
            _logger.warning(
                "the clock jumped by %d ms, past CLOCK_DRIFT_MS_MAX = %d: calls that depend on the "
                "time are denied. Put it right; or, if it is right now, restart or run `aegisctl "
                "clock correct`",
                off_ms,
                CLOCK_DRIFT_MS_MAX,
            )
        elif was_off and not off_ms:
            _logger.warning("the clock is believed again")


def _together(clock: Clock) -> tuple[int, int]:
    """What both clocks show at one time, as far as this process was not stopped between looks."""
    looks = [(clock.elapsed_ms(), clock.now_ms(), clock.elapsed_ms()) for _ in range(LOOKS)]
    before_ms, wall_ms, _ = min(looks, key=lambda look: look[2] - look[0])
    return wall_ms, before_ms

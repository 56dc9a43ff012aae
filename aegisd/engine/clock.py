"""The system's clocks and time zones, as the writer reads them once per batch."""

import time

from aegisd import zone as zones

# What counts on while the machine sleeps: such a clock has another name on each system.
_ELAPSED = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """`ports.Clock` over the operating system's time and the IANA data of the machine."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000

    def elapsed_ms(self) -> int:
        """Milliseconds since the machine began, asleep or not."""
        return time.clock_gettime_ns(_ELAPSED) // 1_000_000

    def utc_offset_s(self, zone: str, now_ms: int) -> int:
        """Seconds east of UTC in `zone`. Raises `ManifestInvalid` for an unknown zone."""
        return zones.utc_offset_s(zone, now_ms)

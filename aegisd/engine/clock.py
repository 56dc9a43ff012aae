"""The system's clock and time zones, as the writer reads them once per batch."""

import time
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aegisd.core.errors import ManifestInvalid

# Zone rules change at most on a minute; this many minutes of several zones stay at hand.
OFFSETS_CACHED_MAX = 1024


class SystemClock:
    """`ports.Clock` over the operating system's time and the IANA data of the machine."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000

    def utc_offset_s(self, zone: str, now_ms: int) -> int:
        """Seconds east of UTC in `zone`. Raises `ManifestInvalid` for an unknown zone."""
        return 0 if zone == "UTC" else _offset(zone, now_ms // 60_000)


@lru_cache(OFFSETS_CACHED_MAX)
def _offset(zone: str, minute: int) -> int:
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ManifestInvalid(f"zone: {zone!r} is not an IANA time zone of this machine") from None
    offset = datetime.fromtimestamp(minute * 60, UTC).astimezone(place).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0

"""Time zones, by the IANA data of this machine."""

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aegisd.core.errors import ManifestInvalid

# Zone rules change at most on a minute; this many minutes of several zones stay at hand.
OFFSETS_CACHED_MAX = 1024


def utc_offset_s(zone: str, now_ms: int) -> int:
    """Seconds east of UTC in `zone`. Raises `ManifestInvalid` for an unknown zone or time."""
    return 0 if zone == "UTC" else _offset(zone, now_ms // 60_000)


@lru_cache(OFFSETS_CACHED_MAX)
def _offset(zone: str, minute: int) -> int:
    try:
        place = ZoneInfo(zone)
        offset = datetime.fromtimestamp(minute * 60, UTC).astimezone(place).utcoffset()
    except (ZoneInfoNotFoundError, ValueError, OverflowError, OSError):
        raise ManifestInvalid(f"zone: {zone!r} is not an IANA time zone of this machine") from None
    return int(offset.total_seconds()) if offset is not None else 0

"""The machine's time zones."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import ManifestInvalid
from aegisd.zone import OFFSETS_CACHED_MAX, _offset, utc_offset_s


@given(
    st.sampled_from(["Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "UTC", "Africa/Cairo"]),
    st.integers(-(10**12), 4 * 10**12),
)
def test_an_offset_is_the_one_of_the_zone_at_that_time(zone: str, now_ms: int) -> None:
    there = datetime.fromtimestamp(now_ms // 1000, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    assert there is not None
    assert utc_offset_s(zone, now_ms) == there.total_seconds()


def test_summer_time_begins_on_its_second() -> None:
    begins = int(datetime(2024, 3, 31, 1, tzinfo=UTC).timestamp()) * 1000
    assert utc_offset_s("Europe/Berlin", begins - 1) == 3600
    assert utc_offset_s("Europe/Berlin", begins) == 7200


@pytest.mark.parametrize(
    "zone", ["Europe/Atlantis", "", "../etc/passwd", "/etc/passwd", "a\0b", "x" * 256]
)
def test_a_zone_that_this_machine_does_not_know_is_refused(zone: str) -> None:
    with pytest.raises(ManifestInvalid, match="zone"):
        utc_offset_s(zone, 0)


def test_a_time_that_no_calendar_has_is_refused_too() -> None:
    with pytest.raises(ManifestInvalid, match="zone"):
        utc_offset_s("Asia/Tokyo", 2**53)


def test_offsets_at_hand_are_bounded() -> None:
    for minute in range(OFFSETS_CACHED_MAX + 1):
        utc_offset_s("Asia/Tokyo", minute * 60_000)
    assert _offset.cache_info().currsize == OFFSETS_CACHED_MAX

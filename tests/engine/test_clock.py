"""The system's clocks."""

import time

from aegisd.engine.clock import SystemClock

CLOCK = SystemClock()


def test_now_is_the_systems_time_in_milliseconds() -> None:
    before = int(time.time() * 1000)
    assert before - 1 <= CLOCK.now_ms() <= int(time.time() * 1000) + 1


def test_what_elapsed_never_runs_back() -> None:
    looks = [CLOCK.elapsed_ms() for _ in range(1000)]
    assert looks == sorted(looks)


def test_the_zones_are_this_machines() -> None:
    assert CLOCK.utc_offset_s("Asia/Tokyo", 0) == 9 * 3600

"""What a start says of its clock."""

from aegisd.daemon import _clock
from aegisd.engine.engine import Start

DAY_MS = 86_400_000


def told(clock_ms: int, newest_ms: int, **ahead: int) -> list[str]:
    return list(_clock(Start(tenants=1, clock_ms=clock_ms, newest_ms=newest_ms, ahead=ahead)))


def test_a_start_names_the_gap_between_its_clock_and_the_log() -> None:
    assert told(DAY_MS, 0) == []
    assert told(3 * DAY_MS, DAY_MS) == [
        "  clock     2 days, 0:00:00 after the newest time in the log"
    ]
    assert told(DAY_MS, DAY_MS + 5) == ["  clock     0:00:00 after the newest time in the log"]
    (line,) = told(DAY_MS, 2 * DAY_MS, acme=DAY_MS)
    assert line.startswith("  clock     tenant acme: its log is 1 day, 0:00:00 ahead of the clock")
    assert "aegisctl clock correct" in line

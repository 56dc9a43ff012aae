"""A share of a child: who is slow beside others rests as long as it held them up too much."""

import pytest

from aegisd.rego.share import ALONE_MS, COUNTED_MS_MAX, EASY_MS, SHARE, SHARE_MS_MAX, Shares

SLOW_MS = 800.0


class Clock:
    """Seconds, moved by hand."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="shares")
def _shares(clock: Clock) -> Shares:
    """Of a child that two tenants ask."""
    shares = Shares(clock)
    shares.count("good", 1)
    shares.count("slow", 1)
    return shares


def test_a_slow_tenant_beside_others_has_its_share_of_the_time_and_no_more(
    clock: Clock, shares: Shares
) -> None:
    used_ms, seconds = 0.0, 200
    while clock.now_s < seconds:
        shares.count("good", 1)
        if not shares.rest_ms("slow"):
            clock.now_s += SLOW_MS / 1000
            shares.count("slow", SLOW_MS)
            used_ms += SLOW_MS
        clock.now_s += 0.01
        assert shares.rest_ms("good") == 0
    most = SHARE_MS_MAX + SLOW_MS + seconds * 1000 * SHARE
    assert most - 2 * SLOW_MS < used_ms <= most


def test_a_rest_ends_when_what_was_used_too_much_has_drained(clock: Clock, shares: Shares) -> None:
    for _ in range(3):
        # However large a bundle is, it is compiled once.
        assert shares.rest_ms("slow") == 0
        shares.count("slow", 5 * COUNTED_MS_MAX)
    rest_ms = shares.rest_ms("slow")
    assert rest_ms == pytest.approx((3 * COUNTED_MS_MAX - SHARE_MS_MAX) / SHARE)
    clock.now_s += (rest_ms - 1) / 1000
    assert shares.rest_ms("slow") == pytest.approx(1)
    clock.now_s += 0.002
    assert shares.rest_ms("slow") == 0


def test_what_holds_nobody_up_is_not_counted(clock: Clock, shares: Shares) -> None:
    only = Shares(clock)
    for _ in range(100):
        shares.count("slow", EASY_MS)
        shares.count("good", 1)
        only.count("one", SLOW_MS)
    assert shares.rest_ms("slow") == only.rest_ms("one") == 0
    clock.now_s += ALONE_MS / 1000 + 1
    for _ in range(100):
        shares.count("good", SLOW_MS)
    assert shares.rest_ms("good") == 0

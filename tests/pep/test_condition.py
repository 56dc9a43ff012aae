"""The conditions of an allow: limits that are kept, and everything else, which is not."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from aegisd.pep.condition import Limits, Unkept, limits, require_none


def test_limits_are_read_from_the_constraints() -> None:
    assert limits({}, []) == Limits(None, None)
    assert limits({"timeout_ms": 0, "max_output_bytes": 9}, ()) == Limits(0, 9)
    assert limits({"timeout_ms": None}, ()) == Limits(None, None)


@pytest.mark.parametrize(
    ("constraints", "obligations", "condition"),
    [
        ({"network": "none"}, [], "network"),
        ({"zone": 1, "network": 1}, [], "network"),
        ({}, [{"type": "mask"}], "obligation mask"),
        ({"timeout_ms": -1}, [], "a limit that is no whole number"),
        ({"timeout_ms": True}, [], "a limit that is no whole number"),
        ({"max_output_bytes": 1.0}, [], "a limit that is no whole number"),
    ],
)
def test_a_condition_that_nobody_keeps_is_named(
    constraints: dict[str, object], obligations: list[dict[str, object]], condition: str
) -> None:
    with pytest.raises(Unkept) as caught:
        limits(constraints, obligations)
    assert caught.value.condition == condition


def test_what_is_released_is_released_on_no_condition() -> None:
    require_none({}, [])
    with pytest.raises(Unkept, match="timeout_ms"):
        require_none({"timeout_ms": 1}, [])
    with pytest.raises(Unkept, match="obligation mask"):
        require_none({}, [{"type": "mask"}])


def test_a_call_is_late_one_moment_past_its_time() -> None:
    now = time.monotonic()
    Limits(60_000, None).check_time(now)
    Limits(None, None).check_time(now - 3600)
    with pytest.raises(TimeoutError, match="timeout_ms = 1000; its result is withheld"):
        Limits(1_000, None).check_time(now - 1.001)


def test_an_awaited_call_ends_with_its_time() -> None:
    ended: list[str] = []

    async def work() -> object:
        try:
            await asyncio.sleep(600)
        finally:
            ended.append("cancelled")
        return "late"

    with pytest.raises(TimeoutError, match="timeout_ms = 10"):
        asyncio.run(_within(Limits(10, None), work))
    assert ended == ["cancelled"]


def test_a_timeout_of_the_calls_own_passes_on_as_it_is() -> None:
    async def work() -> object:
        raise TimeoutError("the other side is slow")

    with pytest.raises(TimeoutError, match="the other side"):
        asyncio.run(_within(Limits(60_000, None), work))
    assert asyncio.run(_within(Limits(None, None), _one)) == 1


async def _one() -> object:
    return 1


async def _within(held: Limits, work: Callable[[], Awaitable[object]]) -> object:
    return await held.within(work)

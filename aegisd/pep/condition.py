"""The conditions of an allow: limits that are kept here, and everything else, which is not."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, TypeGuard

_KEPT = frozenset({"timeout_ms", "max_output_bytes"})


class Unkept(Exception):
    """An allow, or a release, on a condition that nobody here keeps: so it allows nothing.

    `condition` names it.
    """

    def __init__(self, condition: str) -> None:
        super().__init__(f"on a condition that nobody here keeps: {condition}")
        self.condition = condition


class Late(TimeoutError):
    """A call that took longer than its decision allows, and not one that says so of itself."""


class Limits(NamedTuple):
    """What an allowed call is held to; None where there is no limit."""

    timeout_ms: int | None
    max_output_bytes: int | None

    def check_time(self, started_s: float) -> None:
        """Raise `Late` for a call that took too long by the monotonic clock."""
        if self.timeout_ms is not None and (time.monotonic() - started_s) * 1000 > self.timeout_ms:
            raise self._late()

    async def within(self, call: Callable[[], Awaitable[object]]) -> object:
        """Await a call for its time. One that blocks, or goes on when told to stop, is late.

        Raises `Late`, and what the call raises.
        """
        # Who has no event loop shall not wait for its import.
        import asyncio  # noqa: PLC0415

        started_s = time.monotonic()
        clock = asyncio.timeout(None if self.timeout_ms is None else self.timeout_ms / 1000)
        try:
            async with clock:
                value = await call()
        except TimeoutError:
            if clock.expired():
                raise self._late() from None
            raise
        if clock.expired():
            raise self._late()
        self.check_time(started_s)
        return value

    def _late(self) -> Late:
        return Late(
            f"the tool took longer than timeout_ms = {self.timeout_ms}; its result is withheld"
        )


def limits(
    constraints: Mapping[str, object], obligations: Sequence[Mapping[str, object]]
) -> Limits:
    """The limits of an allowed call. Raises `Unkept` for any condition that is no limit of ours.

    No obligation is kept yet, so each is refused by its type.
    """
    unknown = sorted(constraints.keys() - _KEPT)
    if obligations:
        unknown.append(f"obligation {obligations[0].get('type')}")
    timeout_ms, bytes_max = constraints.get("timeout_ms"), constraints.get("max_output_bytes")
    if unknown or not _is_limit(timeout_ms) or not _is_limit(bytes_max):
        raise Unkept(unknown[0] if unknown else "a limit that is no whole number")
    return Limits(timeout_ms, bytes_max)


def require_none(
    constraints: Mapping[str, object], obligations: Sequence[Mapping[str, object]]
) -> None:
    """Raise `Unkept` for any condition: what was released cannot be held to one any more."""
    if constraints or obligations:
        named = [*sorted(constraints), *(f"obligation {each.get('type')}" for each in obligations)]
        raise Unkept(named[0])


def _is_limit(value: object) -> TypeGuard[int | None]:
    return value is None or (type(value) is int and value >= 0)

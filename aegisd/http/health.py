"""`/healthz` and `/readyz`: whether the process answers, and whether it takes events."""

import asyncio

from msgspec import UNSET, Struct, UnsetType

from aegisd.core.errors import Unavailable
from aegisd.engine.engine import Engine
from aegisd.engine.rollout import RolloutProgress
from aegisd.http.operation import Asked, Operation

# Seconds for one read of the log's index. A healthy disk takes a thousandth; who asks for readiness
# gives up soon after.
READY_SECONDS_MAX = 2.0


class Health(Struct, frozen=True, kw_only=True):
    """`ok`: the other answer is a problem with status 503.

    `clock_off_ms` is there while the daemon's clock is too far off, and what depends on the time is
    denied. `activations` is there where the start put another manifest or other rules in force: how
    many tenants get them, and in how many of their logs they are by now. Each gets them before its
    next decision.
    """

    status: str = "ok"
    clock_off_ms: int | UnsetType = UNSET
    activations: RolloutProgress | UnsetType = UNSET


@Operation("GET", "/healthz")
async def healthz(_engine: Engine, asked: Asked) -> Health:
    """The process answers."""
    asked.query()
    return Health()


@Operation("GET", "/readyz")
async def readyz(engine: Engine, asked: Asked) -> Health:
    """The gate takes events and the log can be read.

    Raises `Unavailable`.
    """
    asked.query()
    try:
        async with asyncio.timeout(READY_SECONDS_MAX):
            await engine.reads.ready()
    except TimeoutError:
        raise Unavailable(
            f"the log did not answer within READY_SECONDS_MAX = {READY_SECONDS_MAX:g} s"
        ) from None
    progress = engine.progress()
    return Health(
        clock_off_ms=engine.clock_off_ms() or UNSET,
        activations=progress if progress.tenants else UNSET,
    )

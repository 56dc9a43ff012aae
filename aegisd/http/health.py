"""`/healthz` and `/readyz`: whether the process answers, and whether it takes events."""

import asyncio

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from aegisd.core.errors import Unavailable
from aegisd.engine.engine import Engine
from aegisd.http.answers import answer
from aegisd.http.operation import Operation
from aegisd.http.query import Query

# Seconds for one read of the log's index. A healthy disk takes a thousandth; who asks for readiness
# gives up soon after.
READY_SECONDS_MAX = 2.0


class Health(Struct, frozen=True, kw_only=True):
    """`ok`: the other answer is a problem with status 503."""

    status: str = "ok"


class Probes:
    """What a supervisor asks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def healthz(self, request: Request) -> Response:
        """`GET /healthz`: the process answers."""
        Query(request)
        return answer(Health())

    async def readyz(self, request: Request) -> Response:
        """`GET /readyz`: the gate takes events and the log can be read. Raises `Unavailable`."""
        Query(request)
        try:
            async with asyncio.timeout(READY_SECONDS_MAX):
                await self._engine.reads.ready()
        except TimeoutError:
            raise Unavailable(
                f"the log did not answer within READY_SECONDS_MAX = {READY_SECONDS_MAX:g} s"
            ) from None
        return answer(Health())


def operations(engine: Engine) -> list[Operation]:
    """The operations of this resource."""
    probes = Probes(engine)
    return [
        Operation("GET", "/healthz", probes.healthz, "The process answers.", answers=Health),
        Operation(
            "GET",
            "/readyz",
            probes.readyz,
            "The gate takes events and the log can be read.",
            answers=Health,
        ),
    ]

"""The HTTP door as one ASGI application."""

from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from aegisd.engine.engine import Engine
from aegisd.http import (
    checkpoints,
    clock,
    erasures,
    events,
    health,
    imports,
    manifests,
    policies,
    proofs,
    sessions,
    simulation,
)
from aegisd.http.errors import Problems, not_found, refusals
from aegisd.http.memory import Accounted, HeldMemory
from aegisd.http.openapi import Description
from aegisd.http.operation import Operation
from aegisd.http.origin import Origin

RESOURCES = (
    *(events, sessions, simulation, manifests, policies),
    *(imports, checkpoints, proofs, erasures, clock, health),
)


def app(engine: Engine) -> ASGIApp:
    """The door to an engine that somebody else starts and stops."""
    served = [operation.route(engine) for operation in operations()]
    router = Router([*served, *refusals(served)], redirect_slashes=False, default=not_found)
    inside = Problems(Origin(Paths(events.Ingest(engine), router)))
    return Accounted(inside, HeldMemory())


class Paths:
    """The hot route by its path, before any pattern is tried; every other by the router."""

    def __init__(self, ingest: ASGIApp, router: ASGIApp) -> None:
        self._ingest, self._router = ingest, router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        hot = (
            scope["type"] == "http"
            and scope["path"] == events.INGEST_PATH
            and scope["method"] == "POST"
        )
        await (self._ingest if hot else self._router)(scope, receive, send)


def operations() -> list[Operation]:
    """Every operation, in the order of its resource, the hot one first."""
    found = [
        each
        for resource in RESOURCES
        for each in vars(resource).values()
        if isinstance(each, Operation)
    ]
    return [*found, Description(found).operation]

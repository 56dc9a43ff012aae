"""The HTTP door as one ASGI application."""

from collections.abc import Collection

from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from aegisd.engine.engine import Engine
from aegisd.http import (
    checkpoints,
    erasures,
    events,
    health,
    imports,
    manifests,
    openapi,
    policies,
    proofs,
    sessions,
    simulation,
)
from aegisd.http.errors import Problems, not_found, refusals
from aegisd.http.origin import Origin


def app(engine: Engine, *, hosts: Collection[str] = ()) -> ASGIApp:
    """The door to an engine that somebody else starts and stops.

    `hosts` are names and addresses, without port, that requests may call the daemon by besides
    loopback; see `aegisd.http.origin`.
    """
    served = routes(engine)
    router = Router([*served, *refusals(served)], redirect_slashes=False, default=not_found)
    return Problems(Origin(Paths(events.Ingest(engine), router), hosts))


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


def routes(engine: Engine) -> list[Route]:
    """Every route, the hot one first."""
    return [
        *events.routes(engine),
        *sessions.routes(engine),
        *simulation.routes(engine),
        *manifests.routes(engine),
        *policies.routes(engine),
        *imports.routes(engine),
        *checkpoints.routes(engine),
        *proofs.routes(engine),
        *erasures.routes(engine),
        *health.routes(engine),
        *openapi.routes(),
    ]

"""Errors to answers, once: RFC 9457 problem details with Aegis's own stable `code`."""

import logging
from asyncio import CancelledError
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from types import MappingProxyType

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from aegisd.core import errors
from aegisd.core.errors import AegisError, HeadMismatch, MethodNotAllowed, NotFound
from aegisd.http.answers import line

# The nearest class up the tree decides. What is not below one of these is a fault of ours: 500.
STATUSES: Mapping[type[AegisError], HTTPStatus] = MappingProxyType(
    {
        errors.InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.InvalidJson: HTTPStatus.BAD_REQUEST,
        errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        errors.BodyTooSlow: HTTPStatus.REQUEST_TIMEOUT,
        errors.HttpInvalid: HTTPStatus.BAD_REQUEST,
        errors.HeadTooLarge: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        errors.TargetTooLong: HTTPStatus.REQUEST_URI_TOO_LONG,
        errors.HeadTooSlow: HTTPStatus.REQUEST_TIMEOUT,
        errors.MediaTypeUnsupported: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        errors.ReservedEventType: HTTPStatus.FORBIDDEN,
        errors.OriginRefused: HTTPStatus.FORBIDDEN,
        errors.NotFound: HTTPStatus.NOT_FOUND,
        errors.MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
        errors.Conflict: HTTPStatus.CONFLICT,
        errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
        errors.LogCorrupt: HTTPStatus.SERVICE_UNAVAILABLE,
        errors.StoreFailed: HTTPStatus.SERVICE_UNAVAILABLE,
        errors.SigningFailed: HTTPStatus.SERVICE_UNAVAILABLE,
        errors.StoreBroken: HTTPStatus.SERVICE_UNAVAILABLE,
    }
)

# RFC 9110 renamed three; the standard library follows in one version and not in the one before.
_PHRASES: Mapping[HTTPStatus, str] = MappingProxyType(
    {
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Content Too Large",
        HTTPStatus.REQUEST_URI_TOO_LONG: "URI Too Long",
        HTTPStatus.UNPROCESSABLE_ENTITY: "Unprocessable Content",
    }
)

# Headers that a status brings with it. After 408 and 413 the rest of the body may still come, and
# would be read as the next request's beginning or for ever.
_HEADERS: Mapping[HTTPStatus, Mapping[str, str]] = MappingProxyType(
    {
        HTTPStatus.REQUEST_TIMEOUT: {"Connection": "close"},
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: {"Connection": "close"},
        HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "1"},
    }
)

_log = logging.getLogger("aegisd.http")


def status_of(error: AegisError) -> HTTPStatus:
    """The status of an error's class, or of the nearest one above it."""
    for kind in type(error).__mro__:
        status = STATUSES.get(kind)
        if status is not None:
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def problem(error: AegisError) -> Response:
    """The answer to an error: application/problem+json, the error's details as members.

    A fault of ours tells its status and nothing else; the log line beside it has the rest.
    """
    status = status_of(error)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        error = AegisError("Aegis failed; no decision was made and the daemon's log says why")
    members = _members(error)
    document = {
        "type": "about:blank",
        "title": _PHRASES.get(status, status.phrase),
        "status": status.value,
        "detail": error.message,
        "code": error.code,
        **{name: value for name, value in members.items() if name != "allow"},
    }
    headers = dict(_HEADERS.get(status, {}))
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = str(error.details["allow"])
    return Response(line(document), status.value, headers, media_type="application/problem+json")


def _members(error: AegisError) -> dict[str, object]:
    members: dict[str, object] = dict(error.details)
    if isinstance(error, HeadMismatch):
        seq, digest = members.pop("head_seq", None), members.pop("head_hash", None)
        members["head"] = None if seq is None else {"seq": seq, "hash": digest}
    return members


class Problems:
    """ASGI wrapper that turns what the app inside raises into an answer."""

    def __init__(self, inside: ASGIApp) -> None:
        self._inside = inside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for every error, so that none ends as a broken connection or a stack trace."""
        try:
            await self._inside(scope, receive, send)
        except (ClientDisconnect, CancelledError):
            # Nobody is there any more: the caller left, or the server ends and has hung up.
            return
        except AegisError as error:
            if status_of(error) is HTTPStatus.INTERNAL_SERVER_ERROR:
                _log.exception("%s %r failed", scope["method"], scope["path"])
            await problem(error)(scope, receive, send)
        except Exception:  # noqa: BLE001 - the edge of the door: a 500, never a decision
            _log.exception("%s %r failed", scope["method"], scope["path"])
            await problem(AegisError(""))(scope, receive, send)


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """What no route matches. A web socket is closed: none of the routes speaks it."""
    if scope["type"] == "websocket":
        await WebSocketClose()(scope, receive, send)
        return
    raise NotFound("no such route; GET /openapi.json lists them")


def refusals(routes: Iterable[Route]) -> list[Route]:
    """A route behind each path for the methods that no route before it takes: 405 with `Allow`."""
    allowed: dict[str, set[str]] = {}
    for route in routes:
        allowed.setdefault(route.path, set()).update(route.methods or ())
    return [Route(path, _Refusal(", ".join(sorted(methods)))) for path, methods in allowed.items()]


class _Refusal:
    """The end of a path that exists and does not speak the request's method."""

    def __init__(self, allow: str) -> None:
        self._allow = allow

    async def __call__(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        """Raise `MethodNotAllowed`."""
        raise MethodNotAllowed(f"this route takes {self._allow}", allow=self._allow)

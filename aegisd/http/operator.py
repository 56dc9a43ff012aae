"""What the acts of operators share at this door: reading one, and the bytes that it names."""

import re
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from aegisd.core.errors import InvalidField
from aegisd.door.operator import OperatorAct, check
from aegisd.engine.engine import Engine
from aegisd.http.body import as_shape, receive_unkeyed

_DIGEST = re.compile(r"[0-9a-f]{64}")

A = TypeVar("A", bound=OperatorAct)


async def receive_act(request: Request, shape: type[A]) -> A:
    """Read an act from a request's body. Raises an `InvalidRequest`."""
    value = await receive_unkeyed(request)
    act = as_shape(value, shape)
    check(act)
    return act


async def document(engine: Engine, request: Request, kind: str) -> Response:
    """The canonical bytes that the path's digest names. Raises `NotFound`."""
    digest = request.path_params["digest"]
    if not _DIGEST.fullmatch(digest):
        raise InvalidField("digest: expected 64 lower-case hex digits", field="digest")
    return Response(await engine.reads.document(digest, kind), media_type="application/json")

"""One operation of the door: a method of a path, who answers it, and what is said of it.

Each resource lists its own beside the code that answers; `/openapi.json` is made from the lists.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import Struct
from starlette.routing import Route

from aegisd.http.query import DIGEST, ID, Parameter
from aegisd.json_schema import Schema

# A function from a request to a response, or a plain ASGI application.
Endpoint = Callable[..., Awaitable[Any]]


class Choice(Struct, frozen=True, kw_only=True):
    """One of several shapes, under a name of its own.

    `schemas` are the named schemas that say which, `structs` those that they refer to by name.
    """

    name: str
    schemas: Mapping[str, Schema]
    structs: tuple[type[Struct], ...]


Shape = type[Struct] | Choice


class Operation(Struct, frozen=True):
    """One method of one path.

    `query` are the parameters it reads. `asks` is the JSON of its body, and `lines` says that the
    body may be lines of JSON; with neither there is no body. `answers` None is any JSON. `keyed`
    says that it takes an `Idempotency-Key`.
    """

    method: str
    path: str
    endpoint: Endpoint
    summary: str
    query: tuple[Parameter, ...] = ()
    asks: Shape | None = None
    lines: bool = False
    answers: Shape | None = None
    status: int = 200
    keyed: bool = False

    def route(self) -> Route:
        """The route that serves it."""
        return Route(self.path, self.endpoint, methods=[self.method])

    def in_path(self) -> list[Parameter]:
        """The parameters that its path has in braces."""
        names = [part.strip("{}") for part in self.path.split("/") if part.startswith("{")]
        return [Parameter(name=name, schema=_IN_PATH[name], required=True) for name in names]


_IN_PATH: Mapping[str, Schema] = {"session_id": ID, "digest": DIGEST}

# Where the document has the schema of a name.
REFERENCE = "#/components/schemas/{name}"


def reference(name: str) -> Schema:
    """A reference to a schema of the document."""
    return {"$ref": REFERENCE.format(name=name)}

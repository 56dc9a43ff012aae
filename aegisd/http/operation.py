"""One operation of the door: a method of a path, who answers it, and what is said of it.

Each stands on the function that answers it, and `/openapi.json` is made from them.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from aegisd.engine.engine import Engine
from aegisd.http.answers import answer
from aegisd.http.query import DIGEST, ID, Parameter, Query
from aegisd.json_schema import Schema


class Choice(Struct, frozen=True, kw_only=True):
    """One of several shapes, under a name of its own.

    `schemas` are the named schemas that say which, `structs` those that they refer to by name.
    """

    name: str
    schemas: Mapping[str, Schema]
    structs: tuple[type[Struct], ...]


Shape = type[Struct] | Choice


class Asked(Request):
    """A request to one operation."""

    def __init__(self, scope: Scope, receive: Receive, parameters: tuple[Parameter, ...]) -> None:
        super().__init__(scope, receive)
        self._parameters = parameters

    def query(self) -> Query:
        """The operation's parameters. Raises `UnknownField` for any other."""
        return Query(self, *self._parameters)


# What answers an operation: a struct that is told as JSON, or a whole response.
Answering = Callable[[Engine, Asked], Awaitable[Struct | Response]]


class Operation(Struct, frozen=True):
    """One method of one path; as a decorator, it takes what answers it and the rest from there.

    The first line of the function's docstring is `summary`, the struct it returns `answers`, which
    is any JSON where it is None. `query` are the parameters it reads. `asks` is the JSON of its
    body, and `lines` says that the body may be lines of JSON; with neither there is no body.
    `keyed` says that it takes an `Idempotency-Key`. `app` makes what answers without a request
    object.
    """

    method: str
    path: str
    query: tuple[Parameter, ...] = ()
    asks: Shape | None = None
    lines: bool = False
    answers: Shape | None = None
    status: int = 200
    keyed: bool = False
    summary: str = ""
    app: Callable[[Engine], ASGIApp] | None = None

    def __call__(self, answering: Answering) -> "Operation":
        """The operation that a function answers."""
        told = answering.__annotations__["return"]
        return replace(
            self,
            summary=(answering.__doc__ or "").partition("\n")[0],
            answers=self.answers or (told if issubclass(told, Struct) else None),
            app=partial(_Endpoint, self, answering),
        )

    def route(self, engine: Engine) -> Route:
        """The route that serves it."""
        if self.app is None:
            raise NotImplementedError(f"nothing answers {self.method} {self.path}")
        return Route(self.path, self.app(engine), methods=[self.method])

    def in_path(self) -> list[Parameter]:
        """The parameters that its path has in braces."""
        names = [part.strip("{}") for part in self.path.split("/") if part.startswith("{")]
        return [Parameter(name=name, schema=_IN_PATH[name], required=True) for name in names]


class _Endpoint:
    """An operation of one engine as an ASGI application."""

    def __init__(self, operation: Operation, answering: Answering, engine: Engine) -> None:
        self._operation, self._answering, self._engine = operation, answering, engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        told = await self._answering(self._engine, Asked(scope, receive, self._operation.query))
        done = told if isinstance(told, Response) else answer(told, self._operation.status)
        await done(scope, receive, send)


_IN_PATH: Mapping[str, Schema] = {"session_id": ID, "digest": DIGEST}

# Where the document has the schema of a name.
REFERENCE = "#/components/schemas/{name}"


def reference(name: str) -> Schema:
    """A reference to a schema of the document."""
    return {"$ref": REFERENCE.format(name=name)}

"""`/openapi.json`: the door in OpenAPI 3.1, made from its operations and their shapes."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

import msgspec
from msgspec import Struct
from starlette.responses import Response

from aegisd import __version__
from aegisd.engine.engine import Engine
from aegisd.http.operation import REFERENCE, Asked, Choice, Operation, Shape, reference
from aegisd.http.query import Parameter
from aegisd.json_schema import Schema, components

_JSON, _LINES = "application/json", "application/x-ndjson"

_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A retry with the same key and request is answered as the first one was.",
    "schema": {"type": "string"},
}

_PROBLEM: Schema = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable; what programs compare."},
        "index": {"type": "integer", "description": "The item of a batch it is about."},
    },
}


def document(operations: Sequence[Operation]) -> Schema:
    """The description of every operation. Nothing in it depends on the log."""
    paths: dict[str, dict[str, Schema]] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Aegis",
            "version": __version__,
            "description": "The control plane between AI agents and the world.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": _schemas(operations)},
    }


def _operation(operation: Operation) -> Schema:
    content = {} if operation.answers is None else _ref(operation.answers)
    described: Schema = {
        "operationId": _operation_id(operation),
        "summary": operation.summary,
        "parameters": list(_parameters(operation)),
        "responses": {
            str(operation.status): {
                "description": "Done.",
                "content": {_JSON: {"schema": content}},
            },
            "default": {
                "description": "Refused or failed: RFC 9457, with a stable `code`.",
                "content": {"application/problem+json": {"schema": reference("Problem")}},
            },
        },
    }
    body = {} if operation.asks is None else {_JSON: {"schema": _ref(operation.asks)}}
    if operation.lines:
        body[_LINES] = {"schema": {"type": "string"}}
    if body:
        described["requestBody"] = {"required": True, "content": body}
    return described


def _operation_id(operation: Operation) -> str:
    words = operation.path.replace("{", "by_").replace("}", "").replace(".", "_").split("/")
    return "_".join([operation.method.lower(), *(word for word in words if word)])


def _parameters(operation: Operation) -> Iterator[Schema]:
    for parameter in operation.in_path():
        yield _parameter(parameter, "path")
    for parameter in operation.query:
        yield _parameter(parameter, "query")
    if operation.keyed:
        yield _KEY


def _parameter(parameter: Parameter, place: str) -> Schema:
    return {
        "name": parameter.name,
        "in": place,
        "required": parameter.required,
        "schema": parameter.schema,
    }


def _schemas(operations: Iterable[Operation]) -> Schema:
    shapes = [
        shape for each in operations for shape in (each.asks, each.answers) if shape is not None
    ]
    choices = [shape for shape in shapes if isinstance(shape, Choice)]
    _refs, schemas = components(_published(shapes), REFERENCE)
    chosen = {name: schema for each in choices for name, schema in each.schemas.items()}
    return {**schemas, **chosen, "Problem": _PROBLEM}


def _published(shapes: Iterable[Shape]) -> list[type[Struct]]:
    """Every shape that operations name, and what stands beside it and its bases in their modules.

    A written reference may name what no field does. Core's shapes go alone: states stand beside
    them.
    """
    found: dict[type[Struct], None] = {}
    for shape in shapes:
        for each in shape.structs if isinstance(shape, Choice) else (shape,):
            if each.__module__.startswith("aegisd.core."):
                found[each] = None
            else:
                found |= dict.fromkeys(_beside(each))
    return list(found)


def _beside(shape: type[Struct]) -> Iterator[type[Struct]]:
    """The public structs of the modules of a shape and its bases, the furthest base first."""
    bases = [base for base in reversed(shape.__mro__) if issubclass(base, Struct)]
    for module in dict.fromkeys(base.__module__ for base in bases[1:]):
        for name, each in vars(sys.modules[module]).items():
            is_struct = isinstance(each, type) and issubclass(each, Struct)
            if is_struct and each.__module__ == module and not name.startswith("_"):
                yield each


def _ref(shape: Shape) -> Schema:
    return reference(shape.name if isinstance(shape, Choice) else shape.__name__)


class Description:
    """The document as bytes, of these operations and its own."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operation = Operation("GET", "/openapi.json")(self._show)
        self._operations = [*operations, self.operation]

    @cached_property
    def body(self) -> bytes:
        """Made when somebody first asks: a start does not wait for it."""
        told = document(self._operations)
        body = msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n"
        # JSON Schema's patterns are ECMA 262, where `$` is what Python calls `\\Z`.
        return body.replace(rb"\\Z", b"$")

    async def _show(self, _engine: Engine, asked: Asked) -> Response:
        """This document."""  # noqa: D404 - what it says of itself
        asked.query()
        return Response(self.body, media_type="application/json")

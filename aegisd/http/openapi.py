"""`/openapi.json`: the door in OpenAPI 3.1, its schemas taken from the code's own types."""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aegisd import __version__
from aegisd.core.events import AGENT_EVENTS, JUDGED, RELEASED
from aegisd.core.request import EVENTS_PER_REQUEST_MAX
from aegisd.core.shapes.identifier import ID_CHARACTERS_MAX
from aegisd.core.shapes.payload import MESSAGE_CHARACTERS_MAX
from aegisd.door import answer, operator
from aegisd.engine.checkpoints import WAIT_MS_MAX
from aegisd.http import (
    checkpoints,
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
from aegisd.http.events import OUTCOMES
from aegisd.http.operations import OPERATIONS, Operation
from aegisd.http.query import PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, Query
from aegisd.json_schema import Schema, components

_JSON, _LINES = "application/json", "application/x-ndjson"
_REF = "#/components/schemas/{name}"

_SHAPED = (
    *(answer, events, sessions, simulation, operator, manifests, policies, imports),
    *(checkpoints, proofs, erasures, health),
)

# Bodies that are not, or not only, one JSON document.
_BODIES: Mapping[str, tuple[str, ...]] = {
    "EventRequest": (_JSON, _LINES),
    "Export": (_LINES,),
}

# What a parameter's own type does not say elsewhere.
_PARAMETERS: Mapping[str, Schema] = {
    "event_type": {"type": "string"},
    "tool_name": {"type": "string"},
    "outcome": {"enum": list(OUTCOMES)},
    "from_position": {"type": "integer", "minimum": 0},
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": PAGE_ITEMS_MAX,
        "default": PAGE_ITEMS_DEFAULT,
    },
    "page_token": {"type": "string"},
    "position": {"type": "integer", "minimum": 0},
    "size": {"type": "integer", "minimum": 1},
    "from": {"type": "integer", "minimum": 0},
    "to": {"type": "integer", "minimum": 1},
    "from_size": {"type": "integer", "minimum": 0},
    "wait_ms": {"type": "integer", "minimum": 0, "maximum": WAIT_MS_MAX, "default": 0},
    "reason": {"type": "string", "minLength": 1, "maxLength": MESSAGE_CHARACTERS_MAX},
    "digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
}
_REQUIRED = frozenset({"tenant_id", "author", "reason", "position", "from"})
_ID: Schema = {
    "type": "string",
    "pattern": f"^[$A-Za-z0-9_:@-][A-Za-z0-9._:@-]{{0,{ID_CHARACTERS_MAX}}}$",
}
_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A retry with the same key and request is answered as the first one was.",
    "schema": {"type": "string"},
}

# Fields of an event request beside its type and payload.
_CONDITION = "Only if the event continues exactly there; else 409 with the session's head."
_HASH: Schema = {"type": "string", "description": f"64 hex digits or base64. {_CONDITION}"}
_ENVELOPE: Mapping[str, Schema] = {
    "tenant_id": _ID,
    "session_id": _ID,
    "user_id": {"type": "string", "default": ""},
    "agent_id": _ID,
    "ts_unix_ms": {"type": "integer", "description": "The caller's claim; no rule reads it."},
    "seq": {"type": "integer", "minimum": 0, "description": _CONDITION},
    "prev_hash": _HASH,
    "hash": _HASH,
}


def document() -> Schema:
    """The description of every route. Built once; nothing in it depends on the log."""
    paths: dict[str, dict[str, Schema]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Aegis",
            "version": __version__,
            "description": "The control plane between AI agents and the world.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": _schemas()},
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
                "content": {"application/problem+json": {"schema": _ref("Problem")}},
            },
        },
    }
    if operation.asks is not None:
        described["requestBody"] = {
            "required": True,
            "content": {
                kind: {"schema": _ref(operation.asks) if kind == _JSON else {"type": "string"}}
                for kind in _BODIES.get(operation.asks, (_JSON,))
            },
        }
    return described


def _operation_id(operation: Operation) -> str:
    words = operation.path.replace("{", "by_").replace("}", "").replace(".", "_").split("/")
    return "_".join([operation.method, *(word for word in words if word)])


def _parameters(operation: Operation) -> Iterator[Schema]:
    for part in operation.path.split("/"):
        if part.startswith("{"):
            name = part.strip("{}")
            schema = _PARAMETERS.get(name, _ID)
            yield {"name": name, "in": "path", "required": True, "schema": schema}
    for name in operation.query:
        yield {
            "name": name,
            "in": "query",
            "required": name in _REQUIRED,
            "schema": _PARAMETERS.get(name, _ID),
        }
    if operation.asks in ("EventRequest", "SessionOpening"):
        yield _KEY


def _schemas() -> Schema:
    shapes: list[type[Struct]] = [*AGENT_EVENTS.values()]
    for module in _SHAPED:
        shapes += [
            shape
            for name, shape in vars(module).items()
            if isinstance(shape, type)
            and issubclass(shape, Struct)
            and not name.startswith("_")
            and shape.__module__ == module.__name__
        ]
    _refs, schemas = components(shapes, _REF)
    return {
        **schemas,
        "Event": {"oneOf": [_event(event_type) for event_type in AGENT_EVENTS]},
        "EventRequest": {"oneOf": [_ref("Event"), _batch("Event")]},
        "EventReceipt": {"oneOf": [_ref("Receipt"), _batch("Receipt")]},
        "Problem": {
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
        },
    }


def _event(event_type: str) -> Schema:
    shape = AGENT_EVENTS[event_type]
    judged = "Judged." if event_type in JUDGED else "Recorded."
    if event_type in RELEASED:
        judged = "Recorded; judged for release where an operator's rule names the type."
    payload = _ref(shape.__name__)
    return {
        "type": "object",
        "description": judged,
        "required": ["tenant_id", "session_id", "event_type", "payload"],
        "additionalProperties": False,
        "properties": {
            **_ENVELOPE,
            "event_type": {"const": event_type},
            "payload": {"anyOf": [payload, {"type": "null"}]}
            if event_type == "TERMINATION"
            else payload,
        },
    }


def _batch(name: str) -> Schema:
    return {
        "type": "array",
        "items": _ref(name),
        "minItems": 1,
        "maxItems": EVENTS_PER_REQUEST_MAX,
    }


def _ref(name: str) -> Schema:
    return {"$ref": _REF.format(name=name)}


class Description:
    """The document as bytes, made once."""

    def __init__(self) -> None:
        body = msgspec.json.format(msgspec.json.encode(document()), indent=2) + b"\n"
        # JSON Schema's patterns are ECMA 262, where `$` is what Python calls `\\Z`.
        self._body = body.replace(rb"\\Z", b"$")

    async def show(self, request: Request) -> Response:
        """`GET /openapi.json`."""
        Query(request)
        return Response(self._body, media_type="application/json")


def routes() -> list[Route]:
    """The route of this resource."""
    return [Route("/openapi.json", Description().show, methods=["GET"])]

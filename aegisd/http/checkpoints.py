"""`/v1/checkpoints`: what of a tenant's log is signed, as C2SP checkpoints."""

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from aegisd.door import evidence
from aegisd.engine.engine import Engine
from aegisd.http.answers import answer
from aegisd.http.body import as_shape, receive_unkeyed
from aegisd.http.operation import Operation
from aegisd.http.query import (
    LIMIT,
    PAGE_TOKEN,
    TENANT,
    Parameter,
    Query,
    check_any_id,
    token,
)

_FROM_SIZE = Parameter(name="from_size", schema={"type": "integer", "minimum": 0})
_LIST = (TENANT, _FROM_SIZE, LIMIT, PAGE_TOKEN)


class CheckpointRequest(Struct, frozen=True, kw_only=True):
    """Sign now what is durable and not covered yet."""

    tenant_id: str


class CheckpointPage(Struct, frozen=True, kw_only=True):
    """Checkpoints by size. `next_page_token` is null after the last page."""

    checkpoints: list[evidence.SignedCheckpoint]
    next_page_token: str | None


class Checkpoints:
    """The checkpoints of one engine's tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def latest(self, request: Request) -> Response:
        """`GET /v1/checkpoints/latest`. Raises `CheckpointUnknown` before the first."""
        tenant_id = Query(request, TENANT).id("tenant_id")
        return answer(evidence.signed_checkpoint(await self._engine.signing().latest(tenant_id)))

    async def sign(self, request: Request) -> Response:
        """`POST /v1/checkpoints`: cover everything durable. Raises `CheckpointUnknown`."""
        value = await receive_unkeyed(request.scope, request.receive)
        tenant_id = check_any_id(as_shape(value, CheckpointRequest).tenant_id, "tenant_id")
        return answer(evidence.signed_checkpoint(await self._engine.signing().sign_now(tenant_id)))

    async def list(self, request: Request) -> Response:
        """`GET /v1/checkpoints`: those in the store, by size."""
        query = Query(request, *_LIST)
        tenant_id, limit = query.id("tenant_id"), query.limit()
        first = query.place("c") or query.integer("from_size", 0)
        rows = await self._engine.reads.checkpoints(tenant_id, from_size=first, limit=limit + 1)
        told = CheckpointPage(
            checkpoints=[evidence.signed_checkpoint(row) for row in rows[:limit] if row.note],
            next_page_token=token("c", rows[limit].size) if rows[limit:] else None,
        )
        return answer(told)

    async def keys(self, request: Request) -> Response:
        """`GET /v1/checkpoints/keys`: who signs now."""
        Query(request)
        return answer(evidence.signing_keys(*self._engine.signing().keys()))


def operations(engine: Engine) -> list[Operation]:
    """The operations of this resource."""
    checkpoints = Checkpoints(engine)
    return [
        Operation(
            "POST",
            "/v1/checkpoints",
            checkpoints.sign,
            "Sign now what is durable and not covered by a checkpoint yet.",
            asks=CheckpointRequest,
            answers=evidence.SignedCheckpoint,
        ),
        Operation(
            "GET",
            "/v1/checkpoints",
            checkpoints.list,
            "A tenant's signed checkpoints, by size.",
            query=_LIST,
            answers=CheckpointPage,
        ),
        Operation(
            "GET",
            "/v1/checkpoints/latest",
            checkpoints.latest,
            "The newest signed checkpoint.",
            query=(TENANT,),
            answers=evidence.SignedCheckpoint,
        ),
        Operation(
            "GET",
            "/v1/checkpoints/keys",
            checkpoints.keys,
            "The verifier keys that sign now.",
            answers=evidence.SigningKeys,
        ),
    ]

"""`/v1/checkpoints`: what of a tenant's log is signed, as C2SP checkpoints."""

from msgspec import Struct

from aegisd.door import evidence
from aegisd.engine.engine import Engine
from aegisd.http.body import as_shape, receive_unkeyed
from aegisd.http.operation import Asked, Operation
from aegisd.http.query import LIMIT, PAGE_TOKEN, TENANT, Parameter, check_any_id, token

_FROM_SIZE = Parameter(name="from_size", schema={"type": "integer", "minimum": 0})


class CheckpointRequest(Struct, frozen=True, kw_only=True):
    """Sign now what is durable and not covered yet."""

    tenant_id: str


class CheckpointPage(Struct, frozen=True, kw_only=True):
    """Checkpoints by size. `next_page_token` is null after the last page."""

    checkpoints: list[evidence.SignedCheckpoint]
    next_page_token: str | None


@Operation("POST", "/v1/checkpoints", asks=CheckpointRequest)
async def sign(engine: Engine, asked: Asked) -> evidence.SignedCheckpoint:
    """Sign now what is durable and not covered by a checkpoint yet.

    Raises `CheckpointUnknown`.
    """
    value = await receive_unkeyed(asked)
    tenant_id = check_any_id(as_shape(value, CheckpointRequest).tenant_id, "tenant_id")
    return evidence.signed_checkpoint(await engine.signing().sign_now(tenant_id))


@Operation("GET", "/v1/checkpoints", query=(TENANT, _FROM_SIZE, LIMIT, PAGE_TOKEN))
async def listing(engine: Engine, asked: Asked) -> CheckpointPage:
    """A tenant's signed checkpoints, by size."""
    query = asked.query()
    tenant_id, limit = query.id("tenant_id"), query.limit()
    first = query.place("c") or query.integer("from_size", 0)
    rows = await engine.reads.checkpoints(tenant_id, from_size=first, limit=limit + 1)
    return CheckpointPage(
        checkpoints=[evidence.signed_checkpoint(row) for row in rows[:limit] if row.note],
        next_page_token=token("c", rows[limit].size) if rows[limit:] else None,
    )


@Operation("GET", "/v1/checkpoints/latest", query=(TENANT,))
async def latest(engine: Engine, asked: Asked) -> evidence.SignedCheckpoint:
    """The newest signed checkpoint.

    Raises `CheckpointUnknown` before the first.
    """
    tenant_id = asked.query().id("tenant_id")
    return evidence.signed_checkpoint(await engine.signing().latest(tenant_id))


@Operation("GET", "/v1/checkpoints/keys")
async def keys(engine: Engine, asked: Asked) -> evidence.SigningKeys:
    """The verifier keys that sign now."""
    asked.query()
    return evidence.signing_keys(*engine.signing().keys())

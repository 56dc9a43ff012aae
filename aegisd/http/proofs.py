"""`/v1/proofs`: that an event is in a signed tree, and that one tree continues another."""

from aegisd.core.errors import InvalidField
from aegisd.door import evidence
from aegisd.engine.checkpoints import WAIT_MS_MAX
from aegisd.engine.engine import Engine
from aegisd.http.operation import Asked, Operation
from aegisd.http.query import TENANT, Parameter, Query
from aegisd.json_schema import Schema

_SIZE: Schema = {"type": "integer", "minimum": 1}
_PLACE: Schema = {"type": "integer", "minimum": 0}


def _needed(query: Query, name: str) -> int:
    """A number that must be there. Raises `InvalidField`."""
    if query.text(name) is None:
        raise InvalidField(f"{name}: expected a number, found nothing", field=name)
    return query.integer(name, 0)


@Operation(
    "GET",
    "/v1/proofs/inclusion",
    query=(
        TENANT,
        Parameter(name="position", schema=_PLACE, required=True),
        Parameter(name="size", schema=_SIZE),
        Parameter(name="wait_ms", schema={**_PLACE, "maximum": WAIT_MS_MAX, "default": 0}),
    ),
)
async def inclusion(engine: Engine, asked: Asked) -> evidence.InclusionProof:
    """Prove that an event is in a signed tree; wait_ms waits for one that covers it.

    Raises `EventUnknown`, `NotCovered`, `CheckpointUnknown`.
    """
    query = asked.query()
    tenant_id = query.id("tenant_id")
    size = query.integer("size", 0, least=1)
    found = await engine.signing().inclusion(
        tenant_id,
        _needed(query, "position"),
        size=size or None,
        wait_ms=query.integer("wait_ms", 0, most=WAIT_MS_MAX),
    )
    return evidence.inclusion_proof(tenant_id, found)


@Operation(
    "GET",
    "/v1/proofs/consistency",
    query=(
        TENANT,
        Parameter(name="from", schema=_PLACE, required=True),
        Parameter(name="to", schema=_SIZE),
    ),
)
async def consistency(engine: Engine, asked: Asked) -> evidence.ConsistencyProof:
    """Prove that the log of one size continues the log of another.

    Raises `CheckpointUnknown`.
    """
    query = asked.query()
    tenant_id = query.id("tenant_id")
    second = query.integer("to", 0, least=1)
    found = await engine.signing().consistency(tenant_id, _needed(query, "from"), second or None)
    return evidence.consistency_proof(tenant_id, found)

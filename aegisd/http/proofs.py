"""`/v1/proofs`: that an event is in a signed tree, and that one tree continues another."""

from starlette.requests import Request
from starlette.responses import Response

from aegisd.core.errors import InvalidField
from aegisd.door import evidence
from aegisd.engine.checkpoints import WAIT_MS_MAX
from aegisd.engine.engine import Engine
from aegisd.http.answers import answer
from aegisd.http.operation import Operation
from aegisd.http.query import TENANT, Parameter, Query

_INCLUSION = (
    TENANT,
    Parameter(name="position", schema={"type": "integer", "minimum": 0}, required=True),
    Parameter(name="size", schema={"type": "integer", "minimum": 1}),
    Parameter(
        name="wait_ms",
        schema={"type": "integer", "minimum": 0, "maximum": WAIT_MS_MAX, "default": 0},
    ),
)
_CONSISTENCY = (
    TENANT,
    Parameter(name="from", schema={"type": "integer", "minimum": 0}, required=True),
    Parameter(name="to", schema={"type": "integer", "minimum": 1}),
)


class Proofs:
    """The proofs of one engine's logs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def inclusion(self, request: Request) -> Response:
        """`GET /v1/proofs/inclusion`. Raises `EventUnknown`, `NotCovered`, `CheckpointUnknown`."""
        query = Query(request, *_INCLUSION)
        tenant_id = query.id("tenant_id")
        size = query.integer("size", 0, least=1)
        found = await self._engine.signing().inclusion(
            tenant_id,
            _needed(query, "position"),
            size=size or None,
            wait_ms=query.integer("wait_ms", 0, most=WAIT_MS_MAX),
        )
        return answer(evidence.inclusion_proof(tenant_id, found))

    async def consistency(self, request: Request) -> Response:
        """`GET /v1/proofs/consistency`. Raises `CheckpointUnknown`."""
        query = Query(request, *_CONSISTENCY)
        tenant_id = query.id("tenant_id")
        second = query.integer("to", 0, least=1)
        found = await self._engine.signing().consistency(
            tenant_id, _needed(query, "from"), second or None
        )
        return answer(evidence.consistency_proof(tenant_id, found))


def _needed(query: Query, name: str) -> int:
    """A number that must be there. Raises `InvalidField`."""
    if query.text(name) is None:
        raise InvalidField(f"{name}: expected a number, found nothing", field=name)
    return query.integer(name, 0)


def operations(engine: Engine) -> list[Operation]:
    """The operations of this resource."""
    proofs = Proofs(engine)
    return [
        Operation(
            "GET",
            "/v1/proofs/inclusion",
            proofs.inclusion,
            "Prove that an event is in a signed tree; wait_ms waits for one that covers it.",
            query=_INCLUSION,
            answers=evidence.InclusionProof,
        ),
        Operation(
            "GET",
            "/v1/proofs/consistency",
            proofs.consistency,
            "Prove that the log of one size continues the log of another.",
            query=_CONSISTENCY,
            answers=evidence.ConsistencyProof,
        ),
    ]

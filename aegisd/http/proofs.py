"""`/v1/proofs`: that an event is in a signed tree, and that one tree continues another."""

import base64

from msgspec import Struct

from aegisd.core.errors import InvalidField
from aegisd.core.log import proof
from aegisd.engine.checkpoints import WAIT_MS_MAX
from aegisd.engine.engine import Engine
from aegisd.http.operation import Asked, Operation
from aegisd.http.query import TENANT, Parameter, Query
from aegisd.json_schema import Schema

_SIZE: Schema = {"type": "integer", "minimum": 1}
_PLACE: Schema = {"type": "integer", "minimum": 0}

_FROM_TO = {"first": "from", "first_root": "from_root", "second": "to", "second_root": "to_root"}


class InclusionProof(Struct, frozen=True, kw_only=True):
    """That the event at `position` is in the tree of `size` events, RFC 9162 section 2.1.3.

    `hash` is the event's, hex; `hashes` the path in base64, leaf to root; `checkpoint` the signed
    note. `proof` is all of it as a C2SP tlog-proof file, with the event's stored bytes as `extra`.
    """

    tenant_id: str
    position: int
    hash: str
    size: int
    hashes: list[str]
    checkpoint: str
    proof: str


class ConsistencyProof(Struct, frozen=True, kw_only=True, rename=_FROM_TO):
    """That the tree of `to` events continues the one of `from`, RFC 9162 section 2.1.4.

    Roots are hex, `hashes` base64. `checkpoint` is the signed note of `to`, null where that size
    was never signed.
    """

    tenant_id: str
    first: int
    first_root: str
    second: int
    second_root: str
    hashes: list[str]
    checkpoint: str | None


def _needed(query: Query, name: str) -> int:
    """A number that must be there. Raises `InvalidField`."""
    if query.text(name) is None:
        raise InvalidField(f"{name}: expected a number, found nothing", field=name)
    return query.integer(name, 0)


def _spelled(hashes: tuple[bytes, ...]) -> list[str]:
    return [base64.b64encode(each).decode() for each in hashes]


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
async def inclusion(engine: Engine, asked: Asked) -> InclusionProof:
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
    event, signed = found.event, found.checkpoint
    file = proof.Proof(
        index=event.position, hashes=found.hashes, checkpoint=signed.note, extra=event.body
    )
    return InclusionProof(
        tenant_id=tenant_id,
        position=event.position,
        hash=event.hash.hex(),
        size=signed.size,
        hashes=_spelled(found.hashes),
        checkpoint=signed.note,
        proof=proof.write(file),
    )


@Operation(
    "GET",
    "/v1/proofs/consistency",
    query=(
        TENANT,
        Parameter(name="from", schema=_PLACE, required=True),
        Parameter(name="to", schema=_SIZE),
    ),
)
async def consistency(engine: Engine, asked: Asked) -> ConsistencyProof:
    """Prove that the log of one size continues the log of another.

    Raises `CheckpointUnknown`.
    """
    query = asked.query()
    tenant_id = query.id("tenant_id")
    second = query.integer("to", 0, least=1)
    found = await engine.signing().consistency(tenant_id, _needed(query, "from"), second or None)
    signed = found.checkpoint
    return ConsistencyProof(
        tenant_id=tenant_id,
        first=found.first,
        first_root=found.first_root.hex(),
        second=found.second,
        second_root=found.second_root.hex(),
        hashes=_spelled(found.hashes),
        checkpoint=None if signed is None else signed.note,
    )

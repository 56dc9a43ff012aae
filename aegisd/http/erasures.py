"""`/v1/erasures`: delete the values kept beside a subject's events; the events stay as they are."""

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from aegisd.core.custody import PayloadErased
from aegisd.core.log.envelope import unseal
from aegisd.core.shapes.identifier import check_id
from aegisd.door.answer import Head, head
from aegisd.door.operator import OperatorAct
from aegisd.engine.engine import Engine
from aegisd.http.answers import answer
from aegisd.http.operation import Operation
from aegisd.http.operator import receive_act


class Erasure(OperatorAct, frozen=True, kw_only=True):
    """Whose values to delete: a user id, or the id of a session whose events name no user."""

    subject: str


class ErasureReceipt(Struct, frozen=True, kw_only=True):
    """Where PAYLOAD_ERASED stands in `$control`, and how many values it deleted."""

    subject: str
    values: int
    author: str
    seq: int
    position: int
    hash: str
    head: Head


class Erasures:
    """The erasures of one engine's tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def erase(self, request: Request) -> Response:
        """`POST /v1/erasures`: 201 once the values are gone, also where there were none."""
        act = await receive_act(request, Erasure)
        done = await self._engine.erase(
            act.tenant_id, check_id(act.subject, "subject"), author=act.author, reason=act.reason
        )
        told = msgspec.json.decode(unseal(done.event.body).payload, type=PayloadErased)
        receipt = ErasureReceipt(
            subject=told.subject,
            values=told.values,
            author=told.author,
            seq=done.event.seq,
            position=done.event.position,
            hash=done.event.hash.hex(),
            head=head(done.head),
        )
        return answer(receipt, 201)


def operations(engine: Engine) -> list[Operation]:
    """The operations of this resource."""
    return [
        Operation(
            "POST",
            "/v1/erasures",
            Erasures(engine).erase,
            "Delete the values kept beside a subject's events; every hash and proof stays.",
            asks=Erasure,
            answers=ErasureReceipt,
            status=201,
        ),
    ]

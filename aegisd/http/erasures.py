"""`/v1/erasures`: delete the values kept beside a subject's events; the events stay as they are."""

from msgspec import Struct

from aegisd.core.shapes.identifier import check_id
from aegisd.door.answer import Head
from aegisd.door.operator import OperatorAct, act_receipt
from aegisd.engine.engine import Engine
from aegisd.http.operation import Asked, Operation
from aegisd.http.operator import receive_act


class Erasure(OperatorAct, frozen=True, kw_only=True):
    """Whose values to delete: a user id, or the id of a session whose events name no user.

    With `must_find`, an erasure that would delete nothing is refused and not recorded.
    """

    subject: str
    must_find: bool = False


class ErasureReceipt(Struct, frozen=True, kw_only=True):
    """Where PAYLOAD_ERASED stands in `$control`, and how many values it deleted."""

    subject: str
    values: int
    author: str
    seq: int
    position: int
    hash: str
    head: Head


@Operation("POST", "/v1/erasures", asks=Erasure, status=201)
async def erase(engine: Engine, asked: Asked) -> ErasureReceipt:
    """Delete the values kept beside a subject's events; every hash and proof stays.

    Answers once they are gone, also where there were none, unless the request says `must_find`.
    """
    act = await receive_act(asked, Erasure)
    done = await engine.erase(
        act.tenant_id,
        check_id(act.subject, "subject"),
        author=act.author,
        reason=act.reason,
        must_find=act.must_find,
    )
    return act_receipt(done, ErasureReceipt)

"""`/v1/clock`: an operator finds the clock right, and a tenant's time goes on from there."""

from msgspec import Struct

from aegisd.door.answer import Head
from aegisd.door.operator import OperatorAct, act_receipt
from aegisd.engine.engine import Engine
from aegisd.http.operation import Asked, Operation
from aegisd.http.operator import receive_act


class ClockReceipt(Struct, frozen=True, kw_only=True):
    """Where CLOCK_CORRECTED stands in `$control`; milliseconds since the Unix epoch."""

    from_ms: int
    to_ms: int
    author: str
    seq: int
    position: int
    hash: str
    head: Head


@Operation("POST", "/v1/clock", asks=OperatorAct, status=201)
async def correct(engine: Engine, asked: Asked) -> ClockReceipt:
    """Let a tenant's time go on from what the clock shows, because an operator says it is right.

    For a clock that jumped and was put right, or a log that is ahead of it. The daemon reads the
    clock itself. Answers 409 where the clock is not off.
    """
    act = await receive_act(asked, OperatorAct)
    done = await engine.correct_clock(act.tenant_id, author=act.author, reason=act.reason)
    return act_receipt(done, ClockReceipt)

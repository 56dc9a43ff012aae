"""Events are appended under a key for all of them, and under a condition that is part of it."""

import pytest

from aegisd.core.errors import IdempotencyConflict
from aegisd.core.proposal import Proposal
from aegisd.engine.commands.append import RETRIED_EVENTS_MAX, Append
from aegisd.store.memory import MemoryStore
from tests.core.gate import proposal
from tests.engine.world import codes, log_of, run, running, together


def keyed(content: object = "x", **fields: object) -> Proposal:
    return proposal("USER_MESSAGE", {"content": content}, idempotency_key="k", **fields)


def test_a_batchs_key_stands_for_the_whole_batch() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store) as engine:
            batch = (proposal(idempotency_key="k"), keyed("a"), keyed("b"))
            first = await engine.append(batch)
            again = await engine.append(batch)
            assert [a.head.hash for a in again] == [a.head.hash for a in first]
            assert all(answer.replayed for answer in again)
            for other in (batch[:2], batch[1:], (*batch, keyed("c")), batch[::-1]):
                with pytest.raises(IdempotencyConflict):
                    await engine.append(other)
            assert len(log_of(store)) == 2 + 4

    run(story())


def test_many_events_under_a_key_are_looked_up_beside_the_event_loop() -> None:
    few, many = ((keyed(),) * (RETRIED_EVENTS_MAX + more) for more in (0, 1))
    asked = (few, many, (proposal(),) * len(many))
    assert [Append(proposals=each).is_short for each in asked] == [True, False, True]


@pytest.mark.parametrize("condition", [{"seq": 7}, {"prev_hash": "0" * 64}, {"hash": "0" * 64}])
def test_a_request_sent_again_under_another_condition_is_another_request(
    condition: dict[str, object],
) -> None:
    async def story() -> None:
        async with running(MemoryStore()) as engine:
            told = await together(engine, keyed())
            told += await together(engine, keyed(**condition))
            assert codes(told)[1:] == [IdempotencyConflict.code]

    run(story())

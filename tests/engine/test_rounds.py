"""What is asked for one by one is done together, and nobody is told of a round that he missed."""

import asyncio
from collections.abc import Sequence

import pytest

from aegisd.engine.rounds import Rounds
from tests.engine.world import run, settled


@pytest.mark.parametrize("most", [1, 3, 100])
def test_what_gathers_during_a_round_is_the_next_one(most: int) -> None:
    async def story() -> None:
        done, door = list[Sequence[int]](), asyncio.Event()

        async def work(items: Sequence[int]) -> bool:
            await door.wait()
            done.append(items)
            return 7 not in items

        rounds = Rounds(work, most)
        asked = [asyncio.ensure_future(rounds.do(number)) for number in range(10)]
        await settled()
        asked[9].cancel()
        door.set()
        told = await asyncio.gather(*asked, return_exceptions=True)
        # Whoever was cancelled is in no round that had not begun.
        begun = list(range(10 if most == 100 else 9))
        assert [number for items in done for number in items] == begun
        assert max(map(len, done)) <= most
        fate = {number: 7 not in items for items in done for number in items}
        assert told[:9] == [fate[number] for number in range(9)]
        assert await rounds.do(11)
        door.clear()
        last = asyncio.ensure_future(rounds.do(12))
        await settled()
        await rounds.stop()
        assert not last.done()
        last.cancel()

    run(story())

"""What is kept of a subject is found before the turn, and known exactly within it."""

from aegisd.engine.kept import Kept
from aegisd.store.memory import MemoryStore
from tests.engine.test_detached import crm, judging, told
from tests.engine.world import run, running


def test_what_is_told_or_erased_between_the_look_and_the_turn_is_counted_once() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store, judge=judging(), told=told()) as engine:
            await engine.append((crm(),))
            seen = [Kept(store, "acme", "u1")]
            await engine.append((crm(call_id="c2"),))
            seen.append(Kept(store, "acme", "u1"))
            await engine.erase("acme", "u2", author="ann", reason="r")
            both = seen[1].places()
            assert [each.places() for each in seen] == [both, both]
            await engine.erase("acme", "u1", author="ann", reason="r")
            await engine.append((crm(call_id="c3"),))
            assert [each.places() for each in seen] == [store.values_of("acme", "u1")] * 2

    run(story())

"""Each event is proved in what was signed of its log, and each checkpoint continues the others."""

from collections.abc import Sequence

import pytest

from aegisd.core.errors import CheckpointUnknown, EventUnknown, NotCovered
from aegisd.core.log.checkpoint import TreeHead
from aegisd.core.log.merkle import consistent, included
from aegisd.engine.checkpoints import Checkpoints
from aegisd.engine.engine import Engine
from aegisd.rows import Checkpoint, Growth
from aegisd.store.memory import MemoryStore
from tests.engine.world import MemoryGuard, evidence, root_of, run, running, said, signer


def test_a_root_whose_note_was_lost_is_signed_again_to_the_same_bytes() -> None:
    async def story() -> None:
        guard, store = MemoryGuard(), MemoryStore()
        async with running(store) as engine:
            await engine.append((said("hello"),))
        size = store.next_position("acme")
        root = root_of(store, size)
        row = Checkpoint(tenant_id="acme", size=size, root=root)
        store.grow(Growth(tenant_id="acme", first_block=0, checkpoints=(row,)))
        async with running(store, evidence=evidence(guard, interval_ms=0)) as engine:
            first = await engine.signing().latest("acme")
        assert first.size == size
        assert store.newest_checkpoint("acme") == first
        again = MemoryGuard()
        async with running(store, evidence=evidence(again, interval_ms=0)) as engine:
            assert await engine.signing().latest("acme") == first

    run(story())


async def _grown(engine: Engine, texts: Sequence[str]) -> list[Checkpoint]:
    signed = []
    for text in texts:
        await engine.append((said(text),))
        signed.append(await engine.signing().sign_now("acme"))
    return signed


def test_every_event_is_proved_in_every_later_checkpoint_and_each_continues_the_others() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store, evidence=evidence(interval_ms=0)) as engine:
            signed = await _grown(engine, [str(number) for number in range(12)])
            events = list(store.events("acme"))
            signing = engine.signing()
            for each in signed:
                for event in events[: each.size]:
                    found = await signing.inclusion("acme", event.position, size=each.size)
                    assert found.event == event
                    assert found.checkpoint == each
                    assert included(event.position, each.size, event.hash, found.hashes, each.root)
            for first in signed:
                for second in signed[signed.index(first) :]:
                    proof = await signing.consistency("acme", first.size, second.size)
                    assert (proof.first_root, proof.second_root) == (first.root, second.root)
                    assert consistent(
                        first.size, second.size, first.root, second.root, proof.hashes
                    )

    run(story())


def test_a_proof_waits_for_a_checkpoint_that_covers_the_event() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store, evidence=evidence(interval_ms=30)) as engine:
            (answer,) = await engine.append((said("hello"),))
            position = answer.event.position
            with pytest.raises(NotCovered):
                await engine.signing().inclusion("acme", position)
            found = await engine.signing().inclusion("acme", position, wait_ms=5000)
            assert found.checkpoint.size > position

    run(story())


def test_what_is_not_there_is_told_apart() -> None:
    async def story() -> None:
        async with running(MemoryStore(), evidence=evidence(interval_ms=0)) as engine:
            signing = engine.signing()
            for ask in (signing.latest, signing.sign_now):
                with pytest.raises(CheckpointUnknown):
                    await ask("nobody")
            await engine.append((said("hello"),))
            with pytest.raises(EventUnknown):
                await signing.inclusion("acme", 1000)
            with pytest.raises(EventUnknown):
                await signing.inclusion("nobody", 0)
            with pytest.raises(NotCovered):
                await signing.inclusion("acme", 0)
            with pytest.raises(CheckpointUnknown):
                await signing.inclusion("acme", 0, size=1)
            with pytest.raises(CheckpointUnknown):
                await signing.consistency("acme", 0, None)
            newest = await signing.sign_now("acme")
            with pytest.raises(CheckpointUnknown):
                await signing.consistency("acme", 0, newest.size + 1)
            with pytest.raises(CheckpointUnknown):
                await signing.consistency("acme", newest.size, 1)

    run(story())


def test_what_another_log_signed_of_an_archive_is_told_and_not_kept_by_the_guard() -> None:
    async def story() -> None:
        guard, store = MemoryGuard(), MemoryStore()
        archive, root = "$archive.00ff", b"\7" * 32
        text = TreeHead(origin="elsewhere.example/log/acme", size=3, root=root).text
        note = signer(2).sign("elsewhere.example/log/acme", text, now_ms=0)
        foreign = Checkpoint(tenant_id=archive, size=3, root=root, note=note)
        store.grow(Growth(tenant_id=archive, first_block=0, checkpoints=(foreign,)))
        async with running(store, evidence=evidence(guard)) as engine:
            assert await engine.signing().sign_now(archive) == foreign
            assert guard.notes == {}

    run(story())


def test_trees_beyond_the_bound_are_recovered_when_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("aegisd.engine.signed_log.TREES_RESIDENT_MAX", 2)

    async def story() -> None:
        store = MemoryStore()
        names = ("a", "b", "c", "d")
        async with running(store, evidence=evidence(interval_ms=0)) as engine:
            for turn in range(2):
                for name in names:
                    await engine.append((said(str(turn), tenant_id=name),))
                    signed = await engine.signing().sign_now(name)
                    assert signed.root == root_of(store, signed.size, name)
            assert isinstance(engine.signing(), Checkpoints)
            assert len(engine.signing()._log._trees) == 2

    run(story())

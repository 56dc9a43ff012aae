"""Signed checkpoints follow the log: durable first, in order, and only when it grew."""

import asyncio
import threading

import pytest

from aegisd.core.errors import CheckpointUnknown, SigningFailed, StoreBroken, StoreFailed
from aegisd.core.log import checkpoint
from aegisd.engine.checkpoints import Signing
from aegisd.engine.engine import Engine
from aegisd.rows import Checkpoint, Growth
from aegisd.signing import ed25519
from aegisd.store.memory import MemoryStore
from tests.core.gate import proposal
from tests.engine.world import (
    LOG_NAME,
    MemoryGuard,
    StubbornStore,
    evidence,
    root_of,
    run,
    running,
    said,
    signer,
)

KEYS = signer().keys(0)


async def covering(engine: Engine, size: int, tenant_id: str = "acme") -> Checkpoint:
    """The newest checkpoint, once it covers so many events."""
    while True:
        try:
            newest = await engine.signing().latest(tenant_id)
        except (CheckpointUnknown, SigningFailed, StoreFailed):
            newest = None
        if newest is not None and newest.size >= size:
            return newest
        await asyncio.sleep(0.002)


def test_a_log_that_grew_is_signed_by_itself() -> None:
    async def story() -> None:
        guard, store = MemoryGuard(), MemoryStore()
        async with running(store, evidence=evidence(guard)) as engine:
            await engine.append((said("hello"),))
            end = store.next_position("acme")
            signed = await covering(engine, end)
            head = checkpoint.verify(signed.note, KEYS, ed25519.check)
            assert (head.origin, head.size) == (f"{LOG_NAME}/acme", end)
            assert head.root == signed.root == root_of(store, end)
            assert guard.notes == {"acme": signed.note}

    run(story())


def test_a_log_that_did_not_grow_is_not_signed_again() -> None:
    async def story() -> None:
        signatures: list[str] = []

        class Counting(MemoryGuard):
            def keep(self, tenant_id: str, note: str) -> None:
                signatures.append(note)
                super().keep(tenant_id, note)

        store = MemoryStore()
        async with running(store, evidence=evidence(Counting())) as engine:
            await engine.append((said("hello"),))
            first = await covering(engine, store.next_position("acme"))
            await asyncio.sleep(0.03)
            assert await engine.signing().sign_now("acme") == first
        assert signatures == [first.note]
        assert store.checkpoints("acme") == [first]

    run(story())


def test_many_events_are_signed_before_the_interval_ends() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store, evidence=evidence(interval_ms=60_000, events=3)) as engine:
            await engine.append((said("1"),))
            await asyncio.sleep(0.02)
            await engine.append((said("2"), said("3"), said("4")))
            signed = await covering(engine, store.next_position("acme"))
            assert signed.size == store.next_position("acme")

    run(story())


def test_an_interval_of_nought_signs_only_when_asked() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store, evidence=evidence(interval_ms=0)) as engine:
            await engine.append((said("hello"),))
            await asyncio.sleep(0.03)
            with pytest.raises(CheckpointUnknown):
                await engine.signing().latest("acme")
            signed = await engine.signing().sign_now("acme")
            assert signed.size == store.next_position("acme")
        assert store.newest_checkpoint("acme") == signed

    run(story())


class Order(StubbornStore):
    """Notes in which order things became durable, signed and seen."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, int]] = []

    def grow(self, *growths: Growth) -> None:
        for growth in growths:
            for row in growth.checkpoints:
                if not row.note:
                    assert row.size <= self.next_position(growth.tenant_id)
                self.seen.append(("note" if row.note else "root", row.size))
        super().grow(*growths)


def test_the_order_is_commit_root_store_sign_publish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aegisd.engine.signed_log.GUARD_SECONDS", 0)

    async def story() -> None:
        store = Order()

        class Signing(MemoryGuard):
            def keep(self, tenant_id: str, note: str) -> None:
                store.seen.append(("published", checkpoint.read(note)[0].size))
                super().keep(tenant_id, note)

        async with running(store, evidence=evidence(Signing())) as engine:
            for number in range(3):
                await engine.append((said(str(number)),))
                await covering(engine, store.next_position("acme"))
        sizes = sorted({size for _what, size in store.seen})
        for size in sizes:
            moments = [what for what, each in store.seen if each == size]
            assert moments == ["root", "published", "note"]
        rows = store.checkpoints("acme")
        assert [row.size for row in rows] == sizes
        assert all(row.note for row in rows)

    run(story())


@pytest.mark.parametrize("fault", [StoreFailed("full"), SigningFailed("vault")])
def test_a_checkpoint_that_fails_is_made_later_and_denies_nobody(fault: Exception) -> None:
    async def story() -> None:
        store = MemoryStore()
        faults = [fault, fault]
        kept = threading.Event()

        class Failing(MemoryGuard):
            def keep(self, tenant_id: str, note: str) -> None:
                if faults:
                    raise faults.pop()
                super().keep(tenant_id, note)
                kept.set()

        async with running(store, evidence=evidence(Failing())) as engine:
            await engine.append((said("hello"),))
            await engine.append((said("still here"),))
            assert (await covering(engine, store.next_position("acme"))).note
            assert await asyncio.to_thread(kept.wait, 5)

    run(story())


def test_a_disk_that_fails_under_a_checkpoint_ends_the_process() -> None:
    async def story() -> None:
        told: asyncio.Queue[str] = asyncio.Queue()

        class Broken(MemoryStore):
            def grow(self, *growths: Growth) -> None:
                raise StoreBroken("I/O error")

        async with running(Broken(), evidence=evidence(), on_fatal=told.put_nowait) as engine:
            await engine.append((said("hello"),))
            assert "I/O error" in await told.get()

    run(story())


def test_a_guard_is_not_written_for_each_checkpoint_of_a_log_that_grows_fast(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("aegisd.engine.checkpoints.PAUSE_MS", 0)
    monkeypatch.setattr("aegisd.engine.signed_log.GUARD_SECONDS", 60)

    async def story() -> None:
        kept: list[str] = []

        class Counting(MemoryGuard):
            def keep(self, tenant_id: str, note: str) -> None:
                kept.append(note)
                super().keep(tenant_id, note)

        store, guard = MemoryStore(), Counting()
        async with running(store, evidence=evidence(guard, interval_ms=60_000, events=1)) as engine:
            for number in range(20):
                await engine.append((said(str(number)),))
                await covering(engine, store.next_position("acme"))
            assert len(kept) == 1 < len(store.checkpoints("acme"))
            newest = engine.newest_checkpoint("acme")
        assert kept[-1] == guard.notes["acme"] == newest

    run(story())


def test_a_log_that_grows_fast_is_not_signed_at_each_commit() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store, evidence=evidence(events=1)) as engine:
            for number in range(100):
                await engine.append((said(str(number)),))
            signed = await covering(engine, store.next_position("acme"))
            assert signed.root == root_of(store, signed.size)
        assert len(store.checkpoints("acme")) < 20

    run(story())


@pytest.mark.parametrize("most", [0, 1, 2, 3, 1000])
def test_hashes_that_are_not_at_hand_are_read_from_the_log(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("aegisd.engine.checkpoints.FRESH_MAX", most)

    async def story() -> None:
        store = MemoryStore()
        async with running(store, evidence=evidence(interval_ms=20)) as engine:
            for turn in range(4):
                for number in range(turn + 1):
                    await engine.append((said(str(number)), said("more")))
                signed = await covering(engine, store.next_position("acme"))
                assert signed.root == root_of(store, signed.size)

    run(story())


def test_an_orderly_end_covers_and_stores_everything() -> None:
    async def story() -> None:
        guard, store = MemoryGuard(), MemoryStore()
        async with running(store, evidence=evidence(guard, interval_ms=60_000)) as engine:
            await engine.append((said("hello"),))
        newest = store.newest_checkpoint("acme")
        assert newest is not None
        assert newest.size == store.next_position("acme")
        assert newest.note == guard.notes["acme"]

    run(story())


def test_a_log_that_nobody_signs_says_so() -> None:
    async def story() -> None:
        async with running(MemoryStore()) as engine:
            await engine.append((said("hello"),))
            assert engine.newest_checkpoint("acme") is None
            with pytest.raises(CheckpointUnknown):
                engine.signing()

    run(story())


def test_evidence_has_the_window_of_the_documentation() -> None:
    told = Signing(signer=signer(), guard=MemoryGuard())
    assert (told.interval_ms, told.events) == (1000, 256)


def test_the_end_signs_many_tenants_in_few_commits_and_leaves_the_rest_to_the_next_start(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    names = [f"t{number}" for number in range(20)]

    async def story(seconds: float, *, stays: bool) -> list[bool]:
        monkeypatch.setattr("aegisd.engine.checkpoints.FINISH_SECONDS_MAX", seconds)
        guard, store = MemoryGuard(), Order()
        async with running(store, evidence=evidence(guard, interval_ms=60_000)) as engine:
            for name in names:
                await engine.append((proposal("USER_MESSAGE", {"content": 1}, tenant_id=name),))
        notes = [what for what, _size in store.seen]
        monkeypatch.setattr("aegisd.engine.checkpoints.FINISH_SECONDS_MAX", 60)
        if stays:
            async with running(store, evidence=evidence(guard)) as engine:
                while set(guard.notes) != set(names):  # noqa: ASYNC110 - a thread keeps them
                    await asyncio.sleep(0.002)
        assert notes == ([] if stays else ["root"] * 20 + ["note"] * 20)
        signed = [store.newest_checkpoint(name) for name in names]
        return [row is not None and row.note == guard.notes[row.tenant_id] for row in signed]

    assert all(run(story(60, stays=False)))
    assert caplog.messages == []
    assert all(run(story(-1, stays=True)))
    assert "the logs of 20 tenants are not signed to their end" in caplog.messages[0]

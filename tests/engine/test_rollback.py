"""A start on a log that is not the one that was signed."""

import asyncio

import msgspec
import pytest

from aegisd import compose
from aegisd.core.errors import ConfigInvalid, LogCorrupt, LogRolledBack
from aegisd.core.log import checkpoint
from aegisd.core.log.envelope import StoredEvent, unseal
from aegisd.core.log.merkle import Tree
from aegisd.core.shapes.identifier import CONTROL_SESSION
from aegisd.rows import Batch, Checkpoint, Growth
from aegisd.signing import ed25519
from aegisd.store.memory import MemoryStore
from tests.core.gate import ScriptedJudge, manifest
from tests.engine.world import (
    LOG_NAME,
    ManualClock,
    MemoryGuard,
    configured,
    evidence,
    ignore,
    log_of,
    run,
    running,
    said,
    signer,
)


async def recorded(store: MemoryStore, guard: MemoryGuard, *texts: str, seed: int = 1) -> None:
    """Record some events and sign them."""
    async with running(store, evidence=evidence(guard, interval_ms=0, seed=seed)) as engine:
        for text in texts:
            await engine.append((said(text),))
        await engine.signing().sign_now("acme")


def first_events(store: MemoryStore, count: int) -> MemoryStore:
    """A store as an older backup has it."""
    events = list(store.events("acme", limit=count))
    older = MemoryStore()
    documents = tuple(store._documents.values())
    older.append(Batch(tenant_id="acme", first_position=0, events=events, documents=documents))
    return older


def acts(store: MemoryStore) -> list[StoredEvent]:
    return list(store.session_events("acme", CONTROL_SESSION))


def test_the_log_that_was_signed_starts() -> None:
    async def story() -> None:
        guard, store = MemoryGuard(), MemoryStore()
        await recorded(store, guard, "1", "2")
        await recorded(store, guard, "3")
        assert checkpoint.read(guard.notes["acme"])[0].size == store.next_position("acme")

    run(story())


@pytest.mark.parametrize("left", [0, 1, 3])
def test_a_shorter_log_is_refused_and_says_both_sizes(left: int) -> None:
    async def story() -> None:
        guard, store = MemoryGuard(), MemoryStore()
        await recorded(store, guard, "1", "2", "3")
        size = store.next_position("acme")
        older = first_events(store, left) if left else MemoryStore()
        with pytest.raises(LogRolledBack) as caught:
            async with running(older, evidence=evidence(guard)):
                pass
        assert caught.value.details == {"tenant_id": "acme", "signed": size, "found": left}
        assert "--accept-rollback" in caught.value.message
        assert older.next_position("acme") == left
        assert checkpoint.read(guard.notes["acme"])[0].size == size

    run(story())


def test_another_log_of_the_same_length_is_refused() -> None:
    async def story() -> None:
        guard, store, other = MemoryGuard(), MemoryStore(), MemoryStore()
        await recorded(store, guard, "1", "2")
        await recorded(other, MemoryGuard(), "1", "changed", "3")
        with pytest.raises(LogRolledBack, match="not those"):
            async with running(other, evidence=evidence(guard)):
                pass

    run(story())


def test_an_accepted_rollback_is_recorded_and_the_old_checkpoint_kept_aside() -> None:
    async def story() -> None:
        guard, store = MemoryGuard(), MemoryStore()
        await recorded(store, guard, "1", "2", "3")
        note = guard.notes["acme"]
        older = first_events(store, 4)
        async with running(older, evidence=evidence(guard), accept_rollback=True) as engine:
            await engine.append((said("after"),))
        told = unseal(acts(older)[-1].body)
        assert told.event_type == "ROLLBACK_ACCEPTED"
        assert bytes(told.payload).count(b'"signed":%d' % checkpoint.read(note)[0].size) == 1
        assert guard.aside == [note]
        assert checkpoint.read(guard.notes["acme"])[0].size == older.next_position("acme")
        log_of(older)
        async with running(older, evidence=evidence(guard)):
            pass
        assert len([each for each in acts(older) if "ROLLBACK" in each.event_type]) == 1

    run(story())


def test_accepting_changes_nothing_where_nothing_was_rolled_back() -> None:
    async def story() -> None:
        guard, store = MemoryGuard(), MemoryStore()
        await recorded(store, guard, "1")
        before = len(acts(store))
        async with running(store, evidence=evidence(guard), accept_rollback=True):
            pass
        assert len(acts(store)) == before
        assert guard.aside == []

    run(story())


def test_a_log_that_contradicts_its_own_checkpoints_is_never_accepted() -> None:
    async def story() -> None:
        store = MemoryStore()
        await recorded(store, MemoryGuard(), "1")
        wrong = Checkpoint(tenant_id="acme", size=2, root=bytes(32))
        fresh = first_events(store, 3)
        fresh.grow(Growth(tenant_id="acme", first_block=0, checkpoints=(wrong,)))
        for accept in (False, True):
            with pytest.raises(LogRolledBack):
                async with running(fresh, evidence=evidence(MemoryGuard()), accept_rollback=accept):
                    pass

    run(story())


def test_checkpoints_of_another_log_stop_the_start() -> None:
    async def story() -> None:
        guard, store = MemoryGuard(), MemoryStore()
        await recorded(store, guard, "1")
        stranger = signer(2)
        stranger.log_name = "other.example.com"
        strange = evidence(guard)
        for told in (
            evidence(MemoryGuard()),
            strange,
        ):
            changed = type(told)(signer=stranger, guard=told.guard)
            with pytest.raises(ConfigInvalid, match="another log"):
                async with running(store, evidence=changed):
                    pass

    run(story())


@pytest.mark.parametrize("note", ["", "nonsense", "a\n1\nb\n\n— a AAAAAAAA\n"])
def test_a_kept_checkpoint_that_is_none_stops_the_start(note: str) -> None:
    async def story() -> None:
        guard, store = MemoryGuard(), MemoryStore()
        await recorded(store, guard, "1")
        guard.notes["acme"] = note
        with pytest.raises(ConfigInvalid, match="kept checkpoint"):
            async with running(store, evidence=evidence(guard)):
                pass

    run(story())


def test_another_key_is_recorded_once() -> None:
    async def story() -> None:
        guard, store = MemoryGuard(), MemoryStore()
        await recorded(store, guard, "1")
        for _ in range(2):
            await recorded(store, guard, "2", seed=2)
        changes = [each for each in acts(store) if each.event_type == "SIGNING_KEYS_CHANGED"]
        assert len(changes) == 1
        assert str(signer(2).keys(0)[0]) in changes[0].body.decode()

    run(story())


def test_another_key_is_recorded_where_the_note_of_the_newest_checkpoint_was_lost() -> None:
    async def story() -> None:
        guard, store = MemoryGuard(), MemoryStore()
        await recorded(store, guard, "1")
        await recorded(store, guard, "2")
        newest = store.newest_checkpoint("acme")
        assert newest is not None
        kept = store._tree("acme").checkpoints
        kept[newest.size] = msgspec.structs.replace(newest, note="")
        await recorded(store, guard, "3", seed=2)
        changes = [each for each in acts(store) if each.event_type == "SIGNING_KEYS_CHANGED"]
        assert len(changes) == 1

    run(story())


def test_an_acceptance_that_was_not_recorded_leaves_the_guard_as_it_was() -> None:
    async def story() -> None:
        guard, store = MemoryGuard(), MemoryStore()
        await recorded(store, guard, "1", "2", "3")
        note, older = guard.notes["acme"], first_events(store, 4)
        refused = compose.engine(
            older,
            ScriptedJudge(),
            configured(manifest(zone="Nowhere")),
            clock=ManualClock(),
            on_fatal=ignore,
            signing=evidence(guard),
        )
        with pytest.raises(ConfigInvalid):
            await refused.start(accept_rollback=True)
        await refused.stop()
        assert (guard.notes["acme"], guard.aside) == (note, [])
        with pytest.raises(LogRolledBack):
            async with running(older, evidence=evidence(guard)):
                pass

    run(story())


def test_a_checkpoint_that_somebody_else_wrote_is_never_shown() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store) as engine:
            await engine.append((said("1"),))
        size = store.next_position("acme")
        tree = Tree()
        tree.extend([event.hash for event in store.events("acme")])
        named = f"{LOG_NAME}/acme"
        text = checkpoint.TreeHead(origin=named, size=size, root=tree.root()).text
        forged = signer(9).sign(named, text, 0)
        for number, note in enumerate(("garbage", forged)):
            copy = first_events(store, size)
            row = Checkpoint(tenant_id="acme", size=size, root=tree.root(), note=note)
            copy.grow(Growth(tenant_id="acme", first_block=0, checkpoints=(row,)))
            told = evidence(MemoryGuard(), interval_ms=0)
            if number == 0:
                with pytest.raises(LogCorrupt):
                    async with running(copy, evidence=told):
                        pass
                continue
            async with running(copy, evidence=told) as engine:
                newest = await engine.signing().latest("acme")
                checkpoint.verify(newest.note, signer().keys(0), ed25519.check)
                assert newest.note != forged

    run(story())


def test_a_guard_that_was_emptied_is_told_and_filled_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        guard, store = MemoryGuard(), MemoryStore()
        await recorded(store, guard, "1")
        await recorded(store, guard, "2")
        note = guard.notes.pop("acme")
        async with running(store, evidence=evidence(guard)):
            while "acme" not in guard.notes:  # noqa: ASYNC110 - another thread fills it
                await asyncio.sleep(0.002)
        assert guard.notes["acme"] == note

    run(story())
    assert "a rollback before this start would not show" in caplog.text


def test_what_a_crash_left_uncovered_is_signed_after_the_start() -> None:
    async def story() -> None:
        guard, store = MemoryGuard(), MemoryStore()
        await recorded(store, guard, "1")
        async with running(store) as unsigned:
            await unsigned.append((said("2"),))
        size = store.next_position("acme")
        async with running(store, evidence=evidence(guard)):
            while checkpoint.read(guard.notes["acme"])[0].size < size:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.002)

    run(story())

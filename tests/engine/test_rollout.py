"""A start with another manifest serves at once, and decides nothing under the one before it."""

import asyncio

import pytest

from aegisd.core.errors import ConfigInvalid, StoreFailed
from aegisd.engine import rollout
from aegisd.engine.engine import Engine
from aegisd.engine.rollout import RolloutProgress
from aegisd.store.memory import MemoryStore
from tests.core.gate import manifest, proposal
from tests.engine.world import (
    STRICT,
    StubbornStore,
    codes,
    configured,
    log_of,
    outcome,
    run,
    running,
)

TENANTS = ("a", "b", "c", "d")


@pytest.fixture(autouse=True)
def none_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few there are, they are left to the background."""
    monkeypatch.setattr(rollout, "AT_START_MAX", 0)
    monkeypatch.setattr(rollout, "RETRY_SECONDS", 0.001)


async def _nobody(_self: object, _submit: object) -> None:
    """A background that comes to nothing."""


async def filled(store: MemoryStore) -> None:
    """A log of each tenant under the open manifest."""
    async with running(store) as engine:
        for tenant_id in TENANTS:
            await engine.append((proposal(tenant_id=tenant_id),))


async def written(engine: Engine) -> None:
    while engine.progress().done < engine.progress().tenants:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.002)


def acts(store: MemoryStore, tenant_id: str) -> list[str]:
    """The types of a tenant's events behind its first decision."""
    return [event.event_type for event in log_of(store, tenant_id)[4:]]


def test_who_is_asked_is_decided_under_what_the_start_names_before_anybody_else_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rollout.Rollout, "_work", _nobody)

    async def story() -> None:
        store = StubbornStore()
        await filled(store)
        async with running(store, told=configured(STRICT)) as engine:
            assert engine.progress() == RolloutProgress(tenants=4, done=0)
            # A commit that fails takes what was due with it, and the next one brings it again.
            store.faults.append(StoreFailed("full"))
            asked = proposal(tenant_id="c")
            told = await asyncio.gather(engine.append((asked,)), return_exceptions=True)
            assert codes(told) == ["log_unavailable"]
            (answer,) = await engine.append((asked,))
            assert outcome(answer) == "PERMISSION_UNDECLARED"
            assert engine.progress() == RolloutProgress(tenants=4, done=1)
        assert [event.event_type for event in store.batches[-1].events] == [
            "MANIFEST_REGISTERED",
            "TOOL_CALL_PROPOSED",
            "POLICY_DECISION",
        ]
        assert acts(store, "a") == []

    run(story())


def test_what_nobody_asks_for_is_written_in_the_background_and_over_as_many_starts_as_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        store = StubbornStore()
        await filled(store)
        with monkeypatch.context() as patched:
            patched.setattr(rollout.Rollout, "_work", _nobody)
            async with running(store, told=configured(STRICT)) as engine:
                await engine.append((proposal(tenant_id="c"),))
        async with running(store, told=configured(STRICT)) as engine:
            assert engine.progress().tenants == 3
            store.faults.append(StoreFailed("full"))
            await written(engine)
        for tenant_id in TENANTS:
            assert acts(store, tenant_id).count("MANIFEST_REGISTERED") == 1
        async with running(store, told=configured(STRICT)) as engine:
            assert engine.progress() == RolloutProgress(tenants=0, done=0)

    run(story())


def test_what_somebody_else_put_in_force_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    other = manifest(name="other")

    async def story() -> None:
        store = MemoryStore()
        await filled(store)
        work = rollout.Rollout._work
        monkeypatch.setattr(rollout.Rollout, "_work", _nobody)
        async with running(store, told=configured(STRICT)) as engine:
            # As another daemon on the same log would, which knows nothing of this start.
            held, engine._rollout._pending = dict(engine._rollout._pending), {}
            await engine.register_manifest("b", other, author="ann", reason="hers")
            engine._rollout._pending = held
            await work(engine._rollout, engine._submit)
            assert engine.progress().done == 4
            active = (await engine.reads.tenant("b")).activations.manifest
            assert active is not None
            assert (active.author, active.digest) == ("ann", other.digest)

    run(story())


def test_a_start_that_is_refused_for_one_has_written_nothing_for_another() -> None:
    async def story() -> None:
        store = MemoryStore()
        await filled(store)
        async with running(store) as engine:
            await engine.register_manifest("d", manifest(name="hers"), author="ann", reason="hers")
        before = [log_of(store, tenant_id) for tenant_id in TENANTS]
        with pytest.raises(ConfigInvalid, match="tenant d"):
            async with running(store, told=configured(STRICT)):
                pass
        assert [log_of(store, tenant_id) for tenant_id in TENANTS] == before

    run(story())

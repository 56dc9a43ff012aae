"""What a start puts in force, and what it refuses, given what operators did before."""

import pytest

from aegisd.core.errors import ConfigInvalid
from aegisd.engine.configured import Configured
from aegisd.engine.engine import Engine
from aegisd.store.memory import MemoryStore
from tests.core.gate import BUNDLE, ScriptedJudge, digest, manifest, proposal
from tests.engine.world import (
    ANNS,
    OPEN,
    OTHER,
    STRICT,
    configured,
    judge_of_both,
    log_of,
    run,
    running,
)


async def acts(engine: Engine) -> list[tuple[str, str, str]]:
    """What operators did: (event type, author, digest) in order."""
    events = await engine.reads.apart(lambda: list(engine.reads.rows("acme", "$control", 0)))
    bodies = [event.body.decode() for event in events]
    return [
        (event.event_type, field(body, "author"), field(body, "digest"))
        for event, body in zip(events, bodies, strict=True)
    ]


def field(body: str, name: str) -> str:
    return body.partition(f'"{name}":"')[2].partition('"')[0]


BUNDLE_ACT = ("POLICY_ACTIVATED", "config", digest(BUNDLE))
OPEN_ACT = ("MANIFEST_REGISTERED", "config", OPEN.digest)


def starts(*told: Configured | str) -> list[tuple[str, str, str]]:
    """Start one log under each configuration in turn, an event each; give what operators did.

    A word instead is an act of the operator ann while the last one still runs.
    """

    async def story() -> list[tuple[str, str, str]]:
        store, judge = MemoryStore(), judge_of_both()
        found: list[tuple[str, str, str]] = []
        waiting = list(told)
        while waiting:
            named = waiting.pop(0)
            assert isinstance(named, Configured)
            async with running(store, judge=judge, told=named) as engine:
                await engine.append((proposal("USER_MESSAGE", {"content": 1}),))
                while waiting and isinstance(waiting[0], str):
                    await act(engine, str(waiting.pop(0)))
                found = await acts(engine)
            log_of(store)
        return found

    return run(story())


async def act(engine: Engine, what: str) -> None:
    if what == "manifest":
        await engine.register_manifest("acme", STRICT, author="ann", reason="r")
    else:
        await engine.activate_policy("acme", ANNS, author="ann", reason="r")


def test_a_tenants_first_touch_puts_the_configuration_in_force() -> None:
    assert starts(configured()) == [BUNDLE_ACT, OPEN_ACT]
    assert starts(configured(None)) == [BUNDLE_ACT]


def test_a_start_with_the_same_configuration_writes_nothing() -> None:
    assert starts(configured(), configured()) == [BUNDLE_ACT, OPEN_ACT]


def test_a_start_with_another_configuration_puts_it_in_force_where_config_was_the_last_author() -> (
    None
):
    other = configured(STRICT, bundle=OTHER, policy_named=True)
    assert starts(configured(), other, configured()) == [
        BUNDLE_ACT,
        OPEN_ACT,
        ("POLICY_ACTIVATED", "config", digest(OTHER)),
        ("MANIFEST_REGISTERED", "config", STRICT.digest),
        BUNDLE_ACT,
        OPEN_ACT,
    ]


def test_a_manifest_is_put_in_force_where_there_was_none_and_stays_where_none_is_named() -> None:
    assert starts(configured(None), configured(), configured(None)) == [BUNDLE_ACT, OPEN_ACT]


def test_after_an_operators_manifest_a_start_that_names_another_is_refused() -> None:
    with pytest.raises(ConfigInvalid) as raised:
        starts(configured(), "manifest", configured())
    for word in (OPEN.digest, STRICT.digest, "ann", "manifest register FILE --tenant acme"):
        assert word in raised.value.message
    done = [BUNDLE_ACT, OPEN_ACT, ("MANIFEST_REGISTERED", "ann", STRICT.digest)]
    assert starts(configured(), "manifest", configured(None)) == done
    assert starts(configured(), "manifest", configured(STRICT)) == done


def test_after_an_operators_policy_only_a_start_that_names_another_is_refused() -> None:
    anns = digest(ScriptedJudge().bundle(ANNS))
    done = [BUNDLE_ACT, OPEN_ACT, ("POLICY_ACTIVATED", "ann", anns)]
    assert starts(configured(), "policy", configured()) == done
    with pytest.raises(ConfigInvalid) as raised:
        starts(configured(), "policy", configured(bundle=OTHER, policy_named=True))
    for word in (digest(OTHER), anns, "ann", "policy activate FOLDER --tenant acme"):
        assert word in raised.value.message


def test_a_start_that_is_refused_for_one_tenant_writes_nothing_for_any() -> None:
    async def story() -> None:
        store, judge = MemoryStore(), judge_of_both()
        async with running(store, judge=judge) as engine:
            for tenant_id in ("a", "b"):
                await engine.append((proposal(tenant_id=tenant_id),))
            await engine.register_manifest("b", STRICT, author="ann", reason="r")
        before = [store.next_position(tenant_id) for tenant_id in ("a", "b")]
        other = manifest(name="third")
        with pytest.raises(ConfigInvalid, match="tenant b"):
            async with running(store, judge=judge, told=configured(other)):
                pass
        assert [store.next_position(tenant_id) for tenant_id in ("a", "b")] == before

    run(story())


def test_a_start_with_a_manifest_in_an_unknown_zone_is_refused() -> None:
    async def story() -> None:
        with pytest.raises(ConfigInvalid, match="zone"):
            async with running(MemoryStore(), told=configured(manifest(zone="Nowhere"))):
                pass

    run(story())


def test_a_start_may_leave_what_somebody_registered_and_serve_all_others_as_it_names() -> None:
    async def story() -> None:
        store, judge = MemoryStore(), judge_of_both()
        async with running(store, judge=judge) as engine:
            for tenant_id in ("a", "b"):
                await engine.append((proposal(tenant_id=tenant_id),))
            await engine.register_manifest("b", STRICT, author="ann", reason="r")
        third = manifest(name="third")
        async with running(
            store, judge=judge, told=configured(third), keep_registered=True
        ) as again:
            for tenant_id, in_force in (("a", third.digest), ("b", STRICT.digest)):
                active = (await again.reads.tenant(tenant_id)).activations.manifest
                assert active is not None
                assert active.digest == in_force

    run(story())

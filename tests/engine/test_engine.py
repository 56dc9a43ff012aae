"""The gate as doors see it: what is in force, and what is read."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from aegisd.core.errors import LogCorrupt, ManifestInvalid, SessionUnknown
from aegisd.engine import engine as engine_module
from aegisd.store.memory import MemoryStore
from aegisd.store.sqlite.store import SqliteStore
from tests.core.gate import (
    digest,
    manifest,
    proposal,
    tool,
)
from tests.engine.world import (
    ANNS,
    OPEN,
    STRICT,
    codes,
    denying,
    judge_of_both,
    log_of,
    outcome,
    run,
    running,
)
from tests.patience import PATIENCE_S


def test_an_operators_act_is_in_force_from_the_next_decision_on() -> None:
    async def story() -> list[str]:
        async with running(MemoryStore(), judge=judge_of_both()) as engine:
            told = [await engine.append((tool("pay"),))]
            await engine.register_manifest("acme", STRICT, author="ann", reason="r")
            told.append(await engine.append((tool("pay"),)))
            await engine.register_manifest("acme", OPEN, author="ann", reason="r")
            told.append(await engine.append((tool("read_file"),)))
            engine._judge.rules[digest(engine._judge.bundle(ANNS))] = denying  # type: ignore[attr-defined]  # a scripted judge
            await engine.activate_policy("acme", ANNS, author="ann", reason="r")
            told.append(await engine.append((tool("read_file"),)))
            return [outcome(answers[0]) for answers in told]

    assert run(story()) == ["APPROVAL_REQUIRED", "PERMISSION_UNDECLARED", "allow", "POLICY_DENY"]


def test_a_manifest_in_a_zone_that_this_machine_does_not_know_is_refused() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store) as engine:
            held = manifest(zone="Nowhere")
            with pytest.raises(ManifestInvalid):
                await engine.register_manifest("acme", held, author="ann", reason="r")
            assert log_of(store) == []

    run(story())


def test_a_log_that_does_not_hold_stops_the_start() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store) as engine:
            await engine.append((proposal(),))
        store._snapshots.clear()
        store._tenants["acme"].events.pop(1)
        with pytest.raises(LogCorrupt, match="position 1"):
            async with running(store):
                pass

    run(story())


def test_a_start_counts_tenants_and_leaves_archives_alone() -> None:
    async def story() -> int:
        store = MemoryStore()
        async with running(store) as engine:
            for tenant_id in ("a", "b"):
                await engine.append((proposal(tenant_id=tenant_id),))
        archive = store._tenants["$archive-x"] = store._tenants["a"]
        archive.events[0] = archive.events[1]
        del store._tenants["a"]
        async with running(store) as engine:
            return (await engine.start()).tenants

    assert run(story()) == 1


def test_a_check_answers_like_the_gate_and_records_nothing() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store) as engine:
            await engine.append((proposal("USER_MESSAGE", {"content": 1}),))
            before = len(log_of(store))
            told = [await engine.check(tool(name)) for name in ("read_file", "pay", "nobody")]
            assert [verdict and verdict.reason for verdict in told] == [
                "OK",
                "APPROVAL_REQUIRED",
                "PERMISSION_UNDECLARED",
            ]
            assert await engine.check(proposal("USER_MESSAGE", {"content": 1})) is None
            assert len(log_of(store)) == before

    run(story())


def test_a_check_of_a_new_tenant_records_nothing() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store) as engine:
            with pytest.raises(SessionUnknown):
                await engine.check(tool("read_file"))
            assert store.tenants() == []

    run(story())


def test_after_its_end_an_engine_answers_nothing() -> None:
    async def story() -> None:
        async with running(MemoryStore()) as engine:
            await engine.append((proposal(),))
        told = await asyncio.gather(
            engine.append((proposal(),)),
            engine.append((proposal(tenant_id="new"),)),
            engine.check(proposal()),
            engine.reads.session("acme", "s1"),
            engine.reads.ready(),
            engine.activate_policy("acme", {}, author="ada", reason="late"),
            return_exceptions=True,
        )
        assert codes(told) == ["stopping"] * 6

    run(story())


def test_a_log_that_is_taken_away_ends_an_engine_that_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "WATCH_SECONDS", 0.01)

    async def story() -> str:
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        with closing(SqliteStore(str(tmp_path / "aegis.db"))) as store:
            async with running(store, on_fatal=told.set_result) as engine:
                await engine.append((proposal(),))
                (tmp_path / "aegis.db-wal").unlink()
                return await asyncio.wait_for(told, PATIENCE_S)

    assert "aegis.db-wal was moved or deleted" in run(story())

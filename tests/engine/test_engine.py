"""The gate as doors see it: what is in force, what is read, and what a what-if may touch."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from aegisd.core.capabilities import NONE, Capabilities
from aegisd.core.errors import (
    ConfigInvalid,
    EvaluatorStuck,
    LogCorrupt,
    ManifestInvalid,
    NotFound,
    SessionUnknown,
    Stopping,
)
from aegisd.core.policy.input import Snapshot
from aegisd.engine import evaluation
from aegisd.engine.configured import Configured
from aegisd.engine.engine import Engine
from aegisd.store.memory import MemoryStore
from tests.core.gate import (
    BUNDLE,
    Json,
    ScriptedJudge,
    base,
    claim,
    digest,
    manifest,
    proposal,
    says,
    tool,
)
from tests.engine.world import (
    OPEN,
    StubbornStore,
    codes,
    configured,
    log_of,
    outcome,
    run,
    running,
)
from tests.patience import PATIENCE_S

STRICT = manifest(name="strict", tools={})
ANNS = {"rules/ann.py": "ann"}
OTHER = b'{"files":{"rules/other.py":"other"}}'


def denying(given: Json, held: Json) -> Json:
    said = base(given, held)
    said["deny"].append(claim("POLICY_DENY"))
    return said


def judge_of_both() -> ScriptedJudge:
    return ScriptedJudge({BUNDLE: base, OTHER: denying})


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


# ── what is in force ─────────────────────────────────────────────────────────────────────────────


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
    for word in (OPEN.digest, STRICT.digest, "ann", "--manifest"):
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
    for word in (digest(OTHER), anns, "ann", "--policy"):
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


def test_a_start_with_a_manifest_in_an_unknown_zone_is_refused() -> None:
    async def story() -> None:
        with pytest.raises(ConfigInvalid, match="zone"):
            async with running(MemoryStore(), told=configured(manifest(zone="Nowhere"))):
                pass

    run(story())


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


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


def test_reads_are_of_what_is_durable() -> None:
    async def story() -> None:
        store = StubbornStore()
        async with running(store) as engine:
            await engine.append((tool("read_file"),))
            await store.reached()
            store.door.clear()
            waiting = asyncio.create_task(engine.append((tool("read_file"),)))
            await store.reached()
            assert (await engine.reads.session("acme", "s1")).next_seq == 2
            assert (await engine.reads.tenant("acme")).next_position == 4
            assert (await engine.reads.head("acme", "s1")).seq == 1
            chain, breaks = await engine.reads.verify("acme", "s1")
            assert (chain.events, breaks) == (2, [])
            store.door.set()
            await waiting
            assert (await engine.reads.session("acme", "s1")).next_seq == 4
            await engine.reads.ready()

    run(story())


def test_a_session_without_events_is_unknown_and_not_valid() -> None:
    async def story() -> None:
        async with running(MemoryStore()) as engine:
            await engine.append((proposal(),))
            reads = engine.reads
            for ask in (reads.session, reads.head, reads.verify):
                for tenant_id, session_id in (("acme", "nobody"), ("nobody", "s1")):
                    with pytest.raises(SessionUnknown):
                        await ask(tenant_id, session_id)
            with pytest.raises(SessionUnknown):
                await engine.check(tool("read_file", "nobody"))

    run(story())


def test_a_session_with_a_changed_byte_does_not_verify() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store) as engine:
            await engine.append((proposal(),))
            row = store._tenants["acme"].sessions["s1"][0]
            forged = type(row)(
                **{f: getattr(row, f) for f in row.__struct_fields__}
                | {"body": row.body.replace(b"/workspace", b"/etc")}
            )
            store._tenants["acme"].sessions["s1"][0] = forged
            _, breaks = await engine.reads.verify("acme", "s1")
            assert {(b.seq, b.rule) for b in breaks} == {(0, "hash")}

    run(story())


def test_a_tenant_is_read_while_it_is_written() -> None:
    async def story() -> None:
        async with running(MemoryStore()) as engine:

            async def write() -> None:
                for _ in range(60):
                    await engine.append((tool("read_file"),))

            writing = asyncio.create_task(write())
            seen = 0
            while not writing.done():
                state = await engine.reads.tenant("acme")
                assert state.next_position >= seen
                seen = state.next_position
            await writing

    run(story())


def test_documents_are_had_by_digest_and_kind_and_hashed_again() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store) as engine:
            await engine.append((proposal(),))
            assert await engine.reads.document(OPEN.digest, "manifest") == OPEN.document
            assert await engine.reads.document(digest(BUNDLE), "bundle") == BUNDLE
            key = bytes.fromhex(OPEN.digest)
            kept = store._documents[key]
            store._documents[key] = type(kept)(digest=key, kind="manifest", body=b"{}")
            for asked in (
                (OPEN.digest, "manifest"),
                (digest(BUNDLE), "manifest"),
                ("00" * 32, "bundle"),
            ):
                with pytest.raises(NotFound):
                    await engine.reads.document(*asked)

    run(story())


# ── judging without recording ────────────────────────────────────────────────────────────────────


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


@pytest.mark.parametrize(
    ("counters", "held", "expected"),
    [
        (Snapshot(), OPEN, "OK"),
        (Snapshot(terminated=True), OPEN, "SESSION_TERMINATED"),
        (Snapshot(steps_consumed=1), manifest(budgets={"steps": 1}), "BUDGET_EXCEEDED"),
        (Snapshot(), STRICT, "PERMISSION_UNDECLARED"),
        (Snapshot(), NONE, "PERMISSION_UNDECLARED"),
    ],
)
def test_a_what_if_judges_what_it_was_given_and_touches_nothing(
    counters: Snapshot, held: Capabilities, expected: str
) -> None:
    async def story() -> str:
        store = MemoryStore()
        async with running(store) as engine:
            verdict = await engine.simulate(tool("read_file"), counters, held)
            assert store.tenants() == []
            return verdict.reason

    assert run(story()) == expected


@pytest.mark.parametrize(
    "ask",
    [
        lambda engine: engine.simulate(tool("read_file"), Snapshot(), OPEN),
        lambda engine: engine.activate_policy("acme", {}, author="ann", reason="r"),
    ],
)
def test_what_hangs_outside_a_batch_ends_the_process_too(
    ask: Callable[[Engine], Awaitable[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "EVALUATOR_STUCK_MS_MAX", 100)
    end, reasons = threading.Event(), list[str]()

    class Hanging(ScriptedJudge):
        def bundle(self, files: object) -> bytes:
            end.wait(PATIENCE_S)
            return BUNDLE

    def hang(_given: Json, _held: Json) -> Json:
        end.wait(PATIENCE_S)
        return says()

    async def story() -> None:
        judge = Hanging({BUNDLE: hang})
        async with running(MemoryStore(), judge=judge, on_fatal=reasons.append) as engine:
            with pytest.raises(EvaluatorStuck):
                await ask(engine)
            for late in (engine.append((proposal(),)), engine.reads.ready()):
                with pytest.raises(Stopping):
                    await late
        end.set()

    run(story())
    assert len(reasons) == 1


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
            return_exceptions=True,
        )
        assert codes(told) == ["stopping"] * 5

    run(story())

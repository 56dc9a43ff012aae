"""An operator's rules stand on the base rules of the running build, by an event, or say why not."""

from collections.abc import Mapping

import msgspec
import pytest

from aegisd import compose
from aegisd.core.errors import ConfigInvalid, Outdated, PolicyInvalid
from aegisd.core.log.canonical import encode
from aegisd.core.replay.session import derive_session
from aegisd.core.replay.tenant import derive_tenant
from aegisd.engine.commands.control import Replacement, Settle, manifest_control, policy_control
from aegisd.engine.configured import Configured
from aegisd.engine.engine import Engine, Start
from aegisd.store.memory import MemoryStore
from tests.core.gate import (
    Json,
    Rule,
    ScriptedJudge,
    base,
    claim,
    digest,
    manifest,
    proposal,
    tool,
)
from tests.engine.world import OPEN, SNAPSHOT_KEY, ManualClock, ignore, log_of, outcome, run

ANNS = {"rules/ann.py": "no paying"}


def no_paying(given: Json, held: Json) -> Json:
    """The base rules, and Ann's."""
    said = base(given, held)
    if given.get("call", {}).get("tool") == "pay":
        said["deny"].append(claim("POLICY_DENY"))
    return said


class Build(ScriptedJudge):
    """A build: its base rules are one file, whose name they go by."""

    def __init__(self, generation: int, *, loads: bool = True) -> None:
        super().__init__({})
        self.generation, self.loads = generation, loads
        self.rules_version = f"rules {generation}"
        self.base = {"aegis/base.py": f"base {generation}"}

    def bundle(self, files: Mapping[str, str]) -> bytes:
        return self._known(encode({"files": {**self.base, **files}}))

    def renewed(self, bundle: bytes) -> bytes:
        if not bundle.startswith(b'{"files":{'):
            raise PolicyInvalid("no bundle")
        files = msgspec.json.decode(bundle)["files"]
        kept = {name: text for name, text in files.items() if name.startswith("rules/")}
        body = encode({"files": {**self.base, **kept}})
        return self._known(body) if self.loads or not kept else body

    def problem(self, bundle: bytes) -> str | None:
        return None if digest(bundle) in self.rules else "rules/ann.py:1: no such rule"

    def _known(self, body: bytes) -> bytes:
        rule: Rule = no_paying if b"rules/ann.py" in body else base
        self.rules[digest(body)] = rule
        return body


def configured(judge: Build, files: Mapping[str, str] | None = None) -> Configured:
    return compose.configured(judge, OPEN, files)


class Running:
    """A build on a log, started; an ended one leaves the log to the next."""

    def __init__(self, store: MemoryStore, judge: Build, told: Configured | None = None) -> None:
        self.engine = compose.engine(
            store,
            judge,
            told or configured(judge),
            clock=ManualClock(),
            on_fatal=ignore,
            snapshot_key=SNAPSHOT_KEY,
        )

    async def __aenter__(self) -> tuple[Engine, Start]:
        started = await self.engine.start()
        # What a start says of its clock is another test's matter.
        return self.engine, msgspec.structs.replace(started, clock_ms=0, newest_ms=0)

    async def __aexit__(self, *_: object) -> None:
        await self.engine.stop()


async def anns(store: MemoryStore, judge: Build) -> None:
    """A log in which Ann put her rules in force, on the base rules of a build."""
    async with Running(store, judge) as (engine, _):
        await engine.append((tool("read_file"),))
        await engine.activate_policy("acme", ANNS, author="ann", reason="no paying")


def activations(store: MemoryStore) -> list[tuple[str, int]]:
    """Who activated rules, on base rules of which generation."""
    return [
        (payload["author"], payload["generation"])
        for event in store.session_events("acme", "$control")
        if event.event_type == "POLICY_ACTIVATED"
        for payload in [msgspec.json.decode(event.body)["payload"]]
    ]


def test_a_bundle_with_other_bytes_than_the_log_names_is_not_taken_over() -> None:
    async def story() -> None:
        store, newer = MemoryStore(), Build(2)
        await anns(store, Build(1))
        before = activations(store)
        for key, kept in list(store._documents.items()):
            other = kept.body.replace(b"rules/ann.py", b"rules/bob.py")
            store._documents[key] = msgspec.structs.replace(kept, body=other)
        async with Running(store, newer) as (engine, started):
            assert started == Start(tenants=1)
            assert outcome((await engine.append((tool("read_file"),)))[0]) == "POLICY_ERROR"
        assert activations(store) == before

    run(story())


def test_an_operators_rules_go_on_on_the_base_rules_of_the_running_build() -> None:
    async def story() -> None:
        store, newer = MemoryStore(), Build(2)
        await anns(store, Build(1))
        async with Running(store, newer) as (engine, started):
            assert started == Start(tenants=1, upgraded=("acme",))
            assert outcome((await engine.append((tool("pay"),)))[0]) == "POLICY_DENY"
            tenant = await engine.reads.tenant("acme")
            active = tenant.activations.bundle
            assert active is not None
            assert (active.author, active.generation) == ("upgrade", 2)
            body = await engine.reads.document(active.digest, "bundle")
            assert msgspec.json.decode(body)["files"] == {**newer.base, **ANNS}
        assert activations(store) == [("config", 1), ("ann", 1), ("upgrade", 2)]
        async with Running(store, newer) as (_, started):
            assert started == Start(tenants=1)
        assert activations(store) == [("config", 1), ("ann", 1), ("upgrade", 2)]

    run(story())


def test_rules_that_do_not_load_on_the_new_base_deny_everything_and_replay_so() -> None:
    async def story() -> None:
        store, newer = MemoryStore(), Build(2, loads=False)
        await anns(store, Build(1))
        async with Running(store, newer) as (engine, started):
            assert started.broken == {"acme": "rules/ann.py:1: no such rule"}
            assert outcome((await engine.append((tool("read_file"),)))[0]) == "POLICY_ERROR"
            await engine.activate_policy("acme", {}, author="ann", reason="mended")
            assert outcome((await engine.append((tool("read_file"),)))[0]) == "allow"

    run(story())


def test_what_the_configuration_put_in_force_it_also_renews() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with Running(store, Build(1)) as (engine, _):
            await engine.append((tool("read_file"),))
        async with Running(store, Build(2)) as (_, started):
            assert started == Start(tenants=1)
        assert activations(store) == [("config", 1), ("config", 2)]

    run(story())


def test_the_same_files_named_at_start_are_no_contradiction_on_another_base() -> None:
    async def story() -> None:
        store, newer = MemoryStore(), Build(2)
        await anns(store, Build(1))
        async with Running(store, newer, configured(newer, ANNS)) as (_, started):
            assert started.upgraded == ("acme",)
        with pytest.raises(ConfigInvalid):
            async with Running(store, newer, configured(newer, {"rules/bob.py": "x"})):
                pass

    run(story())


def test_an_older_build_decides_nothing_on_newer_base_rules() -> None:
    async def story() -> None:
        store, older = MemoryStore(), Build(1)
        await anns(store, older)
        async with Running(store, Build(2)):
            pass
        before = len(log_of(store))
        async with Running(store, older) as (engine, started):
            assert started == Start(tenants=1, newer=("acme",))
            for ask in (
                engine.append((tool("read_file"),)),
                engine.check(tool("read_file")),
                engine.activate_policy("acme", {}, author="ann", reason="older"),
            ):
                with pytest.raises(Outdated):
                    await ask
            elsewhere = await engine.append((proposal(tenant_id="else"),))
            assert outcome(elsewhere[0]) == "allow"
        assert len(log_of(store)) == before

    run(story())


def test_what_an_older_build_put_in_force_meanwhile_is_renewed_before_anything_is_decided() -> None:
    """Both serve one log: the newer one has started, and first hears of a tenant by its call."""

    async def story() -> None:
        for act in (False, True):
            store = MemoryStore()
            async with Running(store, Build(2)) as (newer, _):
                async with Running(store, Build(1)) as (older, _):
                    await older.append((tool("read_file"),))
                    if act:
                        await older.activate_policy("acme", ANNS, author="ann", reason="no paying")
                asked = (await newer.append((tool("pay"),)))[0]
                assert outcome(asked) == ("POLICY_DENY" if act else "APPROVAL_REQUIRED")
                last = ("upgrade", 2) if act else ("config", 2)
                assert activations(store)[1 + act :] == [last]
                await newer.append((tool("read_file"),))
                assert activations(store)[-1:] == [last]

    run(story())


def test_what_a_start_found_due_is_dropped_where_somebody_acted_meanwhile() -> None:
    async def story() -> None:
        store, judge = MemoryStore(), Build(1)
        async with Running(store, judge) as (engine, _):
            await engine.append((tool("read_file"),))
            (opened,) = activations(store)
            active = (await engine.reads.tenant("acme")).activations
            assert active.bundle is not None
            act = policy_control(judge.bundle(ANNS), "upgrade", "due", 1)
            for replaced, told in ("0" * 64, []), (active.bundle.digest, [("upgrade", 1)]):
                engine._rollout.begin({"acme": [Replacement(act=act, replaced=replaced)]})
                await engine._submit("acme", Settle())
                assert activations(store) == [opened, *told]
            held = manifest_control(manifest(), "config", "due")
            engine._rollout.begin({"acme": [Replacement(act=held, replaced="0" * 64)]})
            await engine._submit("acme", Settle())
            assert (await engine.reads.tenant("acme")).activations.manifest == active.manifest

    run(story())


def test_a_bundle_that_is_none_or_gone_is_left_as_it_is() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with Running(store, Build(1)) as (engine, _):
            await engine.append((tool("read_file"),))
            await engine.control("acme", policy_control(b"no bundle", "ann", "odd", 1))
        async with Running(store, Build(2)) as (engine, started):
            assert started == Start(tenants=1)
            assert outcome((await engine.append((tool("read_file"),)))[0]) == "POLICY_ERROR"

    run(story())


def test_both_passes_of_a_replay_hold_across_an_upgrade() -> None:
    async def story() -> None:
        store, newer = MemoryStore(), Build(2)
        older = Build(1)
        await anns(store, older)
        async with Running(store, newer) as (engine, _):
            await engine.append((tool("pay"),))
        newer.rules |= older.rules
        newer.documents |= older.documents
        log = log_of(store)
        found = derive_session([e for e in log if e.session_id == "s1"], newer)
        assert (found.decisions, found.compared, found.differences) == (2, 2, [])
        assert derive_tenant(log, newer).differences == []

    run(story())

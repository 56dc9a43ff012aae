"""What an engine is built of: by name, beside the log, or as somebody says."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from aegisd import compose, resources
from aegisd.core.errors import ConfigInvalid, ManifestInvalid
from aegisd.engine.checkpoints import EVENTS_DEFAULT
from aegisd.rego.installation import installation
from aegisd.signing.command import SigningCommand
from aegisd.signing.guard import GuardFolder
from aegisd.signing.keyring import create
from aegisd.store.memory import MemoryStore
from aegisd.store.sqlite.store import SqliteStore
from tests.audit.signed import vkey

QUICKSTART = resources.manifests() / "quickstart.json"
RULE = """package aegis.rules

deny contains {"message": "no", "rule": "no"} if input.call.tool == "x"
"""


def test_a_log_is_signed_by_the_key_and_kept_in_the_guard_beside_it(tmp_path: Path) -> None:
    path = str(tmp_path / "aegis.db")
    with closing(SqliteStore(path)) as store:
        signing = compose.signing(path, store)
        again = compose.signing(path, store)
    assert signing.signer.keys(0) == again.signer.keys(0)
    assert isinstance(signing.guard, GuardFolder)
    assert signing.guard.folder == tmp_path / "aegis.db.checkpoints"
    assert signing.events == EVENTS_DEFAULT
    assert (tmp_path / "aegis.db.key").exists()


def test_a_log_is_signed_by_what_an_operator_names(tmp_path: Path) -> None:
    path, key = str(tmp_path / "aegis.db"), tmp_path / "its.key"
    made = create(key, "log.example")
    with closing(SqliteStore(path)) as store:
        named = compose.signing(
            path, store, key=str(key), guard=str(tmp_path / "kept"), interval_ms=7, events=3
        )
        program = compose.signing(path, store, program=("sign-it", vkey()))
    assert named.signer.keys(0) == made.keys(0)
    assert isinstance(named.guard, GuardFolder)
    assert named.guard.folder == tmp_path / "kept"
    assert (named.interval_ms, named.events) == (7, 3)
    assert isinstance(program.signer, SigningCommand)
    assert not (tmp_path / "aegis.db.key").exists()


def test_rules_that_were_named_are_told_from_none(tmp_path: Path) -> None:
    (tmp_path / "no.rego").write_text(RULE)
    judge = installation().judge(lambda _digest: None)
    assert not compose.configured(judge).policy_named
    nothing, named = compose.configured(judge, policy={}), compose.read_policy(tmp_path)
    assert nothing.policy_named
    assert nothing.bundle == compose.configured(judge).bundle
    assert named == {"no.rego": RULE} == compose.read_policy({"no.rego": RULE})
    assert compose.configured(judge, policy=named).bundle != nothing.bundle


def test_a_manifest_is_a_file_or_its_own_fields(tmp_path: Path) -> None:
    read = compose.read_manifest(QUICKSTART)
    fields = {"schema": "aegis.dev/manifest/v0.2", "name": "a", "version": "1", "publisher": "b"}
    assert compose.read_manifest(str(QUICKSTART)).digest == read.digest
    assert compose.read_manifest(fields).manifest.name == "a"
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        compose.read_manifest(tmp_path / "none.json")
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(ConfigInvalid, match="broken"):
        compose.read_manifest(tmp_path / "broken.json")
    with pytest.raises(ManifestInvalid):
        compose.read_manifest({})


def test_an_engine_is_started_and_ended_by_its_caller() -> None:
    async def story() -> None:
        store = MemoryStore()
        judge = installation().judge(store.document)
        held = compose.read_manifest(QUICKSTART)
        engine = compose.engine(store, judge, compose.configured(judge, held), on_fatal=print)
        await engine.start()
        await engine.stop()
        assert store.tenants() == []

    asyncio.run(story())

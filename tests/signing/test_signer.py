"""Which key a start takes, and when it makes one."""

from pathlib import Path

import pytest

from aegisd.core.errors import ConfigInvalid
from aegisd.core.log.checkpoint import TreeHead, origin
from aegisd.rows import Batch, Checkpoint, Growth
from aegisd.signing import keyring
from aegisd.signing.keyring import Keyring, SigningKey
from aegisd.signing.signer import guard_path, key_path, open_keyring, origin_in
from aegisd.store.memory import MemoryStore
from tests.store.contract import event

LOG = "aegis.example.com/prod"


def signed(store: MemoryStore, size: int, *, note: bool = True) -> None:
    """Keep a checkpoint of tenant acme, signed or about to be."""
    named = origin(LOG, "acme")
    text = TreeHead(origin=named, size=size, root=bytes(32)).text
    told = Keyring(LOG, [SigningKey(seed=bytes(32))]).sign(named, text, 0) if note else ""
    row = Checkpoint(tenant_id="acme", size=size, root=bytes(32), note=told)
    store.grow(Growth(tenant_id="acme", first_block=0, checkpoints=(row,)))


def log() -> MemoryStore:
    store = MemoryStore()
    store.append(Batch(tenant_id="acme", first_position=0, events=[event(0), event(1)]))
    return store


def test_the_files_of_a_log_stand_beside_it() -> None:
    assert key_path(Path("logs/a.db")) == Path("logs/a.db.key")
    assert guard_path(Path("logs/a.db")) == Path("logs/a.db.checkpoints")


def test_a_new_log_gets_a_key_and_a_name_of_its_own(tmp_path: Path) -> None:
    made = {open_keyring(tmp_path / name, lambda: None).log_name for name in ("a", "b")}
    assert len(made) == 2
    assert all(name.startswith("aegis.local/") for name in made)
    assert open_keyring(tmp_path / "a", lambda: None).log_name in made


def test_a_key_that_is_there_is_taken_whatever_was_signed(tmp_path: Path) -> None:
    keyring.create(tmp_path / "k", LOG)
    assert open_keyring(tmp_path / "k", lambda: "other/acme").log_name == LOG


def test_a_log_that_was_signed_gets_no_new_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=f"keys new --log {LOG} --out"):
        open_keyring(tmp_path / "k", lambda: f"{LOG}/acme")
    assert list(tmp_path.iterdir()) == []


def test_what_was_signed_is_seen_also_after_a_kill_before_the_newest_note() -> None:
    store = log()
    assert origin_in(store) is None
    signed(store, 1)
    assert origin_in(store) == f"{LOG}/acme"
    signed(store, 2, note=False)
    assert origin_in(store) == f"{LOG}/acme"


def test_a_root_that_nobody_signed_has_no_origin() -> None:
    store = log()
    signed(store, 1, note=False)
    assert origin_in(store) is None

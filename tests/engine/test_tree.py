"""The tree of a tenant, recovered from what a log keeps of it."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aegisd.core.errors import LogCorrupt, LogRolledBack
from aegisd.core.log.merkle import BLOCK_LEAVES, Tree
from aegisd.engine.tree import Histories, TenantTree
from aegisd.rows import Batch, Checkpoint, Growth
from aegisd.store.memory import MemoryStore
from tests.store.contract import event

END = 2 * BLOCK_LEAVES + 50


def filled(count: int) -> MemoryStore:
    """A log of rows that only have hashes worth looking at."""
    store = MemoryStore()
    rows = [event(number) for number in range(count)]
    if rows:
        store.append(Batch(tenant_id="acme", first_position=0, events=rows))
    return store


def leaves(store: MemoryStore, count: int) -> list[bytes]:
    return [row.hash for row in store.events("acme", limit=count)]


def expected(store: MemoryStore, count: int) -> bytes:
    tree = Tree()
    tree.extend(leaves(store, count))
    return tree.root()


@given(
    first=st.integers(0, END), second=st.integers(0, END), forgotten=st.sampled_from([0, 1, 2, 9])
)
def test_a_recovered_tree_is_the_tree_of_the_whole_log(
    first: int, second: int, forgotten: int
) -> None:
    first, second = sorted((first, second))
    store = filled(first)
    _head, growth = TenantTree(store, "acme").grow()
    if first:
        kept = growth.blocks[: max(0, len(growth.blocks) - forgotten)]
        store.grow(
            Growth(tenant_id="acme", first_block=0, blocks=kept, checkpoints=growth.checkpoints)
        )
    more = [event(number) for number in range(first, second)]
    if more:
        store.append(Batch(tenant_id="acme", first_position=first, events=more))
    tree = TenantTree(store, "acme")
    head, growth = tree.grow()
    assert (head.size, head.root) == (second, expected(store, second))
    assert tree.root_at(first) == expected(store, first)
    missing = Tree()
    missing.extend(leaves(store, second))
    assert list(growth.blocks) == missing.block_roots(growth.first_block)


def test_what_was_kept_is_not_kept_again() -> None:
    store = filled(BLOCK_LEAVES + 1)
    tree = TenantTree(store, "acme")
    _head, growth = tree.grow()
    assert len(growth.blocks) == 1
    tree.kept(growth)
    _head, growth = tree.grow()
    assert (growth.first_block, list(growth.blocks)) == (1, [])


def test_what_is_kept_of_a_tree_is_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    store, histories, read = filled(END), Histories(), list[tuple[int, int]]()

    def hashes(tenant_id: str, *, from_position: int, limit: int) -> list[bytes]:
        read.append((from_position, limit))
        return MemoryStore.hashes(store, tenant_id, from_position=from_position, limit=limit)

    monkeypatch.setattr(store, "hashes", hashes)
    assert histories.root(store, "acme", 10) == expected(store, 10)
    store.grow(TenantTree(store, "acme").grow()[1])
    read.clear()
    assert histories.root(store, "acme", END) == expected(store, END)
    assert read == [(2 * BLOCK_LEAVES, 50)]


def test_a_block_that_is_not_of_this_log_is_found_out() -> None:
    store = filled(BLOCK_LEAVES)
    row = Checkpoint(tenant_id="acme", size=BLOCK_LEAVES, root=expected(store, BLOCK_LEAVES))
    store.grow(Growth(tenant_id="acme", first_block=0, blocks=(bytes(32),), checkpoints=(row,)))
    with pytest.raises(LogRolledBack):
        TenantTree(store, "acme")


def test_a_hash_of_another_length_is_damage() -> None:
    store = MemoryStore()
    rows = [event(0), replace(event(1), hash=hashlib.sha256(b"").digest()[:31])]
    store.append(Batch(tenant_id="acme", first_position=0, events=rows))
    with pytest.raises(LogCorrupt):
        TenantTree(store, "acme").grow()

"""Signing a recorded log as a daemon does, with a key of ours."""

from pathlib import Path

from aegisd.core.log.checkpoint import TreeHead, origin
from aegisd.core.log.merkle import Tree
from aegisd.core.log.note import Key
from aegisd.core.log.proof import Proof
from aegisd.rows import Checkpoint, Growth
from aegisd.signing.keyring import Keyring, SigningKey
from aegisd.store.sqlite.store import SqliteStore

LOG_NAME = "log.example"
RING = Keyring(LOG_NAME, [SigningKey(seed=b"\1" * 32)])
THIEF = Keyring(LOG_NAME, [SigningKey(seed=b"\2" * 32)])


def vkey(ring: Keyring = RING) -> str:
    """The verifier key that speaks for every tenant of the log."""
    (key,) = ring.keys(0)
    return str(key)


def key(ring: Keyring = RING) -> Key:
    """The same, read."""
    return ring.keys(0)[0]


def note(size: int, root: bytes, *, tenant_id: str = "acme", ring: Keyring = RING) -> str:
    """A signed checkpoint."""
    head = TreeHead(origin=origin(LOG_NAME, tenant_id), size=size, root=root)
    return ring.sign(head.origin, head.text, 0)


def _tree(path: Path, tenant_id: str, size: int | None) -> Tree:
    store = SqliteStore(str(path))
    try:
        hashes = store.hashes(tenant_id, from_position=0, limit=1_000_000)[:size]
    finally:
        store.close()
    tree = Tree()
    tree.extend(hashes)
    return tree


def checkpoint(
    path: Path, tenant_id: str = "acme", size: int | None = None, ring: Keyring = RING
) -> Checkpoint:
    """What a daemon would sign of a tenant's first events."""
    tree = _tree(path, tenant_id, size)
    told = note(tree.size, tree.root(), tenant_id=tenant_id, ring=ring)
    return Checkpoint(tenant_id=tenant_id, size=tree.size, root=tree.root(), note=told)


def sign(
    path: Path, tenant_id: str = "acme", size: int | None = None, ring: Keyring = RING
) -> Checkpoint:
    """Sign a tenant's first events, all of them by default, and keep the tree as a daemon does."""
    signed = checkpoint(path, tenant_id, size, ring)
    keep(path, signed, blocks=tuple(_tree(path, tenant_id, size).block_roots(0)))
    return signed


def keep(path: Path, *checkpoints: Checkpoint, blocks: tuple[bytes, ...] = ()) -> None:
    """Keep checkpoints, and the roots of first blocks, in the database."""
    store = SqliteStore(str(path))
    try:
        store.grow(
            Growth(
                tenant_id=checkpoints[0].tenant_id,
                first_block=0,
                blocks=blocks,
                checkpoints=checkpoints,
            )
        )
    finally:
        store.close()


def proved(path: Path, position: int) -> Proof:
    """The proof of one event of tenant acme, under a checkpoint of all of them."""
    signed = checkpoint(path)
    store = SqliteStore(str(path))
    hashes = store.hashes("acme", from_position=0, limit=1_000_000)
    (event,) = store.events("acme", from_position=position, limit=1)
    store.close()
    inside = _tree(path, "acme", None).inclusion(
        position, signed.size, lambda at, count: hashes[at : at + count]
    )
    return Proof(index=position, hashes=tuple(inside), checkpoint=signed.note, extra=event.body)

"""What a checkpoint is made of, each step alone; beside them the commit of the events it covers."""

import os
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aegisd.core.log.checkpoint import TreeHead, origin
from aegisd.core.log.merkle import BLOCK_LEAVES, Tree
from aegisd.rows import Checkpoint, Growth
from aegisd.signing import keyring
from aegisd.signing.guard import GuardFolder
from aegisd.store.sqlite.store import SqliteStore
from benchmarks.rows import batches, sealed

TENANT = "bench"

# Checkpoints made, one over each `BLOCK_LEAVES` events.
CHECKPOINTS = 200

COMMIT = "commit of 256 events, beside"
BARE = "bare: write and fsync of 200 bytes, beside"

# Not a part of a checkpoint.
ASIDE = frozenset({COMMIT, BARE})


def costs(folder: Path) -> Mapping[str, float]:
    """The median of each step in microseconds, per checkpoint over `BLOCK_LEAVES` events."""
    store = SqliteStore(str(folder / "steps.db"))
    signer = keyring.create(folder / "steps.key", "aegis.local/bench")
    guard = GuardFolder(folder / "steps.checkpoints")
    named = origin(signer.log_name, TENANT)
    tree, samples = Tree(), defaultdict[str, list[float]](list)

    @contextmanager
    def step(name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        samples[name].append((time.perf_counter() - started) * 1e6)

    events = sealed(TENANT, CHECKPOINTS * BLOCK_LEAVES)
    for number, batch in enumerate(batches(events, BLOCK_LEAVES)):
        with step(COMMIT):
            store.append(batch)
        with step("read the hashes of 256 events"):
            leaves = store.hashes(TENANT, from_position=batch.first_position, limit=BLOCK_LEAVES)
        with step("grow the tree, take its root"):
            tree.extend(leaves)
            root = tree.root()
        head = Checkpoint(tenant_id=TENANT, size=tree.size, root=root)
        growth = Growth(
            tenant_id=TENANT,
            first_block=number,
            blocks=tree.block_roots(number),
            checkpoints=(head,),
        )
        with step("store the root (commit)"):
            store.grow(growth)
        with step("sign"):
            note = signer.sign(named, TreeHead(origin=named, size=head.size, root=root).text, 0)
        with step("keep it outside (fsync)"):
            guard.keep(TENANT, note)
        with step(BARE):
            _bare_fsync(folder / "bare", note)
    store.close()
    return {name: statistics.median(taken) for name, taken in samples.items()}


def _bare_fsync(path: Path, note: str) -> None:
    with path.open("wb") as file:
        file.write(note.encode())
        file.flush()
        os.fsync(file.fileno())


def total_us(steps: Mapping[str, float]) -> float:
    """What one checkpoint costs in all."""
    return sum(us for name, us in steps.items() if name not in ASIDE)

"""The Merkle tree of each tenant over the log it was recovered from. Blocks on the store."""

from collections.abc import Sequence

from msgspec import Struct

from aegisd.core.errors import LogCorrupt, LogRolledBack
from aegisd.core.log.merkle import BLOCK_LEAVES, Tree
from aegisd.ports import EventReader
from aegisd.rows import Checkpoint, Growth

# Hashes read in one go, 128 KiB of them.
HASHES_MAX = 4096

# Trees in memory that hold cached folds to the log; as large as those that are signed.
HISTORIES_RESIDENT_MAX = 1024


class Fresh(Struct):
    """Hashes of durable events that somebody has at hand, from position `first` on."""

    first: int
    hashes: list[bytes]

    @property
    def end(self) -> int:
        """One past the last position."""
        return self.first + len(self.hashes)


class TenantTree:
    """Grows with the log and proves what is in it. For one thread at a time."""

    def __init__(self, reader: EventReader, tenant_id: str) -> None:
        """Recover the tree of the `newest` kept checkpoint.

        Raises `LogRolledBack` where the log ends before it, `LogCorrupt` where it has another root.
        """
        self._reader, self._tenant_id = reader, tenant_id
        self.newest = kept = reader.newest_checkpoint(tenant_id)
        size = 0 if kept is None else kept.size
        if kept is not None and size < 1:
            raise LogCorrupt(
                f"tenant {tenant_id}: a checkpoint is kept of {size} events, and none is signed of "
                "fewer than 1; run `aegisctl verify`"
            )
        self._tree = tree_of(reader, tenant_id, size)
        self._kept_blocks = self._tree.blocks
        self._read(size)
        if kept is not None:
            self.require(kept)

    @property
    def size(self) -> int:
        """Events in the tree."""
        return self._tree.size

    def grow(self, fresh: Fresh | None = None) -> tuple[Checkpoint, Growth]:
        """Take in what was appended since: the unsigned checkpoint, and what to keep with it.

        Reads as far as the log goes, or up to `fresh` and on to its end without reading that.
        """
        if fresh is None:
            self._read(None)
        else:
            self._read(fresh.first)
            if self._tree.size >= fresh.first:
                self._tree.extend(fresh.hashes[self._tree.size - fresh.first :])
        head = Checkpoint(tenant_id=self._tenant_id, size=self._tree.size, root=self._tree.root())
        growth = Growth(
            tenant_id=self._tenant_id,
            first_block=self._kept_blocks,
            blocks=self._tree.block_roots(self._kept_blocks),
            checkpoints=(head,),
        )
        return head, growth

    def kept(self, growth: Growth) -> None:
        """Note that a growth is durable."""
        self._kept_blocks = growth.first_block + len(growth.blocks)

    def root_at(self, size: int) -> bytes:
        """The root over the first `size` events. Raises `ValueError` past the tree."""
        return self._tree.root_at(size, self._leaves)

    def inclusion(self, position: int, size: int) -> list[bytes]:
        """See `Tree.inclusion`."""
        return self._tree.inclusion(position, size, self._leaves)

    def consistency(self, first: int, second: int) -> list[bytes]:
        """See `Tree.consistency`."""
        return self._tree.consistency(first, second, self._leaves)

    def require(self, signed: Checkpoint) -> None:
        """Hold the log to a checkpoint of it, reading on where the tree ends before.

        Raises `LogRolledBack` for a log that is shorter or different.
        """
        if signed.size > self._tree.size:
            self._read(signed.size)
        found = self._tree.size
        if found < signed.size:
            raise LogRolledBack(
                f"tenant {self._tenant_id}: the log ends before position {found}, but a checkpoint "
                f"says that it had {signed.size} events; it was rolled back or cut",
                tenant_id=self._tenant_id,
                signed=signed.size,
                found=found,
            )
        # The whole tree's root is at hand; an older one takes hashes of the log.
        root = self._tree.root() if signed.size == found else self.root_at(signed.size)
        if root != signed.root:
            raise LogRolledBack(
                f"tenant {self._tenant_id}: the first {signed.size} events are not those that a "
                "checkpoint speaks of: their root differs; run `aegisctl verify`",
                tenant_id=self._tenant_id,
                signed=signed.size,
                found=found,
            )

    def _read(self, end: int | None) -> None:
        grow(self._tree, self._reader, self._tenant_id, end)

    def _leaves(self, position: int, count: int) -> Sequence[bytes]:
        return _leaves(self._reader, self._tenant_id, position, count)


class Histories:
    """The trees over what tenants' folds were made of. Blocks on the store; any thread."""

    def __init__(self) -> None:
        # Whoever works on one takes it out.
        self._trees: dict[str, Tree] = {}

    def root(self, reader: EventReader, tenant_id: str, size: int) -> bytes:
        """The root over the first `size` events of a log, or all of them where it is shorter."""
        tree = self._trees.pop(tenant_id, None)
        if tree is None or tree.size > size:
            tree = Tree()
        # What was signed of it meanwhile was hashed for that.
        adopt(tree, reader, tenant_id, size)
        grow(tree, reader, tenant_id, size)
        self._put(tenant_id, tree)
        return tree.root()

    def hold(self, reader: EventReader, tenant_id: str, first: int, end: int) -> None:
        """Hold the blocks that are kept of positions from `first` to `end` to the events there.

        Raises `LogCorrupt`: a start holds the log to what was signed by them.
        """
        start = first // BLOCK_LEAVES
        if end // BLOCK_LEAVES == start:
            return
        tree = self._trees.pop(tenant_id, None) if first else None
        if tree is None or tree.size > end:
            tree = tree_of(reader, tenant_id, first)
        grow(tree, reader, tenant_id, end)
        made, kept = tree.block_roots(start), reader.blocks(tenant_id, first=start)
        for number, (ours, theirs) in enumerate(zip(made, kept, strict=False), start):
            if ours != theirs:
                raise LogCorrupt(
                    f"tenant {tenant_id}: the events from position {number * BLOCK_LEAVES} on are "
                    "not those whose root is kept; run `aegisctl verify`"
                )
        self._put(tenant_id, tree)

    def _put(self, tenant_id: str, tree: Tree) -> None:
        self._trees[tenant_id] = tree
        while len(self._trees) > HISTORIES_RESIDENT_MAX:
            self._trees.pop(next(iter(self._trees)), None)


def tree_of(reader: EventReader, tenant_id: str, size: int) -> Tree:
    """The tree of the blocks that are kept of the first `size` events."""
    tree = Tree()
    adopt(tree, reader, tenant_id, size)
    return tree


def adopt(tree: Tree, reader: EventReader, tenant_id: str, size: int) -> None:
    """Append the blocks that are kept, within the first `size` events."""
    missing = size // BLOCK_LEAVES - tree.blocks
    if missing > 0:
        tree.extend_blocks(reader.blocks(tenant_id, first=tree.blocks)[:missing])


def grow(tree: Tree, reader: EventReader, tenant_id: str, end: int | None) -> None:
    """Append the leaves of the log up to `end`, or up to where it ends."""
    while end is None or tree.size < end:
        most = HASHES_MAX if end is None else min(HASHES_MAX, end - tree.size)
        hashes = _leaves(reader, tenant_id, tree.size, most)
        if not hashes:
            return
        tree.extend(hashes)


def _leaves(reader: EventReader, tenant_id: str, position: int, count: int) -> Sequence[bytes]:
    hashes = reader.hashes(tenant_id, from_position=position, limit=count)
    if any(len(each) != len(hashes[0]) for each in hashes):
        raise LogCorrupt(f"tenant {tenant_id}: a hash of the log has no 32 bytes")
    return hashes

"""The Merkle tree of one tenant over the log it was recovered from. Blocks on the store."""

from collections.abc import Sequence

from msgspec import Struct

from aegisd.core.errors import LogCorrupt, LogRolledBack
from aegisd.core.log.merkle import BLOCK_LEAVES, Tree
from aegisd.ports import EventReader
from aegisd.rows import Checkpoint, Growth

# Hashes read in one go, 128 KiB of them.
HASHES_MAX = 4096


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
        complete = size // BLOCK_LEAVES
        blocks = reader.blocks(tenant_id)[:complete] if complete else []
        self._tree = Tree(blocks)
        self._kept_blocks = len(blocks)
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
        """Append the leaves of the log up to `end`, or up to where it ends."""
        while end is None or self._tree.size < end:
            most = HASHES_MAX if end is None else min(HASHES_MAX, end - self._tree.size)
            hashes = self._leaves(self._tree.size, most)
            if not hashes:
                return
            self._tree.extend(hashes)

    def _leaves(self, position: int, count: int) -> Sequence[bytes]:
        hashes = self._reader.hashes(self._tenant_id, from_position=position, limit=count)
        if any(len(each) != len(hashes[0]) for each in hashes):
            raise LogCorrupt(f"tenant {self._tenant_id}: a hash of the log has no 32 bytes")
        return hashes

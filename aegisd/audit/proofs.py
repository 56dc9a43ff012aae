"""What shows that a log holds beside its events: a signed checkpoint, and paths to its root."""

from collections.abc import Sequence
from typing import Protocol

from aegisd.core.errors import LogCorrupt
from aegisd.core.log.checkpoint import TreeHead
from aegisd.core.log.merkle import BLOCK_LEAVES, Leaves, Tree
from aegisd.ports import EventReader
from aegisd.printable import shown
from aegisd.rows import Checkpoint

# Checkpoints read in one go on the way back to the newest signed one, and hashes of a tree.
CHECKPOINTS_PAGE = 1000
HASHES_PAGE = 4096


class Proofs(Protocol):
    """What an export asks for beside the events."""

    def signed(self, tenant_id: str) -> str:
        """The newest signed checkpoint; of all that is durable now, where it can be had.

        Empty where nothing is signed.
        """

    def end(self, tenant_id: str, note: str) -> int | None:
        """Before which position to end, so that two exports with this checkpoint are equal."""

    def path(self, tenant_id: str, position: int, head: TreeHead) -> Sequence[bytes]:
        """The inclusion proof of an event in the tree of a checkpoint, leaf to root."""


class StoredProofs:
    """Those of a database."""

    def __init__(self, reader: EventReader) -> None:
        self._reader = reader
        self._trees: dict[tuple[str, int], Tree] = {}

    def signed(self, tenant_id: str) -> str:
        """See `Proofs.signed`: the newest there is, which may leave the last events out."""
        newest = self._reader.newest_checkpoint(tenant_id)
        if newest is not None and not newest.note:
            newest = self._signed_before(tenant_id, newest.size)
        return "" if newest is None else newest.note

    def _signed_before(self, tenant_id: str, size: int) -> Checkpoint | None:
        """The newest signed checkpoint before `size`, looked for in ever wider steps."""
        width, end = BLOCK_LEAVES, size
        while end > 0:
            first = max(0, end - width)
            found: Checkpoint | None = None
            at = first
            while page := self._reader.checkpoints(tenant_id, from_size=at, limit=CHECKPOINTS_PAGE):
                for each in page:
                    found = each if each.note and each.size < end else found
                at = page[-1].size + 1
                if at >= end:
                    break
            if found is not None:
                return found
            end, width = first, 2 * width
        return None

    def end(self, tenant_id: str, note: str) -> int | None:  # noqa: ARG002 - the port's
        """See `Proofs.end`: where the log ends now."""
        return self._reader.next_position(tenant_id)

    def path(self, tenant_id: str, position: int, head: TreeHead) -> Sequence[bytes]:
        """See `Proofs.path`. Raises `LogCorrupt` where the tree is not the one signed."""
        tree = self._trees.get((tenant_id, head.size))
        if tree is None:
            tree = self._trees[tenant_id, head.size] = self._tree(tenant_id, head)
        return tree.inclusion(position, head.size, self._leaves(tenant_id))

    def _tree(self, tenant_id: str, head: TreeHead) -> Tree:
        tree = Tree(self._reader.blocks(tenant_id)[: head.size // BLOCK_LEAVES])
        leaves = self._leaves(tenant_id)
        while tree.size < head.size:
            found = leaves(tree.size, min(HASHES_PAGE, head.size - tree.size))
            if not found:
                break
            tree.extend(found)
        if tree.size < head.size or tree.root_at(head.size, leaves) != head.root:
            raise LogCorrupt(
                f"tenant {shown(tenant_id)}: the log is not the one that was signed at size "
                f"{head.size}; run `aegisctl verify`"
            )
        return tree

    def _leaves(self, tenant_id: str) -> Leaves:
        read = self._reader.hashes
        return lambda position, count: read(tenant_id, from_position=position, limit=count)

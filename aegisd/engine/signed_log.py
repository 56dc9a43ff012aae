"""What of each tenant's log is signed: its tree, its checkpoints, and proofs in them.

The order is commit, root, store, sign, publish, and never another: what is signed is durable, and
what anybody sees is signed. All of it blocks, on the store and on the signer, and belongs to one
thread.
"""

import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from itertools import islice
from typing import NamedTuple

import msgspec
from msgspec import Struct

from aegisd.core.errors import CheckpointUnknown, EventUnknown, NotCovered
from aegisd.core.log.checkpoint import TreeHead, origin, read
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX
from aegisd.engine.tree import Fresh, TenantTree
from aegisd.ports import Clock, EventStore, Guard, Signer
from aegisd.rows import Checkpoint, Growth

# Seconds between two notes of one tenant that the guard is given while its log grows fast. A file
# is replaced for each; at thousands of events a second that would cost as much as all the rest.
GUARD_SECONDS = 1.0

# Trees in memory. One of a million events takes about half a megabyte; a small one next to nothing.
TREES_RESIDENT_MAX = 1024

# Newest notes in memory of tenants whose logs are settled, about 1 KB each. What was forgotten is
# read from the store again, and a receipt may lack it until then.
NOTES_RESIDENT_MAX = 4096


class Inclusion(Struct, frozen=True, kw_only=True):
    """That an event is in a signed tree: its path, leaf to root, and the checkpoint."""

    event: StoredEvent
    hashes: tuple[bytes, ...]
    checkpoint: Checkpoint


class Consistency(Struct, frozen=True, kw_only=True):
    """That one tree continues another: sizes, roots and the path between them.

    `checkpoint` is the signed one of the second size, or None where that size was not signed.
    """

    first: int
    second: int
    first_root: bytes
    second_root: bytes
    hashes: tuple[bytes, ...]
    checkpoint: Checkpoint | None


class Uncovered(NamedTuple):
    """A log to be signed up to `end`, or for None all of it; `fresh` is what need not be read."""

    tenant_id: str
    end: int | None
    fresh: Fresh | None


class SignedLog:
    """One per engine. Everything but `newest` is called on one thread."""

    def __init__(
        self, *, store: EventStore, signer: Signer, guard: Guard, clock: Clock, commits: Executor
    ) -> None:
        self._store, self._signer, self._guard = store, signer, guard
        self._clock, self._commits = clock, commits
        self._trees: OrderedDict[str, TenantTree] = OrderedDict()
        # Notes that are published and not yet stored. After a crash the same key signs them again,
        # to the same bytes.
        self._unstored: dict[str, Checkpoint] = {}
        # What the guard has of each tenant, and since when on the process's clock.
        self._guarded: dict[str, tuple[str, float]] = {}
        # Tenants whose rollback was accepted: what the guard has of them is another history.
        self._superseded: set[str] = set()
        # Read from other threads too; entries are replaced whole.
        self._newest: dict[str, Checkpoint] = {}

    def newest(self, tenant_id: str) -> Checkpoint | None:
        """The newest signed checkpoint that this process knows of. Reads nothing; any thread."""
        return self._newest.get(tenant_id)

    @property
    def unstored(self) -> list[str]:
        """Tenants whose newest note is not in the store yet."""
        return list(self._unstored)

    def tree(self, tenant_id: str) -> TenantTree:
        """The tenant's tree, recovered where it is not in memory. Raises `LogRolledBack`."""
        tree = self._trees.get(tenant_id)
        if tree is None:
            tree = self._trees[tenant_id] = TenantTree(self._store, tenant_id)
        self._trees.move_to_end(tenant_id)
        while len(self._trees) > TREES_RESIDENT_MAX:
            self._trees.popitem(last=False)
        return tree

    def cover(self, asked: Sequence[Uncovered]) -> None:
        """Have checkpoints of several tenants: another process's, or else made now, in one commit.

        They are kept outside where that was not done just now.
        """
        for tenant_id in self.sign_all(asked):
            self._keep_soon(tenant_id)

    def sign(self, tenant_id: str) -> Checkpoint | None:
        """The checkpoint of all that is durable now; None for a tenant without events."""
        self.cover([Uncovered(tenant_id, None, None)])
        return self._newest.get(tenant_id)

    def sign_all(self, asked: Sequence[Uncovered]) -> list[str]:
        """As `cover`, and keep nothing outside; give the tenants that were signed."""
        grown = [each for uncovered in asked if (each := self._grown(uncovered)) is not None]
        if grown:
            self._grow(growth for _tree, _head, growth in grown)
        for tree, head, growth in grown:
            tree.kept(growth)
            self._publish(head)
        return [head.tenant_id for _tree, head, _growth in grown]

    def _grown(self, uncovered: Uncovered) -> tuple[TenantTree, Checkpoint, Growth] | None:
        """What is to be stored before a tenant's log is signed; None where it is signed so far."""
        tenant_id, end, fresh = uncovered
        known = self.adopt(tenant_id)
        if known is not None and end is not None and known.size >= end:
            return None
        if tenant_id.startswith(ARCHIVE_PREFIX):
            # A foreign log: what was signed of it, somebody else signed.
            return None
        tree = self.tree(tenant_id)
        head, growth = tree.grow(fresh)
        if head.size <= (0 if known is None else known.size):
            return None
        unstored = self._unstored.get(tenant_id)
        if unstored is not None:
            growth = msgspec.structs.replace(growth, checkpoints=(unstored, head))
        return tree, head, growth

    def _publish(self, head: Checkpoint) -> Checkpoint:
        named = origin(self._signer.log_name, head.tenant_id)
        text = TreeHead(origin=named, size=head.size, root=head.root).text
        note = self._signer.sign(named, text, self._clock.now_ms())
        signed = msgspec.structs.replace(head, note=note)
        self._unstored[head.tenant_id] = signed
        self._know(signed)
        return signed

    def _know(self, signed: Checkpoint) -> None:
        """Hold a tenant's newest note, behind those that were new before."""
        self._newest.pop(signed.tenant_id, None)
        self._newest[signed.tenant_id] = signed

    def _keep_soon(self, tenant_id: str) -> None:
        """Keep the newest note outside, where that was not done just now."""
        kept_at = self._guarded.get(tenant_id, ("", -GUARD_SECONDS))[1]
        if time.monotonic() - kept_at >= GUARD_SECONDS:
            self.keep_outside(tenant_id)

    def supersede(self, tenant_id: str) -> None:
        """Have the guard's note set aside before the next one takes its place."""
        self._superseded.add(tenant_id)

    def keep_outside(self, tenant_id: str) -> None:
        """Give the guard the newest note, where it has an older one. Raises `StoreFailed`."""
        if tenant_id.startswith(ARCHIVE_PREFIX):
            # What somebody else signed of a foreign log is not what a start holds this log to.
            return
        signed = self._newest.get(tenant_id)
        if signed is None or self._guarded.get(tenant_id, ("", 0.0))[0] == signed.note:
            return
        if tenant_id in self._superseded:
            # Only now that the new history is signed, the acceptance in it included.
            self._guard.set_aside(tenant_id)
            self._superseded.discard(tenant_id)
        self._guard.keep(tenant_id, signed.note)
        self._guarded[tenant_id] = (signed.note, time.monotonic())

    def adopt(self, tenant_id: str) -> Checkpoint | None:
        """The newest checkpoint, from the store where this process does not know of it."""
        known = self._newest.get(tenant_id)
        if known is not None and not self._store.shared:
            return known
        kept = self._store.newest_checkpoint(tenant_id)
        if kept is None or (known is not None and kept.size <= known.size):
            return known
        foreign = tenant_id.startswith(ARCHIVE_PREFIX)
        if not foreign:
            # Whoever can write a row can write any: the events must have that root.
            self.tree(tenant_id).require(kept)
        if foreign or self._is_ours(kept):
            self._know(kept)
            return kept
        if self._store.shared and not kept.note:
            # Another process is about to sign it, or died; whoever signs next covers it.
            return known
        signed = self._publish(kept)
        self._keep_soon(tenant_id)
        return signed

    def _is_ours(self, kept: Checkpoint) -> bool:
        """Whether a stored note says what its row says, under a key that signs now."""
        if not kept.note or not self._signer.signed(kept.note, self._clock.now_ms()):
            return False
        named = origin(self._signer.log_name, kept.tenant_id)
        return read(kept.note)[0] == TreeHead(origin=named, size=kept.size, root=kept.root)

    def settle(self, tenant_ids: Sequence[str]) -> None:
        """Keep newest notes outside, and store those that else go with the next checkpoint."""
        for tenant_id in tenant_ids:
            self.keep_outside(tenant_id)
        self.store_notes(tenant_ids)
        self._forget()

    def store_notes(self, tenant_ids: Sequence[str]) -> None:
        """Store the newest notes of several tenants, in one commit."""
        notes = [self._unstored[name] for name in tenant_ids if name in self._unstored]
        if not notes:
            return
        self._grow(
            Growth(tenant_id=each.tenant_id, first_block=0, checkpoints=(each,)) for each in notes
        )
        for each in notes:
            self._unstored.pop(each.tenant_id, None)

    def _forget(self) -> None:
        """Let notes go, past `NOTES_RESIDENT_MAX`, that are stored and kept outside."""
        over = max(0, len(self._newest) - NOTES_RESIDENT_MAX)
        for tenant_id in list(islice(self._newest, over)):
            kept = self._guarded.get(tenant_id, ("", 0.0))[0]
            if tenant_id not in self._unstored and kept == self._newest[tenant_id].note:
                del self._newest[tenant_id], self._guarded[tenant_id]

    def _grow(self, growths: Iterable[Growth]) -> None:
        """Where one connection writes, on the thread that has it."""
        if self._store.shared or not self._store.waits:
            self._store.grow(*growths)
        else:
            self._commits.submit(self._store.grow, *growths).result()

    # ── proofs ───────────────────────────────────────────────────────────────────────────────────

    def event(self, tenant_id: str, position: int) -> StoredEvent:
        """An event of the log. Raises `EventUnknown`."""
        event = next(self._store.events(tenant_id, from_position=position, limit=1), None)
        if event is None or event.position != position:
            raise EventUnknown(f"the log of {tenant_id} has no event at position {position}")
        return event

    def inclusion(self, tenant_id: str, position: int, size: int | None) -> Inclusion:
        """Prove an event in the newest checkpoint, or in the one of `size`.

        Raises `EventUnknown`, `NotCovered`, `CheckpointUnknown`.
        """
        event = self.event(tenant_id, position)
        signed = self.adopt(tenant_id) if size is None else self._signed_at(tenant_id, size)
        if signed is None or position >= signed.size:
            covered = 0 if signed is None else signed.size
            raise NotCovered(
                f"position {position} is past the checkpoint, which covers {covered} events; ask "
                "again shortly, or with wait_ms",
                covered=covered,
            )
        path = self._tree_of(tenant_id, signed).inclusion(position, signed.size)
        return Inclusion(event=event, hashes=tuple(path), checkpoint=signed)

    def consistency(self, tenant_id: str, first: int, second: int | None) -> Consistency:
        """Prove that the tree of `second` events (None: the newest checkpoint) continues `first`.

        Raises `CheckpointUnknown` where the log was never signed or is shorter.
        """
        newest = require(self.adopt(tenant_id), tenant_id)
        second = newest.size if second is None else second
        if not first <= second <= newest.size:
            raise CheckpointUnknown(
                f"the newest checkpoint of {tenant_id} has {newest.size} events; expected sizes "
                f"up to that, the first not past the second; found {first} and {second}"
            )
        tree = self._tree_of(tenant_id, newest)
        return Consistency(
            first=first,
            second=second,
            first_root=tree.root_at(first),
            second_root=tree.root_at(second),
            hashes=tuple(tree.consistency(first, second)),
            checkpoint=newest if second == newest.size else self._find(tenant_id, second),
        )

    def _tree_of(self, tenant_id: str, signed: Checkpoint) -> TenantTree:
        tree = self.tree(tenant_id)
        if tree.size < signed.size:
            tree.require(signed)
        return tree

    def _find(self, tenant_id: str, size: int) -> Checkpoint | None:
        """The signed checkpoint of exactly this size, if there is one."""
        known = self._newest.get(tenant_id)
        if known is not None and known.size == size:
            return known
        rows = self._store.checkpoints(tenant_id, from_size=size, limit=1)
        return rows[0] if rows and rows[0].size == size and rows[0].note else None

    def _signed_at(self, tenant_id: str, size: int) -> Checkpoint:
        found = self._find(tenant_id, size)
        if found is None:
            raise CheckpointUnknown(f"no checkpoint of {tenant_id} was signed at size {size}")
        return found


def require(found: Checkpoint | None, tenant_id: str) -> Checkpoint:
    """Raise `CheckpointUnknown` where there is none."""
    if found is None:
        raise CheckpointUnknown(f"no checkpoint of {tenant_id} is signed yet; it may be new")
    return found

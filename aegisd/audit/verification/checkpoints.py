"""Every checkpoint kept in a database, held against the tree over the events it covers."""

from collections.abc import Iterator, Sequence

from aegisd.audit.anchors import Anchors, tenant_of
from aegisd.audit.verification.result import Verification
from aegisd.core.errors import NoteInvalid
from aegisd.core.log import checkpoint
from aegisd.core.log.chain import Break
from aegisd.core.log.note import Key, claims
from aegisd.core.log.roots import Roots
from aegisd.ports import EventReader
from aegisd.rows import Checkpoint
from aegisd.signing import ed25519

# No column holds less: it has 64 bits.
SIZE_LEAST = -(2**63)

# Checkpoints read in one go. A log that lives long has more of them than memory should hold.
CHECKPOINTS_PAGE = 1000


class CheckpointCheck:
    """Grows with the events, and compares each checkpoint when its events have gone by.

    `origin_tenant` is the tenant that checkpoints are of, another than the log's own in an archive.
    """

    def __init__(
        self,
        reader: EventReader,
        tenant_id: str,
        origin_tenant: str,
        anchors: Anchors,
        told: Verification,
    ) -> None:
        self._reader, self._tenant_id, self._origin_tenant = reader, tenant_id, origin_tenant
        self._anchors, self._told = anchors, told
        self._kept = anchors.of(tenant_id)
        self._roots = Roots(head.size for head in self._kept)
        self._page: list[Checkpoint] = []
        self._covered = (False, 0)
        self._signers: tuple[Key, ...] = ()
        # The newest note, where no given key signed it.
        self._unsigned: Break | None = None
        # A daemon may be appending meanwhile: what it signs from now on is not looked at.
        self._last_size = self._newest_size()
        self._turn(SIZE_LEAST)

    def add(self, event_hash: bytes) -> None:
        """Take the hash of the next event."""
        self._roots.add(event_hash)
        while self._page and self._page[-1].size < self._roots.size:
            self._judge_page()

    def end(self) -> tuple[int, bool, tuple[Key, ...]]:
        """Judge what is left, and the kept roots of blocks.

        How many events lead to the newest checkpoint, whether a key signed that, and which, as far
        as the log tells: of a checkpoint that was kept elsewhere it does not.
        """
        while self._page:
            self._judge_page()
        self._roots.tree()
        for head in self._kept:
            root = self._roots.at.get(head.size)
            size = self._roots.size
            if self._told.hold(self._tenant_id, head, size, root):
                self._cover(head.size, signed=bool(self._anchors.keys))
        if self._unsigned is not None:
            self._told.add(self._unsigned)
        self._check_blocks()
        signed, events = self._covered
        return events, signed and events > 0, self._signers

    def root(self) -> bytes:
        """The root of the tree over all events so far."""
        return self._roots.tree().root()

    def _newest_size(self) -> int:
        newest = None
        with self._told.reading(self._tenant_id):
            newest = self._reader.newest_checkpoint(self._tenant_id)
        return 0 if newest is None else newest.size

    def _turn(self, from_size: int) -> None:
        """Read the next checkpoints, and want the roots they speak of."""
        page: Sequence[Checkpoint] = ()
        with self._told.reading(self._tenant_id):
            page = self._reader.checkpoints(
                self._tenant_id, from_size=from_size, limit=CHECKPOINTS_PAGE
            )
        for each in page:
            if each.size < 1:
                self._told.add(self._break("checkpoint", f"a checkpoint covers {each.size} events"))
        self._page = [each for each in page if 0 < each.size <= self._last_size]
        self._roots.want(each.size for each in self._page)

    def _judge_page(self) -> None:
        """Judge the checkpoints at hand, whose events have gone by or are missing."""
        self._roots.tree()
        kept = {head.size for head in self._kept}
        for each in self._page:
            for found in self._breaks(each):
                self._told.add(found)
            if each.size not in kept:
                self._roots.at.pop(each.size, None)
        self._turn(self._page[-1].size + 1)

    def _breaks(self, kept: Checkpoint) -> Iterator[Break]:
        if kept.size > self._roots.size:
            yield self._break(
                "checkpoint",
                f"a checkpoint covers {kept.size} events, the log holds {self._roots.size}: "
                f"{self._told.missing(self._tenant_id)}",
            )
            return
        if self._roots.at.get(kept.size) != kept.root:
            detail = f"the first {kept.size} events do not have the root that is kept of them"
            yield self._break("root", detail)
            return
        if not kept.note:
            return
        try:
            head, found = checkpoint.read(kept.note)
        except NoteInvalid as error:
            yield self._break("checkpoint", f"the note of size {kept.size}: {error.message}")
            return
        if (head.size, head.root, tenant_of(head)) != (kept.size, kept.root, self._origin_tenant):
            detail = f"the note of size {kept.size} tells of another tree"
            yield self._break("checkpoint", detail)
            return
        signers: tuple[Key, ...] = ()
        # Keys may be of one tenant, and an archive was signed by another log. Where no key speaks
        # for the origin, the tenant is one that nothing is known to be signed of.
        speaking = checkpoint.keys_for(head, self._anchors.keys)
        if speaking:
            self._unsigned = None
            try:
                _, signers = checkpoint.signed(kept.note, self._anchors.keys, ed25519.check)
            except NoteInvalid as error:
                told = f"the note of size {kept.size}: {error.message}"
                if claims(found, speaking):
                    yield self._break("signature", told)
                    return
                # Keys change: a later note, which these keys signed, answers for this one's root.
                self._unsigned = self._break("signature", told)
        self._cover(kept.size, signed=bool(signers), signers=signers)

    def _cover(self, size: int, *, signed: bool, signers: tuple[Key, ...] = ()) -> None:
        """Note a checkpoint that holds. One that a key signed counts before any that none did."""
        if (signed, size) > self._covered:
            self._covered, self._signers = (signed, size), signers

    def _check_blocks(self) -> None:
        kept: Sequence[bytes] = ()
        with self._told.reading(self._tenant_id):
            kept = self._reader.blocks(self._tenant_id)
        found = self._roots.tree().block_roots(0)
        for number, (one, other) in enumerate(zip(kept, found, strict=False)):
            if one != other:
                self._told.add(
                    self._break("root", f"the kept root of block {number} is not its events'")
                )

    def _break(self, rule: str, detail: str) -> Break:
        return Break(rule, detail, tenant_id=self._tenant_id)

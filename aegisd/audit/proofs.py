"""What is known of a log beside its events: a signed checkpoint, paths to its root, values."""

import base64
from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from aegisctl.client import Client
from aegisctl.display import shown
from aegisctl.log import Log
from aegisctl.server import ServerLog
from aegisd.core.errors import ConfigInvalid, LogCorrupt, NotFound, Unavailable
from aegisd.core.log import checkpoint
from aegisd.core.log.checkpoint import Head
from aegisd.core.log.merkle import BLOCK_LEAVES, Tree
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX
from aegisd.ports import Checkpoint, Detached, EventReader

# Checkpoints read in one go on the way back to the newest signed one, and hashes of a tree.
CHECKPOINTS_PAGE = 1000
HASHES_PAGE = 4096


class Signed(Struct, frozen=True, kw_only=True):
    """A signed checkpoint: the note, and what it says."""

    note: str
    head: Head


class Evidence(Protocol):
    """What an export asks for beside the events."""

    def signed(self, tenant_id: str) -> Signed | None:
        """The newest signed checkpoint; of all that is durable now, where it can be had."""
        ...

    def end(self, tenant_id: str, signed: Signed | None) -> int | None:
        """Before which position to end, so that two exports with this checkpoint are equal."""
        ...

    def path(self, tenant_id: str, position: int, head: Head) -> Sequence[bytes]:
        """The inclusion proof of an event in the tree of a checkpoint, leaf to root."""
        ...

    def detached(self, tenant_id: str, position: int) -> Sequence[Detached]:
        """The values kept beside an event, by pointer. Raises `ConfigInvalid` for a server."""
        ...


def of(log: Log) -> Evidence:
    """What belongs to a log that was opened, a server's or a database's."""
    if isinstance(log, ServerLog):
        return ServedEvidence(log.client)
    return StoredEvidence(log)  # type: ignore[arg-type]  # `opened` gives a reader for a database.


class StoredEvidence:
    """That of a database."""

    def __init__(self, reader: EventReader) -> None:
        self._reader = reader
        self._trees: dict[tuple[str, int], Tree] = {}

    def signed(self, tenant_id: str) -> Signed | None:
        """See `Evidence.signed`: the newest there is, which may leave the last events out."""
        newest = self._reader.newest_checkpoint(tenant_id)
        if newest is not None and not newest.note:
            newest = self._signed_before(tenant_id, newest.size)
        if newest is None:
            return None
        return Signed(note=newest.note, head=checkpoint.read(newest.note)[0])

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

    def end(self, tenant_id: str, signed: Signed | None) -> int | None:  # noqa: ARG002 - the port's
        """See `Evidence.end`: where the log ends now."""
        return self._reader.next_position(tenant_id)

    def path(self, tenant_id: str, position: int, head: Head) -> Sequence[bytes]:
        """See `Evidence.path`. Raises `LogCorrupt` where the tree is not the one signed."""
        tree = self._trees.get((tenant_id, head.size))
        if tree is None:
            tree = self._trees[tenant_id, head.size] = self._tree(tenant_id, head)
        return tree.inclusion(position, head.size, self._leaves(tenant_id))

    def _tree(self, tenant_id: str, head: Head) -> Tree:
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

    def _leaves(self, tenant_id: str) -> "Leaves":
        return Leaves(self._reader, tenant_id)

    def detached(self, tenant_id: str, position: int) -> Sequence[Detached]:
        """See `Evidence.detached`."""
        return self._reader.detached(tenant_id, position)


class Leaves:
    """The hashes of a tenant's events, as `Tree` asks for them."""

    def __init__(self, reader: EventReader, tenant_id: str) -> None:
        self._reader, self._tenant_id = reader, tenant_id

    def __call__(self, position: int, count: int) -> Sequence[bytes]:
        """So many hashes from a position on."""
        return self._reader.hashes(self._tenant_id, from_position=position, limit=count)


class _Note(Struct):
    note: str


class _Inclusion(Struct):
    hashes: list[str]


class ServedEvidence:
    """That of a server."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def signed(self, tenant_id: str) -> Signed | None:
        """See `Evidence.signed`: the server signs now. None where nobody signs its log."""
        try:
            if tenant_id.startswith(ARCHIVE_PREFIX):
                # Another log signed it, and the server has what came with it.
                answer = self._client.get("/v1/checkpoints/latest", tenant_id=tenant_id)
            else:
                answer = self._client.ask("/v1/checkpoints", {"tenant_id": tenant_id})
        except NotFound:
            return None
        note = self._client.read(answer, _Note).note
        return Signed(note=note, head=checkpoint.read(note)[0])

    def end(self, tenant_id: str, signed: Signed | None) -> int | None:
        """See `Evidence.end`: what was appended since the server signed is left for another day."""
        is_archive = tenant_id.startswith(ARCHIVE_PREFIX)
        return None if signed is None or is_archive else signed.head.size

    def path(self, tenant_id: str, position: int, head: Head) -> Sequence[bytes]:
        """See `Evidence.path`. Raises `Unavailable` for what is no path."""
        answer = self._client.get(
            "/v1/proofs/inclusion", tenant_id=tenant_id, position=position, size=head.size
        )
        try:
            hashes = self._client.read(answer, _Inclusion).hashes
            return [base64.b64decode(each, validate=True) for each in hashes]
        except ValueError:
            raise Unavailable(f"{self._client.url} answered a path that is not base64") from None

    def detached(self, tenant_id: str, position: int) -> Sequence[Detached]:  # noqa: ARG002
        """See `Evidence.detached`. Raises `ConfigInvalid`: salts stay where the database is."""
        raise ConfigInvalid(
            "a server does not give out values that are kept beside events; export --detached from "
            "the database, with --dsn"
        )

"""A signed checkpoint held against an older one: the log of now must continue the log of then."""

from collections.abc import Sequence

from aegisd.audit.anchors import tenant_of
from aegisd.core.errors import NoteInvalid
from aegisd.core.log.checkpoint import TreeHead
from aegisd.core.log.merkle import consistent
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX


def require_tenant(head: TreeHead, tenant_id: str) -> None:
    """Raise `NoteInvalid` for a checkpoint of another tenant than was asked about.

    An archive has the checkpoints of the log that it was exported from.
    """
    if not tenant_id.startswith(ARCHIVE_PREFIX) and tenant_of(head) != tenant_id:
        raise NoteInvalid(f"the server was asked about {tenant_id} and answered for {head.origin}")


def require_later(older: TreeHead, newer: TreeHead) -> None:
    """Raise `NoteInvalid` where no proof could show that `newer` continues `older`."""
    if older.origin != newer.origin:
        raise NoteInvalid(f"the older checkpoint is of {older.origin}, this one of {newer.origin}")
    if older.size > newer.size:
        raise NoteInvalid(
            f"the log has {newer.size} events and had {older.size}: it was cut or rolled back"
        )


def require_continued(older: TreeHead, newer: TreeHead, path: Sequence[bytes]) -> None:
    """Raise `NoteInvalid` unless the consistency proof `path` leads from `older` to `newer`."""
    if not consistent(older.size, newer.size, older.root, newer.root, path):
        raise NoteInvalid(
            f"the log does not continue the checkpoint of {older.size} events: its history changed"
        )

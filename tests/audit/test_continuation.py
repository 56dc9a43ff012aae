"""The log of now continues the log of then, or a sentence says why it does not."""

import pytest

from aegisd.audit.continuation import require_continued, require_later, require_tenant
from aegisd.core.errors import NoteInvalid
from aegisd.core.log.checkpoint import TreeHead
from aegisd.core.log.merkle import Tree
from tests.core.builders import small_log

LEAVES = [row.hash for row in small_log()]


def head(size: int, tenant_id: str = "acme") -> TreeHead:
    tree = Tree()
    tree.extend(LEAVES[:size])
    return TreeHead(origin=f"log.example/{tenant_id}", size=size, root=tree.root())


def path(first: int) -> list[bytes]:
    tree = Tree()
    tree.extend(LEAVES)
    return list(tree.consistency(first, len(LEAVES), lambda at, count: LEAVES[at : at + count]))


@pytest.mark.parametrize("size", range(1, len(LEAVES)))
def test_the_path_of_another_size_shows_no_continuation(size: int) -> None:
    newer = head(len(LEAVES))
    require_continued(head(size), newer, path(size))
    for other in range(1, len(LEAVES)):
        if path(other) != path(size):
            with pytest.raises(NoteInvalid, match="history changed"):
                require_continued(head(size), newer, path(other))


def test_a_checkpoint_of_another_log_or_of_fewer_events_continues_nothing() -> None:
    require_later(head(3), head(3))
    with pytest.raises(NoteInvalid, match="cut or rolled back"):
        require_later(head(4), head(3))
    with pytest.raises(NoteInvalid, match="is of log"):
        require_later(head(3, "zeta"), head(4))


def test_a_checkpoint_is_of_the_tenant_that_was_asked_about_or_of_an_archive() -> None:
    require_tenant(head(3), "acme")
    require_tenant(head(3), "$archive.00ff")
    with pytest.raises(NoteInvalid, match="answered for log"):
        require_tenant(head(3), "zeta")

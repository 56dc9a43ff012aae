"""Roots found on the way are those of the tree at each size, however its leaves came."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.log.merkle import EMPTY_ROOT, leaf_hash, subtree_root
from aegisd.core.log.roots import Roots

LEAVES = [hashlib.sha256(bytes([number])).digest() for number in range(70)]


def root(size: int) -> bytes:
    """The root over the first leaves, by the definition."""
    return subtree_root([leaf_hash(leaf) for leaf in LEAVES[:size]])


@given(
    st.sets(st.integers(0, len(LEAVES))),
    st.lists(st.integers(0, 9), max_size=20),
    st.sampled_from([1, 2, 4, 8, 256]),
)
def test_each_wanted_root_is_found_whatever_the_pieces(
    sizes: set[int], pieces: list[int], block: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for module in ("merkle", "roots"):
            patch.setattr(f"aegisd.core.log.{module}.BLOCK_LEAVES", block)
        roots, at = Roots(sizes), 0
        for piece in pieces:
            if piece:
                roots.extend(LEAVES[at : at + piece])
                at = min(at + piece, len(LEAVES))
            elif at < len(LEAVES):
                roots.add(LEAVES[at])
                at += 1
            assert roots.size == at
            assert len(roots._waiting) < block
        assert roots.tree().root() == root(at)
        assert roots.at == {size: root(size) for size in sizes if size <= at}


def test_a_size_wanted_later_is_found_unless_it_went_by() -> None:
    roots = Roots([3])
    roots.extend(LEAVES[:5])
    roots.want([4, 5, 7])
    roots.extend(LEAVES[5:9])
    assert roots.at == {3: root(3), 5: root(5), 7: root(7)}


def test_the_empty_tree_has_its_root() -> None:
    assert Roots([0]).at == {0: EMPTY_ROOT}
    assert Roots().at == {}

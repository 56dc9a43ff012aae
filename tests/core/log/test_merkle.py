"""The tree against the definitions of RFC 6962 section 2.1, written down as they stand there."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.log import merkle
from aegisd.core.log.merkle import (
    BLOCK_LEAVES,
    EMPTY_ROOT,
    PROOF_HASHES_MAX,
    Tree,
    consistent,
    included,
    leaf_hash,
    node_hash,
    subtree_root,
)

LEAVES = [sha256(n.to_bytes(4, "big")).digest() for n in range(3 * BLOCK_LEAVES + 5)]

# Small blocks make trees of many levels out of few leaves; the real ones are tried at their edges.
BLOCKS = [1, 2, 4, 8]
SMALL = 41
AROUND_REAL_BLOCKS = [1, 255, 256, 257, 511, 512, 513, 767, 768, 769, len(LEAVES)]


def leaves(first: int, count: int) -> Sequence[bytes]:
    return LEAVES[first : first + count]


# ── the definitions ──────────────────────────────────────────────────────────────────────────────


def split(n: int) -> int:
    """The largest power of two smaller than n."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def mth(d: Sequence[bytes]) -> bytes:
    if not d:
        return sha256(b"").digest()
    if len(d) == 1:
        return sha256(b"\x00" + d[0]).digest()
    k = split(len(d))
    return sha256(b"\x01" + mth(d[:k]) + mth(d[k:])).digest()


def path(m: int, d: Sequence[bytes]) -> list[bytes]:
    if len(d) == 1:
        return []
    k = split(len(d))
    if m < k:
        return [*path(m, d[:k]), mth(d[k:])]
    return [*path(m - k, d[k:]), mth(d[:k])]


def subproof(m: int, d: Sequence[bytes], *, complete: bool) -> list[bytes]:
    if m == len(d):
        return [] if complete else [mth(d)]
    k = split(len(d))
    if m <= k:
        return [*subproof(m, d[:k], complete=complete), mth(d[k:])]
    return [*subproof(m - k, d[k:], complete=False), mth(d[:k])]


def grown(size: int, steps: Sequence[int] = ()) -> Tree:
    """A tree of so many leaves, appended in pieces of these sizes and then the rest."""
    tree, at = Tree(), 0
    for step in steps:
        tree.extend(LEAVES[at : min(at + step, size)])
        at = min(at + step, size)
    tree.extend(LEAVES[at:size])
    return tree


@pytest.fixture(params=BLOCKS)
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    leaves_of_a_block: int = request.param
    monkeypatch.setattr(merkle, "BLOCK_LEAVES", leaves_of_a_block)
    return leaves_of_a_block


# ── roots ────────────────────────────────────────────────────────────────────────────────────────


def test_the_hashes_are_those_of_the_standard() -> None:
    assert EMPTY_ROOT == sha256(b"").digest() == Tree().root() == subtree_root([])
    assert leaf_hash(b"x") == sha256(b"\x00x").digest()
    assert node_hash(b"l", b"r") == sha256(b"\x01lr").digest()


def test_a_root_is_the_one_of_the_definition_at_every_size(block: int) -> None:
    for size in range(SMALL):
        tree = grown(size)
        assert (tree.size, tree.blocks) == (size, size // block)
        assert tree.root() == mth(LEAVES[:size])
        assert subtree_root([leaf_hash(leaf) for leaf in LEAVES[:size]]) == mth(LEAVES[:size])


@pytest.mark.parametrize("size", AROUND_REAL_BLOCKS)
def test_a_root_is_the_one_of_the_definition_around_real_blocks(size: int) -> None:
    assert grown(size).root() == mth(LEAVES[:size])
    assert grown(len(LEAVES)).root_at(size, leaves) == mth(LEAVES[:size])


@given(st.integers(0, len(LEAVES)), st.lists(st.integers(0, 300), max_size=8))
def test_how_leaves_were_appended_does_not_matter(size: int, steps: list[int]) -> None:
    tree = grown(size, steps)
    assert (tree.size, tree.root()) == (size, grown(size).root())


@given(st.integers(0, len(LEAVES)), st.integers(0, len(LEAVES)))
def test_a_tree_goes_on_from_the_roots_of_its_blocks_and_the_leaves_behind_them(
    begun: int, size: int
) -> None:
    tree, again = grown(size), grown(min(begun, size))
    again.extend_blocks(tree.block_roots(again.blocks))
    assert again.size == max(min(begun, size), size - size % BLOCK_LEAVES)
    again.extend(LEAVES[again.size : size])
    assert again.root() == tree.root()
    assert again.block_roots(0) == tree.block_roots(0)


def test_block_roots_are_told_from_a_number_on() -> None:
    tree = grown(len(LEAVES))
    every = [mth(LEAVES[n * BLOCK_LEAVES : (n + 1) * BLOCK_LEAVES]) for n in range(3)]
    for first in range(5):
        assert tree.block_roots(first) == every[first:]


def test_an_older_root_is_found_again_at_every_size(block: int) -> None:
    tree = grown(SMALL)
    for size in range(SMALL + 1):
        assert tree.root_at(size, leaves) == mth(LEAVES[:size])


@given(st.integers(1, len(LEAVES)), st.data())
def test_reading_leaves_again_stays_inside_one_block(size: int, data: st.DataObject) -> None:
    asked = []

    def reading(first: int, count: int) -> Sequence[bytes]:
        asked.append((first, count))
        return leaves(first, count)

    tree = grown(len(LEAVES))
    index = data.draw(st.integers(0, size - 1))
    tree.inclusion(index, size, reading)
    tree.root_at(size, reading)
    tree.consistency(index, size, reading)
    for first, count in asked:
        assert 0 < count < BLOCK_LEAVES
        assert first // BLOCK_LEAVES == (first + count - 1) // BLOCK_LEAVES


# ── proofs ───────────────────────────────────────────────────────────────────────────────────────


def test_inclusion_proofs_are_those_of_the_definition_and_no_other_holds(block: int) -> None:
    tree = grown(SMALL)
    for size in range(1, SMALL):
        root = mth(LEAVES[:size])
        for index in range(size):
            proof = tree.inclusion(index, size, leaves)
            assert proof == path(index, LEAVES[:size])
            assert included(index, size, LEAVES[index], proof, root)
            assert not included(index, size, LEAVES[index + 1], proof, root)
            assert not included(index + 1, size, LEAVES[index], proof, root)
            assert not included(index, size, LEAVES[index], [*proof, root], root)
            assert not proof or not included(index, size, LEAVES[index], proof[1:], root)


def test_consistency_proofs_are_those_of_the_definition_and_no_other_holds(block: int) -> None:
    tree = grown(SMALL)
    for second in range(1, SMALL):
        new = mth(LEAVES[:second])
        for first in range(1, second + 1):
            old = mth(LEAVES[:first])
            proof = tree.consistency(first, second, leaves)
            assert proof == subproof(first, LEAVES[:second], complete=True)
            assert consistent(first, second, old, new, proof)
            assert not consistent(first, second, EMPTY_ROOT, new, proof)
            assert not consistent(first, second, old, EMPTY_ROOT, proof)
            assert not consistent(first, second, old, new, [*proof, old])
            assert not proof or not consistent(first, second, old, new, proof[:-1])


@given(st.sampled_from(AROUND_REAL_BLOCKS), st.sampled_from(AROUND_REAL_BLOCKS), st.data())
def test_proofs_around_real_blocks_hold(one: int, other: int, data: st.DataObject) -> None:
    first, second = sorted((one, other))
    tree = grown(len(LEAVES))
    old, new = mth(LEAVES[:first]), mth(LEAVES[:second])
    proof = tree.consistency(first, second, leaves)
    assert proof == subproof(first, LEAVES[:second], complete=True)
    assert consistent(first, second, old, new, proof)
    index = data.draw(st.integers(0, second - 1))
    proof = tree.inclusion(index, second, leaves)
    assert proof == path(index, LEAVES[:second])
    assert included(index, second, LEAVES[index], proof, new)


@given(st.integers(1, SMALL), st.integers(1, SMALL), st.data())
def test_any_flipped_bit_of_a_proof_is_refused(one: int, other: int, data: st.DataObject) -> None:
    first, second = sorted((one, other))
    tree = grown(SMALL)
    root, index = mth(LEAVES[:second]), first - 1
    proofs = (tree.inclusion(index, second, leaves), tree.consistency(first, second, leaves))
    for at, proof in enumerate(proofs):
        if not proof:
            continue
        wrong = data.draw(st.integers(0, len(proof) - 1))
        bit = data.draw(st.integers(0, 255))
        flipped = bytearray(proof[wrong])
        flipped[bit // 8] ^= 1 << bit % 8
        proof[wrong] = bytes(flipped)
        if at == 0:
            assert not included(index, second, LEAVES[index], proof, root)
        else:
            assert not consistent(first, second, mth(LEAVES[:first]), root, proof)


def test_nothing_is_consistent_with_everything_and_everything_with_itself() -> None:
    new = mth(LEAVES[:5])
    assert grown(5).consistency(0, 5, leaves) == grown(5).consistency(5, 5, leaves) == []
    assert consistent(0, 5, EMPTY_ROOT, new, [])
    assert consistent(5, 5, new, new, [])
    assert not consistent(0, 5, new, new, [])
    assert not consistent(0, 5, EMPTY_ROOT, new, [new])
    assert not consistent(5, 5, new, EMPTY_ROOT, [])
    assert not consistent(6, 5, new, new, [])
    assert not consistent(-1, 5, new, new, [])


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (0, 0), (0, 10), (9, 10)])
def test_no_proof_is_made_of_what_is_not_in_the_tree(index: int, size: int) -> None:
    tree = grown(9)
    with pytest.raises(ValueError, match="no such leaf or size"):
        tree.inclusion(index, size, leaves)
    if not 0 <= index < size:
        assert not included(index, size, LEAVES[0], [], leaf_hash(LEAVES[0]))


@pytest.mark.parametrize("sizes", [(-1, 3), (4, 3), (3, 10)])
def test_no_consistency_is_proven_with_what_is_not_in_the_tree(sizes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no such leaf or size"):
        grown(9).consistency(*sizes, leaves)


@pytest.mark.parametrize("size", [-1, 10])
def test_a_root_past_the_end_is_not_told(size: int) -> None:
    with pytest.raises(ValueError, match="no such leaf or size"):
        grown(9).root_at(size, leaves)


def test_the_longest_proof_has_as_many_hashes_as_the_bound_says() -> None:
    def walked(size: int) -> int:
        return len(list(merkle._siblings(0, size - 1)))

    assert walked(2**PROOF_HASHES_MAX) == PROOF_HASHES_MAX
    assert walked(2**PROOF_HASHES_MAX + 1) == PROOF_HASHES_MAX + 1

"""The Merkle tree over a tenant's events: RFC 6962 section 2.1, RFC 9162 section 2.1.

Leaf `i` is the hash of the event at position `i`, 32 bytes; its leaf hash is SHA-256(0x00 || leaf),
an inner node SHA-256(0x01 || left || right). `BLOCK_LEAVES` leaves make a block: the root of a
complete block never changes, so those roots are what is kept of the past.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

HASH_BYTES = 32

# Leaves of a block, a power of two: one kept hash per 256 events, and at most 255 leaves to read
# again for the newest root. Also the width of a tile in C2SP tlog-tiles.
BLOCK_LEAVES = 256

# Hashes in an inclusion proof for a tree of 2**63 leaves; RFC 9162 section 2.1.3.
PROOF_HASHES_MAX = 63

EMPTY_ROOT = sha256(b"").digest()

# Leaf data (event hashes) from one position on, at most so many; fewer where the log ends.
Leaves = Callable[[int, int], Sequence[bytes]]


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of one leaf's data, RFC 6962 section 2.1."""
    return sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node over two hashes, RFC 6962 section 2.1."""
    return sha256(b"\1" + left + right).digest()


def subtree_root(hashes: Sequence[bytes]) -> bytes:
    """The root over hashes of one level, as RFC 6962 splits them; `EMPTY_ROOT` over none.

    Level by level, an odd last hash going up as it is, which is the same tree.
    """
    level = list(hashes)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        above = [
            sha256(b"\1" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)
        ]
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]


class Tree:
    """A growing tree: every complete subtree of whole blocks, and the leaf hashes behind them.

    Takes 64 bytes and their objects per block, a quarter of a byte per event.
    """

    def __init__(self, blocks: Sequence[bytes] = ()) -> None:
        """Begin with the roots of the first complete blocks, as `block_roots` gave them."""
        # levels[k][i] is the root over blocks i * 2**k up to (i + 1) * 2**k.
        self._levels: list[list[bytes]] = [[]]
        self._tail: list[bytes] = []
        self.extend_blocks(blocks)

    @property
    def size(self) -> int:
        """Leaves in the tree."""
        return self.blocks * BLOCK_LEAVES + len(self._tail)

    @property
    def blocks(self) -> int:
        """Complete blocks in the tree."""
        return len(self._levels[0])

    def block_roots(self, first: int) -> list[bytes]:
        """Roots of the complete blocks from number `first` on."""
        return self._levels[0][first:]

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append leaf data (event hashes) in position order."""
        tail = self._tail
        tail += [sha256(b"\0" + leaf).digest() for leaf in leaves]
        whole = len(tail) - len(tail) % BLOCK_LEAVES
        for first in range(0, whole, BLOCK_LEAVES):
            self._add_block(subtree_root(tail[first : first + BLOCK_LEAVES]))
        del tail[:whole]

    def extend_blocks(self, blocks: Sequence[bytes]) -> None:
        """Append the roots of complete blocks, of which the leaves behind the last are part."""
        if blocks:
            self._tail.clear()
        for block in blocks:
            self._add_block(block)

    def root(self) -> bytes:
        """The root over everything."""
        found = subtree_root(self._tail) if self._tail else None
        for level in self._levels:
            # Of each level only a last, unpaired root is not part of the level above.
            if len(level) % 2:
                found = level[-1] if found is None else node_hash(level[-1], found)
        return EMPTY_ROOT if found is None else found

    def _add_block(self, root: bytes) -> None:
        height = 0
        self._levels[0].append(root)
        while len(self._levels[height]) % 2 == 0:
            pair = self._levels[height][-2:]
            height += 1
            if height == len(self._levels):
                self._levels.append([])
            self._levels[height].append(node_hash(*pair))

    # ── proofs ───────────────────────────────────────────────────────────────────────────────────

    def root_at(self, size: int, leaves: Leaves) -> bytes:
        """The root over the first `size` leaves. Raises `ValueError` past the tree's own size."""
        self._require(0 <= size <= self.size, size)
        return self._range_root(0, size, leaves) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int, leaves: Leaves) -> list[bytes]:
        """The proof that leaf `index` is in the tree of `size` leaves, leaf to root.

        RFC 9162 section 2.1.3.1. Raises `ValueError` for an index or size outside the tree.
        """
        self._require(0 <= index < size <= self.size, size)
        return [self._range_root(*part, leaves) for part in _inclusion_ranges(index, size)]

    def consistency(self, first: int, second: int, leaves: Leaves) -> list[bytes]:
        """The proof that the tree of `first` leaves is the beginning of the one of `second`.

        RFC 9162 section 2.1.4.1; empty where they are equal or `first` is 0. Raises `ValueError`.
        """
        self._require(0 <= first <= second <= self.size, second)
        if first in (0, second):
            return []
        return [self._range_root(*part, leaves) for part in _consistency_ranges(first, second)]

    def _require(self, fits: bool, size: int) -> None:  # noqa: FBT001 - a condition, not an option
        if not fits:
            raise ValueError(f"no such leaf or size: {size} of a tree of {self.size}")

    def _range_root(self, start: int, end: int, leaves: Leaves) -> bytes:
        """The root over leaves from `start` up to `end`, as an RFC 6962 tree has that range."""
        found: list[bytes] = []
        while end - start >= BLOCK_LEAVES:
            block = start // BLOCK_LEAVES
            height = ((end - start) // BLOCK_LEAVES).bit_length() - 1
            found.append(self._levels[height][block >> height])
            start += BLOCK_LEAVES << height
        if start < end:
            found.append(subtree_root([leaf_hash(leaf) for leaf in leaves(start, end - start)]))
        root = found.pop()
        while found:
            root = node_hash(found.pop(), root)
        return root


Range = tuple[int, int]


def _inclusion_ranges(index: int, size: int) -> list[Range]:
    """The ranges of leaves whose roots prove `index`, leaf to root: PATH of RFC 9162 2.1.3.1."""
    start, end = 0, size
    found: list[Range] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start = middle
    return found[::-1]


def _consistency_ranges(first: int, second: int) -> list[Range]:
    """The ranges of leaves whose roots prove consistency: SUBPROOF of RFC 9162 2.1.4.1."""
    start, end = 0, second
    found: list[Range] = []
    while end != first:
        middle = start + _split(end - start)
        if first <= middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start = middle
    if start:
        # The old tree ends inside this one, so its last complete subtree must be told.
        found.append((start, end))
    return found[::-1]


def _split(size: int) -> int:
    """The largest power of two smaller than `size`, where RFC 6962 splits a tree."""
    return 1 << ((size - 1).bit_length() - 1)


# ── what a verifier computes ─────────────────────────────────────────────────────────────────────


def included(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof shows `leaf` (an event hash) at `index` of the tree; RFC 9162 2.1.3.2."""
    if not 0 <= index < size:
        return False
    sides = list(_siblings(index, size - 1))
    if len(sides) != len(proof):
        return False
    found = leaf_hash(leaf)
    for is_left, sibling in zip(sides, proof, strict=True):
        found = node_hash(sibling, found) if is_left else node_hash(found, sibling)
    return found == root


def consistent(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the proof shows that the second tree continues the first; RFC 9162 2.1.4.2."""
    if not 0 <= first <= second:
        return False
    if first in (0, second):
        expected = first_root if first else EMPTY_ROOT
        return not proof and first_root == expected and (not first or first_root == second_root)
    is_whole = first & (first - 1) == 0
    path = [first_root, *proof] if is_whole else list(proof)
    # The path begins at the last complete subtree of the old tree, not at a leaf.
    skipped = (first & -first).bit_length() - 1
    sides = list(_siblings((first - 1) >> skipped, (second - 1) >> skipped))
    if len(path) != len(sides) + 1:
        return False
    old = new = path[0]
    for is_left, sibling in zip(sides, path[1:], strict=True):
        if is_left:
            old = node_hash(sibling, old)
        new = node_hash(sibling, new) if is_left else node_hash(new, sibling)
    return old == first_root and new == second_root


def _siblings(node: int, last: int) -> Iterator[bool]:
    """Whether each sibling on the way up from `node` stands left of it; `last` is the level's."""
    while last:
        yield bool(node % 2) or node == last
        if node == last:
            # Odd ends go up unpaired, so the next sibling is that of a higher level.
            while node % 2 == 0:
                node, last = node >> 1, last >> 1
        node, last = node >> 1, last >> 1

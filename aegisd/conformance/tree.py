"""The Merkle tree as RFC 6962 section 2.1 defines it, word for word: slow, and hard to get wrong.

A gate is not held against the code that it may share with us. Leaves are event hashes, 32 bytes.
"""

from collections.abc import Sequence
from hashlib import sha256

Leaves = Sequence[bytes]


def root(leaves: Leaves) -> bytes:
    """MTH(D[n]): the root over leaves in order."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    left, right = _halves(leaves)
    return sha256(b"\1" + root(left) + root(right)).digest()


def inclusion(index: int, leaves: Leaves) -> list[bytes]:
    """PATH(m, D[n]): what proves leaf `index`, from the leaf to the root."""
    if len(leaves) == 1:
        return []
    left, right = _halves(leaves)
    if index < len(left):
        return [*inclusion(index, left), root(right)]
    return [*inclusion(index - len(left), right), root(left)]


def consistency(first: int, leaves: Leaves, *, known: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b): what proves that the first `first` leaves, one or more, came first.

    `known` (b) tells that the verifier has the root of this part.
    """
    if first == len(leaves):
        return [] if known else [root(leaves)]
    left, right = _halves(leaves)
    if first <= len(left):
        return [*consistency(first, left, known=known), root(right)]
    return [*consistency(first - len(left), right, known=False), root(left)]


def _halves(leaves: Leaves) -> tuple[Leaves, Leaves]:
    """Two or more leaves, split at the largest power of two below their number."""
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    return leaves[:middle], leaves[middle:]

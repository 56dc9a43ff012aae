"""The roots of one tree at some sizes, found while its leaves go by once."""

from collections import deque
from collections.abc import Iterable, Sequence

from aegisd.core.log.merkle import BLOCK_LEAVES, EMPTY_ROOT, Tree


class Roots:
    """Grows a tree and keeps its root `at` each wanted size. Memory as a `Tree` has, whatever else.

    Sizes are told beforehand, because a tree keeps no leaves to go back to.
    """

    def __init__(self, sizes: Iterable[int] = ()) -> None:
        self.at: dict[int, bytes] = {}
        self._wanted: deque[int] = deque()
        self._tree = Tree()
        self._waiting: list[bytes] = []
        self.want(sizes)

    @property
    def size(self) -> int:
        """Leaves seen so far."""
        return self._tree.size + len(self._waiting)

    def want(self, sizes: Iterable[int]) -> None:
        """Keep the roots at these sizes too. One that has gone by already is never found."""
        self._grow()
        found = sorted({*self._wanted, *sizes})
        if 0 in found:
            self.at[0] = EMPTY_ROOT
        if self._tree.size in found:
            self.at[self._tree.size] = self._tree.root()
        self._wanted = deque(size for size in found if size > self._tree.size)

    def add(self, leaf: bytes) -> None:
        """Append the next leaf, an event hash."""
        self._waiting.append(leaf)
        if len(self._waiting) == BLOCK_LEAVES:
            self._grow()

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append leaves in position order."""
        self._waiting += leaves
        self._grow()

    def tree(self) -> Tree:
        """The tree over everything seen so far."""
        self._grow()
        return self._tree

    def _grow(self) -> None:
        leaves, self._waiting = self._waiting, []
        done = 0
        while self._wanted and self._wanted[0] <= self._tree.size + len(leaves) - done:
            end = done + self._wanted.popleft() - self._tree.size
            self._tree.extend(leaves[done:end])
            done = end
            self.at[self._tree.size] = self._tree.root()
        self._tree.extend(leaves[done:] if done else leaves)

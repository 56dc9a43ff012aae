"""An immutable map that grows with the log and stays cheap to extend.

A copied dict would make the thousandth event of a session cost a thousand times the first. This is
a binary counter of dicts (Bentley and Saxe, 1980): a put merges layers of like size, so it costs
O(log n) amortised, and a look-up asks at most log2(n) + 1 layers.
"""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

V = TypeVar("V")


class Ledger(Generic[V]):
    """Text keys to small values. Equal when they hold the same entries."""

    __slots__ = ("_layers",)

    def __init__(self, layers: tuple[Mapping[str, V], ...] = ()) -> None:
        self._layers = layers

    def get(self, key: str) -> V | None:
        """The newest value put under `key`."""
        for layer in self._layers:
            value = layer.get(key)
            if value is not None:
                return value
        return None

    def put(self, key: str, value: V) -> "Ledger[V]":
        """A ledger with `key` set; this one stays as it is."""
        top: dict[str, V] = {key: value}
        depth = 0
        for layer in self._layers:
            # Each layer is at least twice the one above it, also where a key comes again.
            if len(layer) >= 2 * len(top):
                break
            top = {**layer, **top}
            depth += 1
        return Ledger((top, *self._layers[depth:]))

    def items(self) -> Iterator[tuple[str, V]]:
        """All entries, by key in code point order."""
        merged: dict[str, V] = {}
        for layer in reversed(self._layers):
            merged.update(layer)
        yield from sorted(merged.items())

    def __eq__(self, other: object) -> bool:
        """Entries decide; how they are layered does not."""
        return isinstance(other, Ledger) and dict(self.items()) == dict(other.items())

    __hash__ = None  # type: ignore[assignment]  # equal ledgers may be layered differently

"""How a long check tells what it has done."""

from typing import Protocol


class Progress(Protocol):
    """Told of each part that is done."""

    def __call__(self, done: int = 1, /) -> None:
        """So many things more are done: events, or bytes, as the function says that takes this."""


def silent(done: int = 1, /) -> None:
    """Tell nobody."""

"""Argument patterns of a manifest's binaries: `*` is any run of characters, all else is literal."""

from collections.abc import Sequence
from itertools import islice

# Arguments of all commands of a call compared with patterns of their binaries, a quarter of a
# microsecond each; past its share of them an argument is matched by none, which denies.
COMPARISONS_MAX = 65_536


def unmatched(
    args: Sequence[str], patterns: Sequence[str], most: int = COMPARISONS_MAX
) -> tuple[str, ...]:
    """Give the arguments that no pattern matches, in their order; no patterns match nothing.

    A pattern covers one whole argument: `*` never reaches into the next. Linear in the argument,
    since each literal piece is sought once, leftmost, behind the one before it. At most
    `most` arguments and patterns are compared; equal arguments once.
    """
    if not patterns or len(patterns) > most:
        return tuple(args)
    pieces = [pattern.split("*") for pattern in patterns]
    compared = islice(dict.fromkeys(args), most // len(pieces))
    matched = {arg for arg in compared if any(_matches(arg, piece) for piece in pieces)}
    return tuple(arg for arg in args if arg not in matched)


def _matches(arg: str, pieces: Sequence[str]) -> bool:
    """Match against literal pieces between stars. Leftmost is enough: it leaves most room."""
    first, *middle = pieces
    if not middle:
        return arg == first
    last = middle.pop()
    start, end = len(first), len(arg) - len(last)
    if start > end or not arg.startswith(first) or not arg.endswith(last):
        return False
    for piece in middle:
        found = arg.find(piece, start, end)
        if found < 0:
            return False
        start = found + len(piece)
    return True

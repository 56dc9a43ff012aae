"""Names and texts of others inside a sentence of ours: on one line, and no longer than is read."""

from collections.abc import Collection
from itertools import islice

# Characters of one text: a pattern, a root, a few options, a description.
WORDING_CHARACTERS_MAX = 80

# Names that are told of many.
NAMES_MAX = 3


def bounded(text: str, most: int = WORDING_CHARACTERS_MAX) -> str:
    """A text on one line, without what cannot be seen, cut at its bound."""
    text = " ".join(text[: 2 * most].split())
    if not text.isprintable():
        text = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def listed(
    names: Collection[str], most: int = WORDING_CHARACTERS_MAX, first: int = NAMES_MAX
) -> str:
    """The first names, and how many more there are."""
    told = ", ".join(f"`{bounded(name, most)}`" for name in islice(names, first))
    more = len(names) - first
    return f"{told} and {more} more" if more > 0 else told

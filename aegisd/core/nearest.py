"""Which known word a misspelt one probably meant, for error messages."""

from collections.abc import Iterable
from itertools import islice

# Characters of a word that are looked at: no name of ours is longer, and a guess must cost a
# hostile request no more than an honest one.
WORD_CHARACTERS_MAX = 64

# Known words that are looked at: no list of ours is longer, and a caller's may be.
WORDS_MAX = 128


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word with the smallest edit distance to `word`; ties go to the first in order.

    `known` is not empty. Distance is Levenshtein's over code points of the first
    `WORD_CHARACTERS_MAX` characters; only the first `WORDS_MAX` words in order are candidates.
    """
    start = word[:WORD_CHARACTERS_MAX]
    candidates = islice(sorted(known), WORDS_MAX)
    return min(candidates, key=lambda known_word: _distance(start, known_word))


def _distance(left: str, right: str) -> int:
    right = right[:WORD_CHARACTERS_MAX]
    row = list(range(len(right) + 1))
    for i, mine in enumerate(left, 1):
        diagonal, row[0] = row[0], i
        for j, theirs in enumerate(right, 1):
            diagonal, row[j] = (
                row[j],
                min(row[j] + 1, row[j - 1] + 1, diagonal + (mine != theirs)),
            )
    return row[len(right)]

"""Which known word a misspelt one probably meant, for error messages."""

from collections.abc import Iterable
from itertools import islice

# Characters of a word that are looked at: no name of ours is longer, and a guess must cost a
# hostile request no more than an honest one.
WORD_CHARACTERS_MAX = 64

# Known words that are looked at: no list of ours is longer, and a caller's may be.
WORDS_MAX = 128

# Share of pairs that two words have in common who are alike; `read_file` and `file_read` do.
ALIKE_MIN = 0.5


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word with the smallest edit distance to `word`; ties go to the first in order.

    `known` is not empty. Distance is Levenshtein's over code points of the first
    `WORD_CHARACTERS_MAX` characters; only the first `WORDS_MAX` words in order are candidates.
    """
    start = word[:WORD_CHARACTERS_MAX]
    candidates = islice(sorted(known), WORDS_MAX)
    return min(candidates, key=lambda known_word: _distance(start, known_word))


def alike(word: str, known: Iterable[str]) -> str | None:
    """The known word that shares most pairs of characters with `word`; None where it is under half.

    Of the same words as `nearest`, and a hundred times cheaper: it is asked for calls of agents.
    """
    pairs = _pairs(word)
    shares = {each: _shared(pairs, _pairs(each)) for each in islice(sorted(known), WORDS_MAX)}
    best = max(shares, key=lambda each: shares[each], default=None)
    return best if best is not None and shares[best] >= ALIKE_MIN else None


def _pairs(word: str) -> set[str]:
    start = word[:WORD_CHARACTERS_MAX].casefold()
    return {start[index : index + 2] for index in range(len(start) - 1)}


def _shared(left: set[str], right: set[str]) -> float:
    """Dice's coefficient: 1 for the same pairs, 0 for none in common."""
    return 2 * len(left & right) / (len(left) + len(right) or 1)


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

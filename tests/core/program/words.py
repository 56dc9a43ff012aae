"""What single words reach for, in short."""

from collections.abc import Mapping

from aegisd.core.program.meaning import Meaning


def told(meaning: Meaning, words: Mapping[str, str]) -> dict[str, str]:
    """What each of the words reaches for: `read x, write x`, or nothing."""
    return {
        word: ", ".join(f"{reach.kind} {reach.text}" for reach in meaning(word)) for word in words
    }

"""A stranger's text, made safe to show.

A log holds what strangers wrote. Nothing of it may move a cursor, recolour a verdict or turn text
around, so a value that a sentence repeats has its control and bidirectional characters escaped.
"""

import unicodedata

# Characters of one shown value: a line of a wide terminal. Whoever wants all of it asks for data.
SHOWN_CHARACTERS_MAX = 96

# Control, format (bidirectional marks, zero width), surrogate, unassigned, private, separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})


def shown(text: str, limit: int | None = SHOWN_CHARACTERS_MAX) -> str:
    """The text with unseen characters escaped, cut to `limit` characters and an ellipsis."""
    cut = text if limit is None or len(text) <= limit else text[: limit - 1]
    escaped = "".join(_escape(c) if unicodedata.category(c) in _UNSEEN else c for c in cut)
    return escaped if len(cut) == len(text) else escaped + "…"


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - the BMP

"""What a message repeats of a file that may be another one than was meant, a private key.

Nothing of its text, and of its names those that no key can be: whoever wrote the file knows the
rest by the place.
"""

import re

import msgspec

# Letters of a name that is repeated: a key of 32 bytes has 43 characters or more.
LETTERS_MAX = 40

# Characters of one with anything else in it: as few of a key leave too many to guess.
CHARACTERS_MAX = 15

_NAME = re.compile(rf"[A-Za-z_.$-]{{1,{LETTERS_MAX}}}|.{{1,{CHARACTERS_MAX}}}", re.DOTALL)
_QUOTED = re.compile(r"'.*'|\".*\"", re.DOTALL)
# Msgspec's words: a field that is not known or a value that is none of an enumeration, and where.
_FOUND = re.compile(
    r"(unknown field |Invalid enum value )(.*?)( - at `\$[\w.\[\]$-]*`)?\Z", re.DOTALL
)

# What every private key says of itself: ours, those of PEM, and those of RFC 7517.
_PRIVATE = re.compile(r"PRIVATE\+KEY\+|PRIVATE KEY-----|\"d\"\s*:")


def named(name: str) -> str:
    """A name in quotes, or how long it is."""
    return repr(name) if _NAME.fullmatch(name) else f"(a name of {len(name)} characters)"


def unquoted(sentence: str) -> str:
    """A library's sentence about a text, without what it quotes of it."""
    return _QUOTED.sub("(…)", sentence)


def misshapen(error: msgspec.ValidationError) -> str:
    """Why a value is not of its shape, and where, without the value."""
    return _FOUND.sub(lambda at: at[1] + named(at[2][1:-1]) + (at[3] or ""), str(error))


def is_private_key(text: str) -> bool:
    """Whether somebody has given a private key itself in the place of a name or a value."""
    return bool(_PRIVATE.search(text))

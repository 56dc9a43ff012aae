"""Strict JSON in, RFC 8785 bytes out.

The log stores canonical bytes and hashes stored bytes, so two readers must never see two things in
one document: duplicate keys, lone surrogates, numbers that a double cannot hold and bottomless
nesting are refused at the door. `encode` takes the encoder as it is where its bytes provably equal
RFC 8785 (ASCII keys, no floats, plain types), and everywhere else arranges keys and floats first.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from math import isfinite

import msgspec
from msgspec import Raw

from aegisd.core.errors import DuplicateKey, InvalidJson, NumberOutOfRange, TooDeep

# Levels of arrays and objects. Deep enough for any tool's arguments; shallow enough that every
# recursive reader (ours, the evaluator's, an auditor's) stays far from its stack limit.
DEPTH_MAX = 64

# RFC 8785 section 3.2.2.3 and RFC 7493 section 2.2: beyond this, doubles skip integers.
INTEGER_MAX = 2**53 - 1

# From here up ECMAScript, and so RFC 8785, writes an exponent: every reader sees a double.
_EXPONENT_FROM = 1e21

# And below this power of ten.
_EXPONENT_BELOW = -6

# Characters of a number without exponent that has at most 15 digits: those a double keeps.
_KEPT_CHARACTERS = 16

_OUT_OF_RANGE = (
    "a number is an integer outside ±(2^53-1), not finite, -0, or has digits that a double does "
    "not hold; JSON readers disagree about it, so send it as a string or with fewer digits"
)
_TOO_DEEP = f"nested deeper than the DEPTH_MAX = {DEPTH_MAX} levels a caller may send"
_SURROGATE = "a string holds a lone surrogate, which UTF-8 cannot carry"

_fast = msgspec.json.Encoder(order="sorted")
_as_given = msgspec.json.Encoder()


def double(text: str) -> float:
    """A number by its text: Python reads `1e308` a hundred times faster than the decoder does."""
    value = float(text)
    if not isfinite(value):
        raise ValueError(_OUT_OF_RANGE)
    return value


def exact(text: str) -> float:
    """A number by its text, if its value is the one that is written for it."""
    value = float(text)
    if value and len(text) <= _KEPT_CHARACTERS and "e" not in text and "E" not in text:
        return value
    if (
        not isfinite(value)
        or (not value and text.startswith("-"))
        or (repr(value) != text and Decimal(repr(value)) != Decimal(text))
    ):
        raise ValueError(_OUT_OF_RANGE)
    return value


# What is decoded is canonical, or is looked at by `parse`. Raises `msgspec.MsgspecError`.
decode = msgspec.json.Decoder(float_hook=double).decode
_decode_exact = msgspec.json.Decoder(float_hook=exact).decode

# The integer -0, which is decoded as 0; most that look like it stand in strings, as dates do.
_NEGATIVE_ZERO = re.compile(rb"-0(?<![^\s:,\[]-0)(?=[\s,\]}]|\Z)")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)


# A colon may be spelled \u003a inside a string; an even run of backslashes before it is text.
_ESCAPED_COLON = re.compile(rb"(?<!\\)(?:\\\\)*\\u003[aA]")


def parse(data: bytes, *, depth_max: int = DEPTH_MAX, sent: bool = True) -> object:
    """Decode one JSON document (RFC 8259, UTF-8, no BOM) to plain Python values.

    The value is the one its canonical bytes decode to: `1.0` comes back as the integer 1.
    Raises `InvalidJson` or its subclasses: `DuplicateKey`; `TooDeep` past `depth_max`; and
    `NumberOutOfRange` for a number that is not finite, that RFC 8785 writes as an integer outside
    ±(2^53-1), or, unless a program computed it and nobody `sent` it, that would come back as
    another one.
    """
    try:
        value = _decode_exact(data) if sent else decode(data)
    except RecursionError:
        raise TooDeep(_TOO_DEEP) from None
    except msgspec.ValidationError:
        raise NumberOutOfRange(_OUT_OF_RANGE) from None
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise InvalidJson(f"expected one JSON document in UTF-8: {_reason(error)}") from None
    if sent and b"-0" in data and _has_negative_zero(data):
        raise NumberOutOfRange(_OUT_OF_RANGE)
    plain = _is_plain(value, depth_max)
    body = _fast.encode(value) if plain else _careful(value)
    if data.count(b":") + _escaped_colons(data) != body.count(b":"):
        # Decoding keeps the last of two equal keys, and a dropped member drops its colon.
        raise DuplicateKey("an object in the document names the same key twice")
    return value if plain else decode(body)


def encode(value: object, *, depth_max: int = DEPTH_MAX) -> bytes:
    """Encode plain values (dict, list, str, int, float, bool, None) as RFC 8785 bytes.

    Raises `NumberOutOfRange` and `TooDeep` as `parse` does, `InvalidJson` for a lone surrogate or
    any other type.
    """
    if not _is_plain(value, depth_max):
        return _careful(value)
    try:
        return _fast.encode(value)
    except UnicodeError:
        raise InvalidJson(_SURROGATE) from None


def _is_plain(value: object, depth: int) -> bool:
    """Whether the fast encoder's bytes equal RFC 8785; raises for what the log cannot hold.

    Every member is looked at, also behind the first that is not plain. Lone surrogates are left to
    the encoders.
    """
    if type(value) is str or type(value) is bool or value is None:
        return True
    if type(value) is int or type(value) is float:
        return _is_plain_number(value)
    if depth == 0:
        raise TooDeep(_TOO_DEEP)
    plain, members = True, value
    if type(value) is dict:
        plain, members = _are_plain_keys(value), value.values()
    elif type(value) is not list and type(value) is not tuple:
        raise InvalidJson(f"a value of type {type(value).__name__} has no JSON form")
    for member in members:  # type: ignore[attr-defined]  # a list, a tuple or a dict's values
        if type(member) is not str:
            plain = _is_plain(member, depth - 1) and plain
    return plain


def _is_plain_number(value: float) -> bool:
    """Floats are arranged first: ECMAScript writes them otherwise."""
    if type(value) is int:
        kept = -INTEGER_MAX <= value <= INTEGER_MAX
    else:
        integer = value.is_integer() and abs(value) < _EXPONENT_FROM
        kept = isfinite(value) and not (integer and abs(value) > INTEGER_MAX)
    if not kept:
        raise NumberOutOfRange(_OUT_OF_RANGE)
    return type(value) is int


def _are_plain_keys(keys: Iterable[object]) -> bool:
    """RFC 8785 sorts keys by UTF-16 units, the fast encoder by bytes; in ASCII they agree."""
    plain = True
    for key in keys:
        if type(key) is not str:
            raise InvalidJson(f"an object's key of type {type(key).__name__} is not a string")
        plain = plain and key.isascii()
    return plain


def _careful(value: object) -> bytes:
    try:
        return _as_given.encode(_arranged(value))
    except UnicodeError:
        raise InvalidJson(_SURROGATE) from None


def _arranged(value: object) -> object:
    """The value with its keys in the order, and its floats in the digits, of RFC 8785."""
    if type(value) is float:
        return Raw(_digits(value).encode())
    if type(value) is dict:
        names = sorted(value, key=_utf_16)
        return {name: _arranged(value[name]) for name in names}
    if type(value) is list or type(value) is tuple:
        return [_arranged(item) for item in value]
    return value


def _utf_16(name: str) -> bytes:
    return name.encode("utf-16-be")


def _digits(value: float) -> str:
    """A finite float as ECMAScript's `Number::toString` writes it (ECMA-262, 6.1.6.1.20).

    Python finds the same shortest digits; what differs is from where on an exponent is written.
    """
    if value.is_integer() and abs(value) < _EXPONENT_FROM:
        return str(int(value))
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:
        return mantissa
    power = int(exponent)
    if power < _EXPONENT_BELOW or power > 0:
        return f"{mantissa}e{power:+d}"
    sign = "-" if value < 0 else ""
    return f"{sign}0.{'0' * (-power - 1)}{mantissa.removeprefix('-').replace('.', '')}"


def _has_negative_zero(data: bytes) -> bool:
    found = _NEGATIVE_ZERO.search(data) is not None
    return found and _NEGATIVE_ZERO.search(_STRING.sub(b"", data)) is not None


def _escaped_colons(data: bytes) -> int:
    return len(_ESCAPED_COLON.findall(data)) if b"\\u003" in data else 0


def _reason(error: Exception) -> str:
    """The decoder's own words, without the bytes a Unicode error would repeat."""
    if isinstance(error, UnicodeError):
        return "a string is not valid UTF-8"
    return str(error)

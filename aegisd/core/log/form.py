"""Whether bytes are in RFC 8785 form, told quickly for what logs are made of.

Decoding and encoding again gives the same bytes for what is in that form, with any encoder whose
bytes are RFC 8785's for the values at hand. The fast one's are, where no number needs more than a
double and keys sort alike in UTF-8 and UTF-16; `tests/core/log/test_form.py` holds the two
together. For all else the reference is asked.
"""

from typing import Any

import msgspec
import rfc8785
from msgspec import Raw

from aegisd.core.errors import InvalidJson
from aegisd.core.log.canonical import DEPTH_MAX, encode, parse
from aegisd.core.log.envelope import Envelope

# Levels of arrays and objects in stored bytes. What a caller may send is wrapped by the envelope,
# and what a rule repeats of it by a decision: a few levels each.
STORED_DEPTH_MAX = 2 * DEPTH_MAX

# Of a text in RFC 8785 form, digits become 0, what opens a level `[`, what else may stand before a
# number `,`, and the rest but line ends a space: one search finds long integers, one count levels.
_SHAPE = bytes.maketrans(
    bytes(range(256)),
    bytes(range(256))
    .translate(bytes(byte if byte in b"0123456789[{:,-\n" else 32 for byte in range(256)))
    .translate(bytes.maketrans(b"123456789{:-", b"000000000[,,")),
)

# 2**53 has 16 digits, so integers of 15 are in range.
_LONG_INTEGER = b"0" * 16
_LONG_INTEGERS = (b"," + _LONG_INTEGER, b"[" + _LONG_INTEGER)

# Bytes that begin a character above U+FFFF in UTF-8. Only those sort differently in UTF-16.
_ABOVE_BMP = bytes(range(0xF0, 0xF5))


class OpenEnvelope(Envelope, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """An envelope with its payload decoded, in the place that it has there.

    A number with a fraction or an exponent stays text, as `Raw`.
    """

    # Any: whatever JSON it is.
    payload: Any


def _number(text: str) -> Raw:
    """A number that is no integer, if this is how RFC 8785 writes it. Raises `ValueError`."""
    try:
        if rfc8785.dumps(float(text)).decode() == text:
            return Raw(text.encode())
    except rfc8785.CanonicalizationError:
        pass
    raise ValueError("not as RFC 8785 writes it")


_any = msgspec.json.Decoder(float_hook=_number)
_open = msgspec.json.Decoder(OpenEnvelope, float_hook=_number)
_encoder = msgspec.json.Encoder(order="deterministic")

# A decoder raises the first two, a float hook the third, and very deep nesting the last.
_UNREADABLE = (msgspec.MsgspecError, UnicodeError, ValueError, RecursionError)


def is_canonical(body: bytes) -> bool:
    """Whether the bytes are what RFC 8785 makes of the value they decode to."""
    if _is_simple(body):
        try:
            return _encoder.encode(_any.decode(body)) == body
        except _UNREADABLE:
            return False
    try:
        value = parse(body, depth_max=STORED_DEPTH_MAX)
        return encode(value, depth_max=STORED_DEPTH_MAX) == body
    except InvalidJson:
        return False


def open_lines(lines: bytes) -> list[OpenEnvelope] | None:
    """The envelopes on lines that each end in a newline, if all are canonical.

    None where one is not, and where the lines would have to be looked at one by one to tell.
    """
    if not _is_simple(lines):
        return None
    try:
        envelopes = _open.decode_lines(lines)
        return envelopes if _encoder.encode_lines(envelopes) == lines else None
    except _UNREADABLE:
        return None


def open_line(body: bytes) -> OpenEnvelope | None:
    """The envelope that stored bytes hold, if they are canonical."""
    if not is_canonical(body):
        return None
    try:
        return _open.decode(body)
    except _UNREADABLE:
        return None


def _is_simple(text: bytes) -> bool:
    """Whether the fast encoder's bytes are RFC 8785's for whatever this text decodes to.

    Too long a digit run in a string, or too many brackets in all, only make it say no.
    """
    shape = text.translate(_SHAPE)
    if any(run in shape for run in _LONG_INTEGERS) or shape.startswith(_LONG_INTEGER):
        return False
    if shape.count(b"[") > STORED_DEPTH_MAX and any(
        line.count(b"[") > STORED_DEPTH_MAX for line in shape.split(b"\n")
    ):
        return False
    return text.isascii() or text.translate(None, _ABOVE_BMP) == text

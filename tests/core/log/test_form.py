"""The quick answer is the slow one: what is RFC 8785 is told the same by both, near misses too."""

import json

import msgspec
import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from aegisd.core.errors import InvalidJson
from aegisd.core.log import form
from aegisd.core.log.canonical import INTEGER_MAX, encode, parse
from aegisd.core.log.form import STORED_DEPTH_MAX, is_canonical, open_line, open_lines
from tests.core.builders import json_value, small_log
from tests.table import each

LINES = [row.body for row in small_log()]


def reference(body: bytes) -> bool:
    """Slowly: decode strictly, encode with the reference encoder, compare."""
    try:
        value = parse(body, depth_max=STORED_DEPTH_MAX)
        return rfc8785.dumps(value) == body  # type: ignore[arg-type]  # Whatever JSON holds.
    except (InvalidJson, rfc8785.CanonicalizationError):
        return False


# Texts that are nearly, or just so, in RFC 8785 form.
NEAR = [
    b'{"a":1,"b":2}',
    b'{"b":2,"a":1}',
    b'{"a":1,"a":1}',
    b'{"a": 1}',
    b"1.0",
    b"1e21",
    b"1E21",
    b"1e+21",
    b"1e20",
    b"100000000000000000000",
    b"0.1",
    b".1",
    b"0.10",
    b"-0",
    b"-0.0",
    b"0.30000000000000004",
    b"0.300000000000000040",
    b"5e-324",
    b"1e-7",
    b"0.0000001",
    b"1e999",
    b"[1e999]",
    b"NaN",
    str(INTEGER_MAX).encode(),
    str(INTEGER_MAX + 1).encode(),
    str(-INTEGER_MAX).encode(),
    f"[{-INTEGER_MAX - 1}]".encode(),
    f'{{"a":{INTEGER_MAX + 2}}}'.encode(),
    b"[999999999999999]",
    b"[9999999999999999]",
    b'["1234567890123456"]',
    b'[",12345678901234567"]',
    '{"\U00010000":1,"\uff5e":2}'.encode(),
    '{"\uff5e":1,"\U00010000":2}'.encode(),
    '{"é":1,"z":2}'.encode(),
    '{"z":1,"é":2}'.encode(),
    '"\U0001f600"'.encode(),
    b'"\\u00e9"',
    b'"\\/"',
    b'"\\u001f"',
    b'"\\u001F"',
    b'"\\b\\t\\n\\f\\r"',
    b'"\\u0008"',
    b'"\x7f"',
    b'"\\ud800"',
    b'"\xed\xa0\x80"',
    b'"\xff"',
    b"",
    b" 1",
    b"1\n",
    b"[" * STORED_DEPTH_MAX + b"]" * STORED_DEPTH_MAX,
    b"[" * (STORED_DEPTH_MAX + 1) + b"]" * (STORED_DEPTH_MAX + 1),
    b"[" + b",".join([b"[]"] * 2 * STORED_DEPTH_MAX) + b"]",
    b"[" * 100_000,
    b'{"a":' * 900 + b"1" + b"}" * 900,
]


@each("body", NEAR)
def test_near_misses_are_told_as_the_reference_tells_them(body: bytes) -> None:
    assert is_canonical(body) == reference(body)


@given(json_value)
@example([0.5, 1e21, 1e-7])
@example({"\uff5e": 1, "\U00010000": 2})
def test_whatever_the_encoder_makes_is_canonical(value: object) -> None:
    assert is_canonical(encode(value))


@given(json_value)
def test_what_another_encoder_makes_is_told_as_the_reference_tells_it(value: object) -> None:
    for body in (
        json.dumps(value).encode(),
        json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(),
        msgspec.json.encode(value),
        msgspec.json.encode(value, order="sorted"),
    ):
        assert is_canonical(body) == reference(body), body


@given(json_value, st.data())
def test_one_byte_more_less_or_other_is_told_as_the_reference_tells_it(
    value: object, data: st.DataObject
) -> None:
    body = encode(value)
    at = data.draw(st.integers(0, len(body) - 1))
    byte = bytes([data.draw(st.sampled_from(b'019.eE+-,:"[]{}\\ \xf0\xc3u'))])
    for changed in (
        body[:at] + body[at + 1 :],
        body[:at] + byte + body[at:],
        body[:at] + byte + body[at + 1 :],
    ):
        assert is_canonical(changed) == reference(changed), changed


def test_lines_together_are_told_as_each_alone() -> None:
    together = open_lines(b"".join(line + b"\n" for line in LINES))
    assert together == [open_line(line) for line in LINES]
    assert together is not None
    assert [each.seq for each in together] == [row.seq for row in small_log()]


@given(st.lists(json_value, min_size=1, max_size=4))
def test_payloads_of_any_kind_open_as_what_they_are(values: list[object]) -> None:
    lines = [LINES[0].replace(b'"args":{}', b'"args":' + encode(value)) for value in values]
    together = open_lines(b"".join(line + b"\n" for line in lines))
    alone = [open_line(line) for line in lines]
    assert all(each is not None for each in alone)
    if together is not None:
        assert [msgspec.json.encode(each) for each in together] == [
            msgspec.json.encode(each) for each in alone
        ]


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"{}",
        b"[]",
        b'{"$kind":"x"}',
        LINES[0] + b" ",
        LINES[0].replace(b'"seq":0', b'"seq":0.0'),
        LINES[0].replace(b'"seq":0', b'"seq":-0'),
        LINES[0].replace(b'"seq":0', b'"seq":9007199254740992'),
        LINES[0].replace(b'"args":{}', b'"args":{"b":1,"a":1}'),
        LINES[0].replace(b'"args":{}', b'"args":{"a":1,"a":1}'),
        LINES[0].replace(b'"args":{}', b'"args":1.50'),
        LINES[0].replace(b'{"event', b'{"agent":"x","event'),
        LINES[0][:-1] + b',"zzz":1}',
        LINES[0] + LINES[0],
    ],
)
def test_a_line_that_is_no_canonical_envelope_opens_neither_alone_nor_among_others(
    other: bytes,
) -> None:
    assert open_line(other) is None
    for lines in ([other], [LINES[0], other], [other, LINES[0]], [LINES[0], other, LINES[1]]):
        assert open_lines(b"".join(line + b"\n" for line in lines)) is None


def test_an_integer_of_sixteen_digits_is_looked_at_one_by_one() -> None:
    longest = LINES[0].replace(b'"args":{}', b'"args":%d' % INTEGER_MAX)
    assert open_lines(longest + b"\n") is None
    assert open_line(longest) is not None
    beyond = LINES[0].replace(b'"args":{}', b'"args":%d' % (INTEGER_MAX + 1))
    assert open_line(beyond) is None


def test_the_shape_of_a_text_keeps_what_the_guards_look_for() -> None:
    assert b'{"a":[-12,"x"]}\n'.translate(form._SHAPE) == b"[   ,[,00,   ]]\n".replace(b"]", b" ")

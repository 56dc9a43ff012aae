"""Strict JSON in, RFC 8785 bytes out, against the reference encoder and Python's own reader."""

import json
import math
from pathlib import Path

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import DuplicateKey, InvalidJson, NumberOutOfRange, TooDeep
from aegisd.core.log import canonical
from aegisd.core.log.canonical import DEPTH_MAX, INTEGER_MAX, encode, parse
from tests.core.builders import json_value, key, scalar, shared_files, shared_paths, text
from tests.table import each


def spelled(characters: str, choices: list[int]) -> str:
    """A JSON string for the characters, each as itself or escaped as the choices say."""
    out = []
    for at, character in enumerate(characters):
        choice = choices[at % len(choices)] if choices else 0
        if choice and ord(character) < 0x10000:
            code = f"{ord(character):04x}"
            out.append("\\u" + (code.upper() if choice == 2 else code))
        else:
            out.append(json.dumps(character, ensure_ascii=choice == 1)[1:-1])
    return '"' + "".join(out) + '"'


@st.composite
def documents(draw: st.DrawFn, depth: int = 2) -> str:
    """JSON text whose objects may name a key twice, in other spellings too."""
    choices = st.lists(st.integers(0, 2), max_size=6)
    kind = draw(st.sampled_from(["string", "scalar", "array", "object"] if depth else ["string"]))
    if kind == "string":
        return spelled(draw(text | st.text('a:\\"u003', max_size=8)), draw(choices))
    if kind == "scalar":
        return json.dumps(draw(scalar))
    members = []
    for _ in range(draw(st.integers(0, 4))):
        name = spelled(draw(st.text("ab:\\", max_size=2) | key), draw(choices)) + ":"
        members.append((name if kind == "object" else "") + draw(documents(depth - 1)))
    return ("{%s}" if kind == "object" else "[%s]") % ", ".join(members)


def names_a_key_twice(document: str) -> bool:
    """Python's own reader, looking at every pair."""
    repeated = False

    def look(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal repeated
        repeated = repeated or len({name for name, _ in pairs}) < len(pairs)
        return dict(pairs)

    json.loads(document, object_pairs_hook=look)
    return repeated


@given(json_value)
def test_encoding_equals_the_reference_encoder(value: object) -> None:
    assert encode(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@given(json_value)
def test_what_was_encoded_reads_back_and_encodes_to_the_same_bytes(value: object) -> None:
    body = encode(value)
    read = parse(body)
    assert read == value
    assert encode(read) == body
    assert encode(parse(json.dumps(value).encode())) == body


@given(json_value)
def test_a_parsed_value_is_the_one_its_canonical_bytes_decode_to(value: object) -> None:
    read = parse(json.dumps(value).encode())
    decoded = msgspec.json.decode(encode(value))
    assert repr(sorted_deep(read)) == repr(sorted_deep(decoded))  # 1 and 1.0 differ in repr.


def sorted_deep(value: object) -> object:
    if isinstance(value, dict):
        return sorted((name, sorted_deep(member)) for name, member in value.items())
    return [sorted_deep(member) for member in value] if isinstance(value, list) else value


@given(documents())
def test_a_document_is_refused_exactly_when_pythons_reader_sees_a_key_twice(document: str) -> None:
    if names_a_key_twice(document):
        with pytest.raises(DuplicateKey):
            parse(document.encode())
    else:
        assert parse(document.encode()) == json.loads(document)


@pytest.mark.parametrize(
    "document",
    [
        rb'{"a":1,"a":1}',
        rb'{"a":1,"\u0061":2}',
        rb'{"":1,"":2}',
        rb'[{"x":{"k":"\u003a","k":":"}}]',
        rb'{"a":1,"b":"\u003a\u003A","a":2}',
        '{"é":1.5,"\\u00e9":2}'.encode(),
        rb'{"\ud800\udc00":1,"\uD800\uDC00":2}',
    ],
)
def test_a_key_named_twice_is_refused_however_it_is_spelled(document: bytes) -> None:
    with pytest.raises(DuplicateKey):
        parse(document)


@pytest.mark.parametrize(
    ("document", "value"),
    [
        (rb'{"a":"\u003a"}', {"a": ":"}),
        (rb'{"a":"\\u003a"}', {"a": "\\u003a"}),
        (rb'{"a":"\\\u003A"}', {"a": "\\:"}),
        (rb'{"a\u003ab":"\\\\u003a::"}', {"a:b": "\\\\u003a::"}),
        (rb'["\u003a\u003a\\\\\u003a"]', ["::\\\\:"]),
    ],
)
def test_an_escaped_colon_is_not_taken_for_a_lost_member(document: bytes, value: object) -> None:
    assert parse(document) == value


@pytest.mark.parametrize("spelling", ["1.0", "1e0", "10e-1", "0.1E1", "1.000"])
def test_an_integer_is_an_integer_however_it_is_spelled(spelling: str) -> None:
    value = parse(spelling.encode())
    assert (type(value), value) == (int, 1)


@pytest.mark.parametrize("spelling", ["0", "0.0", "0e9", "0E-999"])
def test_every_zero_is_the_integer_zero(spelling: str) -> None:
    assert encode(parse(spelling.encode())) == b"0"


NOT_HELD = (
    "-0 -0.0 -0e5 1e-400 -1e-400 100.000000000000001 5.0000000000000000001 0.10000000000000001"
    " 1.00000000000000000000001e22 4.9e-324 2.2250738585072012e-308 123456789.123456789012"
)
HELD = (
    "0.1 0.30000000000000004 -1.5 12.3400000000000000000 1E5 5e-324 1.7976931348623157e308"
    " 0.000001 1e-7 123456789012345.6 2.220446049250313e-16"
)


@each("spelling", NOT_HELD.split())
@each("around", ["%s", " [%s ]", '{"a":"-0","b":%s}', '{"é":{"a":[0.5,\n%s]}}'])
def test_a_number_that_would_come_back_as_another_is_refused(spelling: str, around: str) -> None:
    data = (around % spelling).encode()
    with pytest.raises(NumberOutOfRange):
        parse(data)
    assert parse(data, sent=False) == json.loads(data)


@each("spelling", HELD.split())
def test_what_a_double_holds_is_kept(spelling: str) -> None:
    assert parse(spelling.encode()) == float(spelling)


@given(st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: abs(value) < 2**53))
def test_every_double_is_kept_as_programs_write_it(value: float) -> None:
    assert parse(json.dumps([value + 0.0 or 0]).encode()) == [value]


@each(
    "document", ['["-0"]', '{"-0":1}', '["a, -0, b \\" -0"]', '["2024-01-02"]', "[-0.5]", "[1e-0]"]
)
def test_what_only_looks_like_a_negative_zero_is_kept(document: str) -> None:
    assert parse(document.encode()) == json.loads(document)


@pytest.mark.parametrize(
    "spelling",
    ["9007199254740991", "-9007199254740991", "9007199254740991.0", "9.007199254740991e15"],
)
def test_the_greatest_integers_are_kept(spelling: str) -> None:
    assert abs(int(str(parse(spelling.encode())))) == INTEGER_MAX


@each(
    "spelling",
    [
        "9007199254740992",
        "-9007199254740992",
        "9007199254740992.0",
        "9007199254740991.5",
        "1e16",
        "1e20",
        "-1E20",
        "999999999999999868928",
        "123456789012345678901234567890",
        "1" + "0" * 21,
        "999999999999999868928.0",
        "1e400",
        "-1e400",
        "9" * 5000,
        "9" * 5000 + ".5",
        "1e" + "9" * 5000,
    ],
)
@each("around", ["%s", '[{"a":%s}]', '{"é":[0.5,%s]}'])
def test_an_integer_past_the_greatest_is_refused_however_it_is_spelled(
    spelling: str, around: str
) -> None:
    with pytest.raises(NumberOutOfRange):
        parse((around % spelling).encode())


@pytest.mark.parametrize("spelling", ["1e21", "1E+21", "1000000000000000000000.0", "10e20"])
def test_a_double_that_rfc_8785_writes_with_an_exponent_is_kept(spelling: str) -> None:
    assert encode(parse(spelling.encode())) == b"1e+21"


@pytest.mark.parametrize("value", [INTEGER_MAX + 1, -INTEGER_MAX - 1, 1e20, 10**21, 2.0**53])
@pytest.mark.parametrize("not_finite", [math.inf, -math.inf, math.nan])
def test_what_cannot_be_read_is_not_written_either(value: float, not_finite: float) -> None:
    for number in (value, not_finite):
        for inside in (number, [number], {"é": 0.5, "z": number}):
            with pytest.raises(NumberOutOfRange):
                encode(inside)


@pytest.mark.parametrize("open_close", [("[", "]"), ('{"a":', "}"), ('{"é":', "}")])
def test_depth_is_bounded(open_close: tuple[str, str]) -> None:
    def nested(levels: int) -> bytes:
        return (open_close[0] * levels + "0" + open_close[1] * levels).encode()

    kept = parse(nested(DEPTH_MAX))
    assert encode(kept) == nested(DEPTH_MAX)
    for levels in (DEPTH_MAX + 1, 100_000):
        with pytest.raises(TooDeep):
            parse(nested(levels))
    for wrapped in ([kept], {"a": kept}, {"é": kept}, [0.5, kept]):
        with pytest.raises(TooDeep):
            encode(wrapped)
        assert encode(wrapped, depth_max=DEPTH_MAX + 1)
    assert (
        parse(nested(DEPTH_MAX + 1), depth_max=DEPTH_MAX + 1)
        == {
            "[": [kept],
            '{"a":': {"a": kept},
            '{"é":': {"é": kept},
        }[open_close[0]]
    )


def test_a_value_that_holds_itself_is_too_deep_rather_than_endless() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(TooDeep):
        encode(loop)


@pytest.mark.parametrize(
    "document",
    [
        rb'"\ud800"',
        rb'"\udc00"',
        rb'"\ud800\ud800"',
        rb'"\udc00\ud800"',
        rb'{"\ud800":1}',
        b'"\xed\xa0\x80"',
        rb'"\ud800x"',
        rb'["\ud83d"]',
    ],
)
def test_a_lone_surrogate_is_refused(document: bytes) -> None:
    with pytest.raises(InvalidJson):
        parse(document)


@pytest.mark.parametrize("value", ["\ud800", ["\udc00", 0.5], {"\ud800": 1}, {"é": "\ud800"}])
def test_a_lone_surrogate_is_not_encoded(value: object) -> None:
    with pytest.raises(InvalidJson, match="lone surrogate"):
        encode(value)


@pytest.mark.parametrize("value", [{1: 2}, {None: 1}, b"x", {1}, object(), [{"a": 1j}], {b"a": 1}])
def test_only_plain_json_types_are_encoded(value: object) -> None:
    with pytest.raises(InvalidJson):
        encode(value)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b" ",
        b"\xef\xbb\xbf{}",
        b"{} {}",
        b"[1,]",
        b"NaN",
        b"Infinity",
        b"'a'",
        b"\xff",
        b'"\xff"',
        b"01",
        b"+1",
        b".5",
        b"1.",
        b'"\t"',
        b"[1] x",
        b"{a:1}",
        b"// x\n1",
        "{}".encode("utf-16"),
    ],
)
def test_what_is_not_one_json_document_in_utf8_is_refused(document: bytes) -> None:
    with pytest.raises(InvalidJson) as refused:
        parse(document)
    assert type(refused.value) is InvalidJson


def test_a_refusal_repeats_nothing_of_the_document() -> None:
    for document in (b'{"hunter2":1,"hunter2":2}', b'{"hunter2":1e400}', b'"hunter2\xff"'):
        with pytest.raises(InvalidJson) as refused:
            parse(document)
        assert "hunter2" not in str(refused.value)


def test_what_is_no_utf8_is_refused_without_its_bytes_in_whichever_words_the_decoder_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def older(data: bytes) -> object:
        """As decoders did whose errors repeat a byte of the string and tell where it stands."""
        return json.loads(data.decode())

    for decoder in (canonical.decode, older):
        monkeypatch.setattr(canonical, "decode", decoder)
        for document in (b'"hunter2\xff"', b'{"hunter2\xff":1}', b'["\xc3("]'):
            with pytest.raises(InvalidJson, match="UTF-8") as refused:
                parse(document)
            for told in ("hunter2", "0xff", "0xc3", "position"):
                assert told not in str(refused.value)


@pytest.mark.parametrize("path", shared_files("rfc8785", "input/*.json"))
def test_the_vectors_of_the_standards_author_are_byte_equal(path: Path) -> None:
    expected = (path.parents[1] / "output" / path.name).read_bytes()
    # One of them has digits that a double does not hold.
    assert encode(parse(path.read_bytes(), sent=False)) == expected


@each("path", shared_paths("jsontestsuite", "n_*.json"))
def test_documents_that_no_reader_may_take_are_refused(path: Path) -> None:
    with pytest.raises(InvalidJson):
        parse(path.read_bytes())


# What strict JSON allows and this log does not, with the error that names it.
REFUSED_HERE: dict[str, type[InvalidJson]] = {
    "y_number_minus_zero.json": NumberOutOfRange,
    "y_number_negative_zero.json": NumberOutOfRange,
    "y_object_duplicated_key.json": DuplicateKey,
    "y_object_duplicated_key_and_value.json": DuplicateKey,
}


@each("path", shared_paths("jsontestsuite", "y_*.json"))
def test_documents_that_every_reader_takes_are_taken_or_refused_for_a_named_reason(
    path: Path,
) -> None:
    data = path.read_bytes()
    if path.name in REFUSED_HERE:
        with pytest.raises(REFUSED_HERE[path.name]):
            parse(data)
    else:
        assert parse(data) == json.loads(data)


@each("path", shared_paths("jsontestsuite", "i_*.json"))
def test_documents_left_to_the_reader_are_taken_or_refused_and_nothing_else(path: Path) -> None:
    try:
        value = parse(path.read_bytes())
    except InvalidJson:
        return
    assert encode(value) == rfc8785.dumps(value)  # type: ignore[arg-type]

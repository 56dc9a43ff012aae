"""A pack's text says one thing to every reader, or is refused with its line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.conformance.source import PACK_NESTING_MAX, PackInvalid, read
from aegisd.core.log.canonical import INTEGER_MAX
from tests.table import each

TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=0xD7FF), max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-INTEGER_MAX, INTEGER_MAX)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_json_is_read_as_what_it_says(value: object) -> None:
    assert read(json.dumps(value), "a.yaml").value == value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("text", "text"),
        ("'no'", "no"),
        ('"1:30"', "1:30"),
        ("1.2.3", "1.2.3"),
        ("127.0.0.1", "127.0.0.1"),
        (".", "."),
        ("n", "n"),
        ("-1", -1),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("null", None),
        ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_a_plain_word_is_text_and_a_json_value_is_itself(written: str, value: object) -> None:
    found = read(f"a: {written}", "a.yaml").value
    assert found == {"a": value}
    assert isinstance(found, dict)
    assert type(found["a"]) is type(value)


@each(
    "written",
    [
        *("no", "Yes", "on", "OFF", "True", "NULL", "~", "0777", "0x1f", "0o7", "1_000", "1:30"),
        *("190:20:30", ".inf", "-.INF", ".NaN", "2001-01-01", "2001-01-01T00:00:00Z", ".5", "5."),
        *("+1", "=", "1e1000", str(INTEGER_MAX + 1), "1" * 5000),
    ],
)
def test_what_readers_disagree_about_is_refused_with_its_line(written: str) -> None:
    with pytest.raises(PackInvalid) as refused:
        read(f"a: 1\nb:\n  - {written}\n", "a.yaml")
    (fault,) = refused.value.faults
    assert (fault.file, fault.line) == ("a.yaml", 3)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "given twice"),
        ("a: &x 1\nb: *x\n", 1, "anchors"),
        ("a: 1\nb: *x\n", 2, "anchors"),
        ("a: 1\nb: !!int '2'\n", 2, "tag"),
        ("a: 1\nb:\n", 2, "found nothing"),
        ("a: 1\n<<: {b: 1}\n", 2, "disagree"),
        ("a: 1\n? [b]\n: 2\n", 2, "not text"),
        ("a: 1\n2: b\n", 2, "not text"),
        ("a: 1\n---\nb: 2\n", 2, "second"),
        ("", 1, "empty"),
        ("# only a remark\n", 2, "empty"),
        ("a: 1\nb: [1,\n", 3, "not YAML"),
        ("a: 1\nb: \ufffe\n", 2, "U.FFFE"),
        ('a: 1\nb: "\\ud800"\n', 2, "scape|surrogate"),
    ],
)
def test_what_no_pack_needs_is_refused_with_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(PackInvalid, match=said) as refused:
        read(text, "a.yaml")
    assert refused.value.faults[0].line == line


def test_nesting_ends_at_its_bound() -> None:
    def nested(levels: int) -> str:
        return "[" * levels + "1" + "]" * levels

    read(nested(PACK_NESTING_MAX), "a.yaml")
    with pytest.raises(PackInvalid, match="PACK_NESTING_MAX"):
        read(nested(PACK_NESTING_MAX + 1), "a.yaml")


def test_a_path_has_the_line_of_its_key_and_of_what_is_around_it() -> None:
    source = read("a: 1\nb:\n  - c: 2\n    d: 3\n  - e\n", "a.yaml")
    assert [source.line(path) for path in (("a",), ("b", 0, "d"), ("b", 1), ("b", 0, "x"))] == [
        1,
        4,
        5,
        3,
    ]

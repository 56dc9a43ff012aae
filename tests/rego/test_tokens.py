"""The lexer reads Rego one way or not at all."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import PolicyInvalid
from aegisd.rego.tokens import NESTING_MAX, Kind, tokens
from tests.table import each


def texts(source: str) -> list[str]:
    return [token.text for token in tokens("a.rego", source)]


def test_comments_and_white_space_are_no_tokens() -> None:
    assert texts('a # "b"\n\t.b') == ["a", ".", "b"]


def test_a_comment_sign_inside_a_string_is_text() -> None:
    assert texts('"a # b" `# c`') == ["a # b", "# c"]


def test_both_quotings_are_strings_by_value() -> None:
    found = tokens("a.rego", '"a\\n" `a\\n`')
    assert [(token.kind, token.text) for token in found] == [
        (Kind.STRING, "a\n"),
        (Kind.STRING, "a\\n"),
    ]


def test_lines_are_counted_through_raw_strings() -> None:
    assert [token.line for token in tokens("a.rego", "`\n\n` x\ny")] == [1, 3, 4]


@each(
    ("source", "says"),
    [
        ('"\\u0041"', 'write "A"'),
        ('"\\/"', 'write "/"'),
        ('"\\u000a"', 'write "\\n"'),
        ('"\\u001F"', 'write "\\u001f"'),
        ('"\\ud800"', "another escape"),
        ('"\\x41"', "another escape"),
        ('"a', "found"),
        ("`a", "found"),
        ("'a'", "found"),
        ('$"{x}"', "found '$'"),
        ("a\u00a0b", "U+00A0"),
        ("\u0430", "found"),
        ("1.0", "write 1"),
        ("1e5", "write 100000"),
        ("01", "write 1"),
        ("0x10", "number"),
        ("1_000", "write 1000"),
        ("9007199254740993", "number"),
        ("1e400", "number"),
        ("(]", "closes nothing"),
        (")", "closes nothing"),
        ("(", "to be closed"),
        ("`a\rb`", "CR"),
    ],
)
def test_what_two_engines_could_read_differently_is_refused(source: str, says: str) -> None:
    with pytest.raises(PolicyInvalid, match=r"^a\.rego:1: ") as caught:
        tokens("a.rego", source)
    assert says in caught.value.message


@pytest.mark.parametrize("source", ["0", "42", "0.5", "1e-7", "1e+21", '"\\\\u0041"', '"\\u001f"'])
def test_the_canonical_spelling_passes(source: str) -> None:
    assert len(tokens("a.rego", source)) == 1


def test_nesting_is_bounded() -> None:
    assert tokens("a.rego", "[" * NESTING_MAX + "]" * NESTING_MAX)
    with pytest.raises(PolicyInvalid, match="NESTING_MAX"):
        tokens("a.rego", "[" * (NESTING_MAX + 1) + "]" * (NESTING_MAX + 1))


@given(st.text(alphabet='ab.[]{}()"`\\\n# :=1_', max_size=60))
def test_any_text_is_tokens_in_order_or_refused(source: str) -> None:
    try:
        found = tokens("a.rego", source)
    except PolicyInvalid:
        return
    assert all(before.end <= after.start for before, after in pairwise(found))
    for token in found:
        if token.kind in (Kind.WORD, Kind.NUMBER, Kind.SIGN):
            assert source[token.start : token.end] == token.text

"""What a keyword expects is told from its schema, bounded, and without the value that broke it."""

from typing import Any

import pytest

from aegisd.core.log.canonical import encode, parse
from aegisd.core.schema.pattern import Patterns
from aegisd.core.schema.schema import Schema

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
CLOSED = {"properties": {"path": {}, "depth": {}}, "additionalProperties": False}


def wanted(schema: dict[str, Any], value: object) -> list[str]:
    given = parse(encode(schema))
    assert isinstance(given, dict)
    return [said for *_, said in Schema(given, Patterns()).judge(parse(encode(value)), 8)]


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        ({"type": "integer"}, "x", "expected integer"),
        ({"type": ["string", "null"]}, 1, "expected string or null"),
        ({"enum": ["a", 2, None]}, "x", 'expected one of "a", 2, null'),
        ({"const": {"a": [1]}}, "x", 'expected {"a":[1]}'),
        ({"pattern": "^[a-z]+$"}, "X", "expected a text that matches ^[a-z]+$"),
        (
            {"pattern": "^..$", "description": "a country's code"},
            "X",
            "expected a text that matches ^..$ (a country's code)",
        ),
        ({"format": "date"}, "X", "expected a text of the format date"),
        ({"minimum": 1}, 0, "expected at least 1"),
        ({"exclusiveMaximum": 1.5}, 2, "expected less than 1.5"),
        (
            {"$schema": DRAFT_4, "maximum": 3, "exclusiveMaximum": True},
            3,
            "expected less than 3",
        ),
        ({"maxLength": 2}, "abc", "expected at most 2 characters"),
        ({"minItems": 1}, [], "expected at least 1 items"),
        ({"uniqueItems": True}, [1, 1], "expected no item twice"),
        ({"contains": {"const": 1}}, [], "expected an item that is 1"),
        ({"required": ["a", "b"]}, {"b": 1}, "missing `a`"),
        ({"required": ["a", "b", "c", "d", "e"]}, {}, "missing `a`, `b`, `c` and 2 more"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "missing `b`, which `a` needs"),
        (CLOSED, {"pat": 1}, "unknown `pat`; the nearest known is `path`"),
        (CLOSED, {"zz": "secret"}, "unknown `zz`; known is `depth`, `path`"),
        (CLOSED, {"a text, and no name": 1}, "unknown property; known is `depth`, `path`"),
        ({"additionalProperties": False}, {"zz": 1}, "unknown `zz`; none is known"),
        ({"not": {"pattern": "x"}}, "x", "expected anything but a text that matches x"),
        (
            {"not": {"description": "a file in .git", "pattern": "x"}},
            "x",
            "expected anything but a file in .git",
        ),
        ({"anyOf": [{"type": "null"}, {"const": 1}]}, 2, "expected one of its 2 forms"),
        ({"oneOf": [{}, {}]}, 2, "expected exactly one of its 2 forms"),
        ({"properties": {"a": False}}, {"a": 1}, "expected nothing here"),
        ({"unevaluatedProperties": False}, {"a": 1}, "expected nothing that its schema does not"),
    ],
)
def test_each_keyword_says_what_it_expects(
    schema: dict[str, Any], value: object, said: str
) -> None:
    (told,) = wanted(schema, value)
    assert told.startswith(said)
    assert "secret" not in told


def test_what_a_large_schema_expects_is_cut() -> None:
    many = {"enum": [f"option {at}" for at in range(5_000)]}
    deep: dict[str, Any] = {
        "not": {"properties": {f"p{at}": {"enum": ["x" * 999]} for at in range(99)}}
    }
    for schema, value in ((many, "x"), (deep, {}), ({"pattern": f"^{'a' * 999}$"}, "x")):
        (told,) = wanted(schema, value)
        assert len(told) < 130
        assert "…" in told

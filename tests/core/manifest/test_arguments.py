"""Arguments are checked against their schema; a breach is named by place and never by value."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.log.canonical import encode, parse
from aegisd.core.manifest.arguments import (
    ARGUMENT_ERRORS_MAX,
    NOT_APPLIED,
    TOO_COSTLY,
    WHERE_CHARACTERS_MAX,
    ArgumentError,
    Arguments,
    pointer,
)
from aegisd.core.manifest.model import Manifest, Tool
from tests.core.builders import json_value, text

# Any: schemas are any JSON.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "pattern": "^/srv/"},
        "mode": {"enum": ["r", "w"]},
        "sizes": {"type": "array", "items": {"type": "integer", "minimum": 0}, "maxItems": 3},
        "owner": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["path"],
    "additionalProperties": False,
}


def arguments(schema: dict[str, Any]) -> Arguments:
    tools = {"t": Tool(args=schema), "untyped": Tool()}
    return Arguments(Manifest(name="n", version="1", publisher="p", tools=tools))


def check(schema: dict[str, Any], args: object) -> list[tuple[str, str]]:
    return [(error.where, error.rule) for error in arguments(schema).check("t", args)]


def test_arguments_that_satisfy_their_schema_have_no_errors() -> None:
    args = {"path": "/srv/x", "mode": "r", "sizes": [1, 2], "owner": {"a": "b"}}
    assert check(SCHEMA, args) == []


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({}, [("/args", "required")]),
        ({"path": "/etc"}, [("/args/path", "pattern")]),
        ({"path": 1}, [("/args/path", "type")]),
        ({"path": "/srv/x", "mode": "x"}, [("/args/mode", "enum")]),
        ({"path": "/srv/x", "sizes": [1, -1, "2"]}, [("/args/sizes/1", "minimum")]),
        ({"path": "/srv/x", "extra": 1}, [("/args", "additionalProperties")]),
        ({"path": "/srv/x", "owner": {"a/b~c": 1}}, [("/args/owner/a~1b~0c", "type")]),
        ([], [("/args", "type")]),
        (None, [("/args", "type")]),
    ],
)
def test_each_breach_is_named_by_where_it_is_and_the_keyword_it_breaks(
    args: object, expected: list[tuple[str, str]]
) -> None:
    found = check(SCHEMA, args)
    assert found[0] == expected[0]
    assert found == sorted(set(found))


def test_a_tool_without_a_schema_has_no_errors() -> None:
    for tool in ("untyped", "undeclared"):
        assert arguments(SCHEMA).check(tool, {"anything": 1}) == ()


def test_at_most_so_many_errors_are_named() -> None:
    schema = {"additionalProperties": {"type": "string"}}
    for count in (1, ARGUMENT_ERRORS_MAX, ARGUMENT_ERRORS_MAX + 1, 5000):
        args = {f"k{number:04}": number for number in range(count)}
        expected = [(f"/args/{name}", "type") for name in sorted(args)[:ARGUMENT_ERRORS_MAX]]
        assert check(schema, args) == expected


def test_where_is_bounded() -> None:
    schema = {"additionalProperties": {"type": "string"}}
    fits = "x" * (WHERE_CHARACTERS_MAX - len("/args/"))
    assert check(schema, {fits: 1}) == [(f"/args/{fits}", "type")]
    for longer in (fits + "y", fits * 100):
        assert check(schema, {longer: 1}) == [(f"/args/{fits}", "type")]


def test_a_pointer_is_escaped_as_rfc_6901_says() -> None:
    assert pointer(()) == "/args"
    assert pointer(("a", 0, "~", "/", "~1", "")) == "/args/a/0/~0/~1/~01/"


@given(st.recursive(st.just("hunter2") | text, lambda inner: st.lists(inner, max_size=3)))
def test_an_error_never_repeats_a_value(value: object) -> None:
    schema = {
        "properties": {
            name: {keyword: expected}
            for name, (keyword, expected) in {
                "a": ("const", 1),
                "b": ("enum", [1]),
                "c": ("type", "number"),
                "d": ("pattern", "^never$"),
                "e": ("maxLength", 0),
                "f": ("not", {}),
                "g": ("format", "ipv4"),
                "h": ("items", {"const": 1}),
                "i": ("oneOf", [{"const": 1}, {"const": 2}]),
            }.items()
        }
    }
    args = dict.fromkeys("abcdefghi", value)
    for error in arguments(schema).check("t", args):
        assert "hunter2" not in f"{error.where}{error.rule}"


@given(json_value, st.dictionaries(text, json_value, max_size=12))
def test_any_arguments_are_checked_and_their_errors_follow_from_canonical_bytes(
    value: object, more: dict[str, object]
) -> None:
    checks = arguments({"additionalProperties": {"type": "string"}, "maxProperties": 3})
    for args in (value, more, {**more, "z": value}):
        body = encode(args)
        errors = checks.check("t", parse(body))
        assert errors == checks.check("t", parse(body))
        assert len(errors) <= ARGUMENT_ERRORS_MAX
        assert list(errors) == sorted(errors, key=lambda error: (error.where, error.rule))
        assert all(isinstance(error, ArgumentError) for error in errors)


@pytest.mark.parametrize(
    "reference",
    [
        "http://127.0.0.1:9/x.json",
        "https://example.com/x",
        "file:///etc/passwd",
        "other.json",
        "urn:x:y",
        "ftp://127.0.0.1/x",
        "//example.com/x",
        "data:application/json,{}",
    ],
)
@pytest.mark.parametrize("keyword", ["$ref", "$schema", "$dynamicRef"])
def test_a_schema_may_refer_only_to_itself(reference: str, keyword: str) -> None:
    base = "http://127.0.0.1:9/base.json"
    for schema in ({keyword: reference}, {"$id": base, "items": {keyword: reference}}):
        if keyword != "$schema" or "items" not in schema:
            assert arguments(schema).refused.keys() == {"t"}


def test_the_calls_of_a_tool_whose_schema_is_not_applied_are_denied_and_others_go_on() -> None:
    tools = {
        "t": Tool(args=SCHEMA),
        "broken": Tool(args={"properties": {"a": {"pattern": "(?=x)"}}}),
    }
    checks = Arguments(Manifest(name="n", version="1", publisher="p", tools=tools))
    assert "looking around" in checks.refused["broken"]
    assert "\n" not in checks.refused["broken"]
    assert checks.check("broken", {}) == (NOT_APPLIED,)
    assert checks.check("t", {"path": "/srv/x"}) == ()
    assert checks.check("untyped", {}) == ()


def test_what_costs_too_much_is_told_as_that() -> None:
    expensive = {"properties": {"a": {"pattern": r"[^c].{400}\bz"}}}
    assert check(expensive, {"a": "é" * 30_000}) == [("/args", "cost")]
    assert arguments(expensive).check("t", {"a": "é" * 30_000}) == (TOO_COSTLY,)
    assert check(expensive, {"a": "éz" * 20}) == [("/args/a", "pattern")]

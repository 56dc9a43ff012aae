"""Arguments are checked against their schema; a breach is named by place and never by value."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from aegisd.core.errors import ManifestInvalid
from aegisd.core.log.canonical import encode, parse
from aegisd.core.manifest.arguments import (
    ARGUMENT_ERRORS_MAX,
    CHARACTER_STEPS_MAX,
    JUDGED_STEPS_MAX,
    TOLD_STEPS_MAX,
    TOO_COSTLY,
    WHERE_CHARACTERS_MAX,
    ArgumentError,
    Arguments,
    pointer,
)
from aegisd.core.manifest.cost import POSITIONS_MAX, parameters
from aegisd.core.manifest.model import UNREGISTERED, Manifest, Tool
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
    return [
        (error.where, error.rule) for error in arguments(schema).check("t", args, len(encode(args)))
    ]


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
        assert arguments(SCHEMA).check(tool, {"anything": 1}, 14) == ()


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
    assert pointer([]) == "/args"
    assert pointer(["a", 0, "~", "/", "~1", ""]) == "/args/a/0/~0/~1/~01/"


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
    for error in arguments(schema).check("t", args, 100):
        assert "hunter2" not in f"{error.where}{error.rule}"


@given(json_value, st.dictionaries(text, json_value, max_size=12))
def test_any_arguments_are_checked_and_their_errors_follow_from_canonical_bytes(
    value: object, more: dict[str, object]
) -> None:
    checks = arguments({"additionalProperties": {"type": "string"}, "maxProperties": 3})
    for args in (value, more, {**more, "z": value}):
        body = encode(args)
        errors = checks.check("t", parse(body), len(body))
        assert errors == checks.check("t", parse(body), len(body))
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
    with pytest.raises(ManifestInvalid, match=r"^tools\.t\.args is not a JSON Schema"):
        arguments({keyword: reference})
    if keyword != "$schema":
        with pytest.raises(ManifestInvalid):
            arguments({"properties": {"x": {"items": {keyword: reference}}}})


def test_a_base_does_not_make_a_relative_reference_fetched() -> None:
    with pytest.raises(ManifestInvalid):
        arguments({"$id": "http://127.0.0.1:9/base.json", "$ref": "other.json"})


@pytest.mark.parametrize("reference", ["#/$defs/name", "#name"])
def test_a_reference_inside_the_schema_is_followed(reference: str) -> None:
    schema = {
        "$defs": {"name": {"$anchor": "name", "type": "string"}},
        "properties": {"a": {"$ref": reference}},
    }
    assert check(schema, {"a": "x"}) == []
    assert check(schema, {"a": 1}) == [("/args/a", "type")]


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
    ],
)
def test_a_schema_that_refers_to_itself_comes_to_an_end(schema: dict[str, Any]) -> None:
    assert check(schema, {"a": {"a": 1}}) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"properties": []},
        {"required": "path"},
        {"properties": {"a": {"format": "nonsense"}}},
        {"properties": {"a": {"pattern": "("}}},
        {"properties": {"a": {"pattern": "^(?=x)"}}},
        {"properties": {"a": {"pattern": r"(a)\1"}}},
        {"properties": {"a": {"pattern": "((a{1000}){1000}){1000}"}}},
        {"patternProperties": {"(?!x)": {}}},
        {"$ref": "#/nowhere"},
    ],
)
def test_a_schema_that_cannot_be_applied_is_refused_by_its_tools_name(
    schema: dict[str, Any],
) -> None:
    with pytest.raises(ManifestInvalid, match=r"^tools\.t\.args is not a JSON Schema") as refused:
        arguments(schema)
    assert "\n" not in str(refused.value)


def test_known_formats_are_checked() -> None:
    schema = {"properties": {"a": {"format": "ipv4"}, "b": {"format": "date-time"}}}
    assert check(schema, {"a": "1.2.3.4", "b": "2024-02-29T00:00:00Z"}) == []
    assert check(schema, {"a": "1.2.3.400", "b": "2023-02-29T00:00:00Z"}) == [
        ("/args/a", "format"),
        ("/args/b", "format"),
    ]


def test_patterns_run_in_linear_time() -> None:
    schema = {"properties": {"a": {"pattern": "^(a+)+$"}}}
    started = time.process_time()
    assert check(schema, {"a": "a" * 60_000 + "b"}) == [("/args/a", "pattern")]
    assert time.process_time() - started < 5  # A backtracking engine would need centuries.


def test_older_drafts_are_applied_as_they_say() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "properties": {"a": {"maximum": 3, "exclusiveMaximum": True}},
    }
    assert check(schema, {"a": 3}) == [("/args/a", "exclusiveMaximum")]


def either(*branches: dict[str, Any]) -> dict[str, Any]:
    return {"$defs": {"e": {"anyOf": [*branches]}}, "properties": {"a": {"$ref": "#/$defs/e"}}}


E = {"$ref": "#/$defs/e"}
BINARY = {"type": "array", "prefixItems": [{"enum": ["+", "-"]}, E, E], "minItems": 3}
UNARY = {"type": "array", "prefixItems": [{"enum": ["-", "!"]}, E], "minItems": 2}
LAYERS = {"properties": {"left": E, "right": E}, "type": "object"}


def deep(depth: int, leaf: object, *names: str | int) -> object:
    """A value inside itself, under a name or beside an operator."""
    for level in range(depth):
        name = names[level % len(names)]
        leaf = {name: leaf} if isinstance(name, str) else ["-", leaf, leaf]
    return leaf


@pytest.mark.parametrize(
    ("schema", "value", "where"),
    [
        (
            {
                "properties": {
                    "a": {
                        "items": {
                            "oneOf": [{"required": [f"k{n}"], "type": "object"} for n in range(24)]
                        }
                    }
                }
            },
            [0] * 20_000,
            "/args/a/0",
        ),
        (either(BINARY, UNARY, {"type": "integer"}), deep(14, "x", 0), "/args/a"),
        (
            either(LAYERS, {**LAYERS, "minProperties": 1}, {"type": "null"}),
            deep(24, 1, "left", "right"),
            "/args/a",
        ),
        (
            either(
                {**LAYERS, "required": ["right"]}, {"additionalProperties": E, "type": "object"}
            ),
            deep(24, 1, "left"),
            "/args/a",
        ),
        ({"properties": {"a": {"items": {"type": "string"}}}}, [1] * 30_000, "/args/a/0"),
    ],
)
def test_finding_a_breach_costs_no_more_than_seeing_it(
    schema: dict[str, Any], value: object, where: str
) -> None:
    checks = arguments(schema)
    args = parse(encode({"a": value}))
    started = time.process_time()
    first = checks.check("t", args, len(encode(args)))[0]
    assert time.process_time() - started < 1  # Each would take minutes and gigabytes.
    assert first == TOO_COSTLY or first.where == where


def test_a_call_is_judged_up_to_its_bound_and_denied_past_it() -> None:
    checks = arguments({"items": {"allOf": [{"minimum": -number} for number in range(1_000)]}})
    weight = parameters({"items": {"allOf": [{"minimum": 1}] * 1_000}}).whole.value
    at_most = JUDGED_STEPS_MAX // weight - 1  # The list is a value as well.
    for count, errors in ((at_most, ()), (at_most + 1, (TOO_COSTLY,))):
        assert checks.check("t", [1] * count, 2 * count + 1) == errors


def test_a_long_text_beside_costs_nothing_where_no_pattern_meets_it() -> None:
    schema = {"properties": {"name": {"pattern": "^[a-z]{1,63}$"}, "content": {"type": "string"}}}
    assert check(schema, {"name": "x", "content": "y" * 60_000}) == []
    assert check(schema, {"name": "y" * 60_000}) == [("/args", "cost")]
    assert check(schema, {"name": "x", "content": "y" * 60_000, "other": None}) == []


def test_every_breach_is_told_up_to_a_bound_and_one_past_it() -> None:
    schema = {"items": {"type": "string"}}
    weight = parameters(schema).whole.value
    at_most = TOLD_STEPS_MAX // weight - 1
    assert len(check(schema, [1] * at_most)) == ARGUMENT_ERRORS_MAX
    assert check(schema, [1] * (at_most + 1)) == [("/args/0", "type")]


@pytest.mark.parametrize("count", [1, 9_000])
def test_where_nothing_can_tell_a_breach_the_arguments_are_named(count: int) -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "properties": {"a": {"items": {"$ref": "#"}}, "b": {"type": "integer"}},
        "unevaluatedProperties": False,
    }
    assert check(schema, {"a": [{"b": ""}] * count}) == [("/args", "")]
    assert check(schema, {"a": [{"b": 1}] * count}) == []


def test_a_breach_below_a_reference_back_is_named_where_it_goes_back() -> None:
    schema = {"properties": {"in": {"$ref": "#"}, "n": {"type": "integer"}}}
    assert check(schema, {"n": ""}) == [("/args/n", "type")]
    assert check(schema, {"in": {"in": {"n": ""}}}) == [("/args/in", "$ref")]


def test_patterns_of_all_tools_together_are_held_to_a_bound() -> None:
    """Each tool's own patterns are as many positions as one schema may have."""
    whole = Tool(args={"pattern": f"(a{{128}}){{{POSITIONS_MAX // 128}}}"})
    count = CHARACTER_STEPS_MAX // (4 * POSITIONS_MAX)
    tools = {f"t{number}": whole for number in range(count)}
    Arguments(structs.replace(UNREGISTERED, tools=tools))
    with pytest.raises(ManifestInvalid, match="CHARACTER_STEPS_MAX"):
        Arguments(
            structs.replace(UNREGISTERED, tools={**tools, "more": Tool(args={"pattern": "a"})})
        )

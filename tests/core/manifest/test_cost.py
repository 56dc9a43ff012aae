"""What a schema may cost is known from the schema: it is bounded, or it is refused."""

from typing import Any

import pytest

from aegisd.core.errors import ManifestInvalid
from aegisd.core.manifest.cost import (
    NESTING_MAX,
    PARAMETERS_ALONE_MAX,
    POSITIONS_MAX,
    SHORT_TEXT_STEPS_MAX,
    WEIGHT_MAX,
    parameters,
    positions,
)

# Any: schemas are any JSON.
Schema = dict[str, Any]

D2020 = "https://json-schema.org/draft/2020-12/schema"


def chain(length: int, last: Schema, each: Any) -> Schema:  # noqa: ANN401
    """Definitions of which each is made from a reference to the next."""
    parts = {f"e{n}": each({"$ref": f"#/$defs/e{n + 1}"}) for n in range(length)}
    return {"$defs": {**parts, f"e{length}": last}, "$ref": "#/$defs/e0"}


def twice(reference: Schema) -> Schema:
    return {"allOf": [reference, reference]}


def nested(depth: int) -> Schema:
    if not depth:
        return {"properties": {"k": {}}}
    return {"$schema": D2020, "allOf": [nested(depth - 1)], "unevaluatedProperties": False}


def same_value(count: int) -> Schema:
    """Schemas that all refer to each other for the same value."""
    parts = {
        f"e{n}": {"anyOf": [{"$ref": f"#/$defs/e{to}"} for to in range(count)]}
        for n in range(count)
    }
    return {"$defs": parts, "$ref": "#/$defs/e0"}


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        (chain(20, {}, twice), "WEIGHT_MAX"),
        (chain(20, {"items": {"$ref": "#/$defs/e0"}}, twice), "WEIGHT_MAX"),
        (
            chain(20, {"$ref": "#/$defs/e0"}, lambda to: {"allOf": [{"items": to}, {"items": to}]}),
            "WEIGHT_MAX",
        ),
        (nested(14), "WEIGHT_MAX"),
        (same_value(3), "same value"),
        (chain(NESTING_MAX, {}, dict), "NESTING_MAX"),
        ({"pattern": "((a{1,40}){1,40}){1,40}"}, "POSITIONS_MAX"),
        ({"patternProperties": {"((a{40}){40}){40}": {}}}, "POSITIONS_MAX"),
    ],
)
def test_a_schema_that_could_cost_any_amount_is_refused(schema: Schema, named: str) -> None:
    with pytest.raises(ManifestInvalid, match=named):
        parameters(schema)


@pytest.mark.parametrize(
    ("at", "past"),
    [
        (chain(NESTING_MAX - 2, {}, dict), chain(NESTING_MAX - 1, {}, dict)),
        ({"pattern": f"a{{{POSITIONS_MAX}}}"}, {"pattern": f"a{{{POSITIONS_MAX + 1}}}"}),
        (
            {"required": ["a"] * (WEIGHT_MAX - 3)},
            {"required": ["a"] * (WEIGHT_MAX - 2)},
        ),
    ],
)
def test_each_bound_holds_at_it_and_one_past_it(at: Schema, past: Schema) -> None:
    parameters(at)
    with pytest.raises(ManifestInvalid):
        parameters(past)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"properties": {"l": {"$ref": "#"}, "r": {"$ref": "#"}}},
        {"oneOf": [{"items": {"$ref": "#"}}, {"items": {"$ref": "#"}}, {"type": "string"}]},
        {"type": 3, "allOf": {}, "properties": [], "items": [{}, True], "dependencies": {"a": []}},
    ],
)
def test_a_schema_may_refer_to_itself_and_is_weighed_whatever_it_is(schema: Schema) -> None:
    assert 0 < parameters(schema).whole.value < WEIGHT_MAX


def test_branches_weigh_more_and_members_as_much_as_the_heaviest() -> None:
    leaf = {"type": "string", "minLength": 1}
    alone = parameters({"properties": {"a": leaf}}).whole.value
    assert parameters({"properties": dict.fromkeys("abc", leaf)}).whole.value == alone
    assert parameters({"additionalProperties": leaf, "propertyNames": leaf}).whole.value > alone
    assert parameters({"anyOf": [{"items": leaf}] * 9}).whole.value > 9 * alone - 9
    assert parameters({"enum": [[1]] * 9}).whole.value > parameters({"enum": [1] * 9}).whole.value


def test_a_parameters_cost_is_its_own_where_nothing_beside_it_looks_at_it() -> None:
    schema = {"properties": {"text": {}, "name": {"pattern": "a{9}"}, "n": {"multipleOf": 0.5}}}
    alone = parameters(schema).alone
    assert alone["text"].character == 0 < alone["name"].character
    assert alone["text"].number == 0 < alone["n"].number
    assert parameters({"properties": {"n": {"multipleOf": 1e-99}}}).whole.number > alone["n"].number
    assert not parameters({**schema, "patternProperties": {"a": {}}}).alone
    many: Schema = {f"p{number}": {} for number in range(PARAMETERS_ALONE_MAX + 1)}
    assert not parameters({"properties": many}).alone
    many.popitem()
    assert len(parameters({"properties": many}).alone) == PARAMETERS_ALONE_MAX


def test_a_length_beside_a_pattern_bounds_what_it_costs() -> None:
    length = SHORT_TEXT_STEPS_MAX // 4 // 8
    for most, character in ((length, 0), (length + 1, 32)):
        cost = parameters({"pattern": "a{8}", "maxLength": most}).whole
        assert cost.character == character
    assert parameters({"format": "idn-email"}).whole.character > 0


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("", 0),
        ("abc", 3),
        ("a|b", 2),
        ("a{3}b{2,5}", 8),
        ("a{2,}", 2),
        ("(ab{3}){4}", 16),
        ("((a{10}){10}){10}", 1_000),
        (r"\p{L}{3}", 3),
        (r"[^]{2}]{4}\{5", 6),
        (r"a\\", 2),
        ("(", 0),
        (")", 1),
        ("[a", 2),
        ("{x", 2),
        ("\\", 1),
    ],
)
def test_positions_of_a_pattern_are_counted_with_their_repetitions(
    pattern: str, count: int
) -> None:
    assert positions(pattern) == count

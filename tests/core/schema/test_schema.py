"""A schema judges as a validator does that nobody bounds, and never past its bound."""

import time
from typing import Any

import jsonschema_rs
import pytest

from aegisd.core.errors import ManifestInvalid
from aegisd.core.log.canonical import encode, parse
from aegisd.core.schema import schema as judging
from aegisd.core.schema.document import REFERENCE_CHARACTERS_MAX
from aegisd.core.schema.pattern import Patterns
from aegisd.core.schema.schema import AT_EASE_STEPS_MAX, REASON_CHARACTERS_MAX, Place, Schema
from aegisd.core.schema.steps import FRAMES_MAX, JUDGED_STEPS_MAX, Steps, TooCostly
from tests.core.schema.family import DRAFTS, Family
from tests.effort import times

# Any: schemas and values are any JSON.
ALL = 1_000


def ready(schema: dict[str, Any]) -> Schema:
    given = parse(encode(schema))
    assert isinstance(given, dict)
    return Schema(given, Patterns())


def breaks(schema: dict[str, Any], value: object, most: int = ALL) -> list[Place] | None:
    """What a value breaks; None where that is too costly to say."""
    try:
        told = ready(schema).judge(parse(encode(value)), most)
    except TooCostly:
        return None
    return [(path, rule) for path, rule, _ in told]


def model(schema: dict[str, Any]) -> Any:  # noqa: ANN401  # its types are the library's
    return jsonschema_rs.validator_for(
        schema,
        validate_formats=True,
        ignore_unknown_formats=False,
        pattern_options=jsonschema_rs.RegexOptions(),
    )


@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize("seed", range(times(40, 2_000)))
def test_a_value_is_valid_just_when_the_model_says_so_and_what_is_told_is_in_it(
    draft: int, seed: int
) -> None:
    family = Family(seed, draft)
    schema = family.schema()
    known = model(schema)
    try:
        judged = ready(schema)
    except ManifestInvalid as error:
        if "refers to itself for the same value" not in str(error):
            raise
        return
    for _ in range(10):
        value = parse(encode(family.value()))
        told = judged.judge(value, ALL)
        assert (not told) == known.is_valid(value), value
        places = {tuple(error.instance_path) for error in known.iter_errors(value)}
        assert not told or places & {path for path, *_ in told}, value


def nested(value: object, depth: int, name: str) -> object:
    for _ in range(depth):
        value = {name: [value]}
    return value


def either(*branches: dict[str, Any], keyword: str = "anyOf") -> dict[str, Any]:
    return {"$defs": {"e": {keyword: [*branches]}}, "$ref": "#/$defs/e"}


E = {"$ref": "#/$defs/e"}
MANY = [f"k{number:05}" for number in range(15_000)]
SAME = {"type": "object", "properties": {"a": {"items": E}}, "required": ["a"]}
UNDER = {"unevaluatedProperties": False}
_RULES = {name: [{"properties": {name: True}}] for name in MANY[:400]}

# What took seconds or gigabytes, or as long as anybody likes: a schema and a value for it.
HOSTILE: dict[str, tuple[dict[str, Any], Any]] = {
    "branches": (either(SAME, {**SAME, "minProperties": 1}), nested(1, 30, "a")),
    "one branch": (either(SAME, SAME, keyword="oneOf"), nested({}, 30, "a")),
    "names": ({"propertyNames": {"maxLength": 4}}, dict.fromkeys(MANY[:4_000], 0)),
    "options": ({"items": {"enum": MANY}}, ["a"] * 8_000),
    "const": ({"items": {"const": "B" * 500_000}}, ["A"] * 8_000),
    "const object": ({"items": {"const": {"a": MANY}}}, [{"a": MANY[:20]}] * 300),
    "required": ({"required": MANY[:8_000]}, {"s": "A" * 60_000}),
    "lengths": ({"anyOf": [{"maxLength": n} for n in range(15_000)]}, "é" * 30_000),
    "content": (
        {"$schema": DRAFTS[7], "allOf": [{"contentMediaType": "application/json"}] * 15_000},
        "[" * 60_000,
    ),
    "equal": ({"uniqueItems": True, "items": {"uniqueItems": True}}, [[[n]] for n in range(9_000)]),
    "evaluated": (
        {**UNDER, "allOf": [{"anyOf": [branch[0], *branch]} for branch in _RULES.values()]},
        dict.fromkeys(MANY[:4_000], 0),
    ),
    "evaluated twice": (
        either({"properties": {"a": {"items": E}}, **UNDER}, {"required": ["b"]}),
        nested(1, 30, "a"),
    ),
    "contained": (
        {"unevaluatedItems": False, "allOf": [{"contains": {"const": n}} for n in range(100)]},
        list(range(100)) * 100,
    ),
    "pattern": ({"pattern": "[^b]*a[^b]{30}b"}, "aabca" * 12_000),
    "pattern of classes": ({"pattern": r"[^c].{400}\bz"}, "é" * 30_000),
    "patterns": (
        {"patternProperties": {f"{n}.*[a-f]{{9}}x": True for n in range(200)}},
        dict.fromkeys(MANY[:4_000], 0),
    ),
    "division": ({"items": {"multipleOf": 1e-300}}, [1.5e308] * 8_000),
    "forms": ({"items": {"format": "idn-hostname"}}, ["ü." * 100] * 200),
    "references": (
        {
            "$defs": {f"x{n}": {"$ref": f"#/$defs/x{n + 1}"} for n in range(150)} | {"x150": True},
            "items": {"$ref": "#/$defs/x0"},
        },
        [1] * 30_000,
    ),
    "members": (
        {"items": {"properties": {name: {"type": "null"} for name in MANY[:1_000]}}},
        [{}] * 20_000,
    ),
    "pattern of nothing": (
        {"pattern": "(?:" + "|" * 16_000 + r")\bz"},
        "".join(map(chr, range(0x4E00, 0x8000))),
    ),
    "branches that refer far": (
        {
            "$defs": {f"x{n}": {"$ref": f"#/$defs/x{n + 1}"} for n in range(3_000)}
            | {"x3000": True},
            "anyOf": [{"$ref": "#/$defs/x0"}] * 3_000,
        },
        1,
    ),
    "branches of many tags": (
        {
            "$defs": {"x": {"properties": {"a": {"enum": MANY}}}},
            "anyOf": [{"$ref": "#/$defs/x"}] * 1_500,
        },
        {"a": "b"},
    ),
    "conditions": (
        {"allOf": [{"if": {"maxLength": n}, "then": {"minLength": n}} for n in range(4_000)]},
        "é" * 30_000,
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_would_cost_too_much_ends_and_says_as_much_as_it_can(name: str) -> None:
    schema, value = HOSTILE[name]
    judged = ready(schema)
    value = parse(encode(value))
    started = time.process_time()
    try:
        told = judged.judge(value, 8)
    except TooCostly:
        told = []
    # Ten times what is promised, since others run beside; without the bound it would be seconds.
    assert time.process_time() - started < 0.5
    assert len(told) <= 8


BLOCK = {
    "anyOf": [
        {
            "type": "object",
            "properties": {
                "type": {"const": f"t{number}"},
                "text": {"type": "string"},
                "children": {"type": "array", "items": E},
            },
            "required": ["type"],
            "additionalProperties": False,
        }
        for number in range(30)
    ]
}
JSON = {
    "anyOf": [
        *({"type": name} for name in ("null", "boolean", "number", "string")),
        {"type": "array", "items": E},
        {"type": "object", "additionalProperties": E},
    ]
}
UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
DOMAIN = r"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$"

# What people send, as large as it gets.
HONEST: dict[str, tuple[dict[str, Any], Any]] = {
    "blocks": (
        {"$defs": {"e": BLOCK}, "items": E},
        [
            {"type": f"t{n % 30}", "text": "x" * 36, "children": [{"type": "t29", "text": "x"}]}
            for n in range(600)
        ],
    ),
    "any JSON": (
        {"$defs": {"e": JSON}, **E},
        [{"k": n, "z": [1, "2", None]} for n in range(2_000)],
    ),
    "UUIDs": (
        {"items": {"pattern": UUID}},
        [f"{n:08x}-{n % 65_536:04x}-4abc-8def-{n * 7_919:012x}" for n in range(900)],
    ),
    "domains": ({"items": {"pattern": DOMAIN}}, [f"host-{n}.example.com" for n in range(600)]),
    "prices": ({"items": {"multipleOf": 0.01}}, [n / 100 for n in range(2_500)]),
    "a long text": ({"pattern": r"^[\s\S]{1,100000}$"}, "hello world " * 5_000),
    "lists of enums": ({"items": {"enum": MANY[:250]}}, [MANY[249]] * 4_000),
    "addresses": ({"items": {"format": "uri"}}, ["https://a.example/b?c=d"] * 2_000),
}


@pytest.mark.parametrize("name", HONEST)
def test_honest_calls_are_judged_however_large(name: str) -> None:
    schema, value = HONEST[name]
    assert breaks(schema, value) == []


def test_a_value_is_judged_up_to_its_bound_and_not_one_step_past_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counters: list[Steps] = []

    def counter(left: int = JUDGED_STEPS_MAX) -> Steps:
        counters.append(Steps(left))
        return counters[-1]

    monkeypatch.setattr(judging, "Steps", counter)
    judged = ready({"items": {"type": "integer"}})
    for count in (JUDGED_STEPS_MAX - 1, JUDGED_STEPS_MAX):
        value: list[object] = [1] * count
        if count < JUDGED_STEPS_MAX:
            assert judged.judge(value, 8) == []
            assert counters[-1].left == 0
        else:
            with pytest.raises(TooCostly):
                judged.judge(value, 8)
    counters.clear()
    assert judged.judge([1] * (AT_EASE_STEPS_MAX - 1), 8) == []
    assert len(counters) == 1
    assert judged.judge([1] * AT_EASE_STEPS_MAX, 8) == []
    assert len(counters) == 3


def test_what_was_found_is_told_where_the_rest_would_cost_too_much() -> None:
    schema = {"items": {"type": "string", "pattern": "(a|b)*c"}}
    assert breaks(schema, [1, *["ab" * 100 + "c"] * 3_000, 2]) == [((0,), "type")]


def test_what_references_lead_to_is_looked_at_once_in_whatever_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[int] = []
    validate = jsonschema_rs.meta.validate

    def counted(schema: dict[str, Any]) -> None:
        looked.append(len(encode(schema)))
        validate(schema)

    monkeypatch.setattr(jsonschema_rs.meta, "validate", counted)
    part: dict[str, Any] = {"properties": {name: {"type": "string"} for name in MANY[:1_000]}}
    for _ in range(50):
        part = {"not": part}
    inner_first = [{"$ref": "#/x" + "/not" * depth} for depth in reversed(range(51))]
    ready({"x": part, "allOf": inner_first})
    assert len(looked) == 1 + len(inner_first)
    assert sum(looked) < 3 * looked[0]


def test_references_inside_each_other_take_frames_up_to_a_bound() -> None:
    schema = {"properties": {"a": {"$ref": "#"}, "b": {"type": "null"}}}
    assert breaks(schema, nested_once(60)) == []
    deep = ready(schema)
    with pytest.raises(TooCostly):
        deep.judge(nested_once(FRAMES_MAX), 8)
    with pytest.raises(TooCostly):
        deep.judge({"a": nested_once(FRAMES_MAX), "b": 1}, 8)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"items": {"type": "integer", "minimum": 0}}, [1] * 100_000),
        ({"propertyNames": {"maxLength": 9}}, {f"k{number}": 0 for number in range(50_000)}),
        ({"anyOf": [{"enum": [[1]]}] * 2_000}, {"n" * 65_000: 1}),
        (
            {"properties": {"a": {"items": {"pattern": "a$"}}, "b": {"type": "null"}}},
            {"a": ["ba" * 50] * 3_000, "b": 1},
        ),
    ],
)
def test_each_way_to_a_subschema_counts(schema: dict[str, Any], value: object) -> None:
    assert breaks(schema, value) is None


def nested_once(depth: int) -> object:
    value: object = {}
    for _ in range(depth):
        value = {"a": value}
    return value


X = {"$ref": "#/definitions/x"}
TAGGED = {"properties": {"a": {"const": "b"}}}


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"properties": {"a": False}}, {"a": 1}, [(("a",), "properties")]),
        ({"additionalProperties": False}, {"b": 1, "a": 2}, [((), "additionalProperties")]),
        ({"propertyNames": {"maxLength": 1}}, {"bb": 1}, [((), "maxLength")]),
        ({"items": {"type": "null"}}, [1, None, 2], [((0,), "type"), ((2,), "type")]),
        ({"prefixItems": [False]}, [1], [((0,), "prefixItems")]),
        ({"anyOf": [{"required": ["a"]}, {"type": "null"}]}, {}, [((), "anyOf")]),
        ({"oneOf": [{}, {}]}, 1, [((), "oneOf")]),
        ({"if": True, "then": {"type": "null"}}, 1, [((), "type")]),
        ({"$defs": {"a": {"type": "null"}}, "$ref": "#/$defs/a"}, 1, [((), "type")]),
        (
            {"properties": {"a": {"$ref": "#"}}, "type": "object"},
            {"a": {"a": 1}},
            [(("a", "a"), "type")],
        ),
        ({"allOf": [False]}, 1, [((), "allOf")]),
        ({"$ref": "#/$defs/a", "$defs": {"a": False}}, 1, [((), "$ref")]),
        ({"contains": {}, "minContains": 2}, [1], [((), "minContains")]),
        ({"unevaluatedItems": False}, [1], [((), "unevaluatedItems")]),
        ({"$schema": DRAFTS[7], "additionalItems": False}, [1], []),
        (
            {"$schema": DRAFTS[7], "items": [{}], "additionalItems": False},
            [1, 2],
            [((), "additionalItems")],
        ),
        (
            {"$schema": DRAFTS[7], "items": [{}], "additionalItems": {"type": "null"}},
            [1, 2],
            [((1,), "type")],
        ),
        ({**UNDER, "allOf": [{"additionalProperties": True}]}, {"a": 1}, []),
        ({**UNDER, "if": {"properties": {"a": True}}}, {"a": 1}, []),
        ({**UNDER, "if": {"properties": {"a": False}}}, {"a": 1}, [((), "unevaluatedProperties")]),
        (
            {"$schema": DRAFTS[4], "maximum": 3, "exclusiveMaximum": True},
            3,
            [((), "exclusiveMaximum")],
        ),
        # What counts for nothing tells no branches apart.
        ({"$schema": DRAFTS[4], "not": {"anyOf": [TAGGED]}}, {"a": "c"}, [((), "not")]),
        (
            {
                "$schema": DRAFTS[7],
                "definitions": {"x": {}},
                "not": {"anyOf": [{"properties": {"a": {**X, "enum": ["b"]}}}]},
            },
            {"a": "c"},
            [((), "not")],
        ),
        (
            {"items": {"$ref": "#/properties/a"}, "properties": {"a": {"const": 1}}},
            [2],
            [((0,), "const")],
        ),
    ],
)
def test_each_breach_is_told_by_its_place_and_its_keyword(
    schema: dict[str, Any], value: object, expected: list[Place]
) -> None:
    assert breaks(schema, value) == expected


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "nonsense"}, "nonsense"),
        ({"required": ["x" * 2_000] * 2}, "x"),
        ({"$schema": "http://example.com/mine"}, "example.com"),
        ({"$ref": "#"}, "for the same value"),
        ({"anyOf": [{"not": {"$ref": "#/anyOf/0"}}]}, "for the same value"),
        ({"$ref": "http://json-schema.org/draft-07/schema#"}, "refer only to itself"),
        ({"$ref": "#/nowhere"}, "refer only to itself"),
        ({"$ref": "#/examples/0/a/2", "examples": [{"a": [1]}]}, "refer only to itself"),
        ({"$ref": "#/examples/x", "examples": [{}]}, "refer only to itself"),
        ({"$ref": "#/x-mine/a", "x-mine": {"a": {"type": "nonsense"}}}, "nonsense"),
        ({"$defs": {"a": {"$id": "x"}, "b": {"$id": "x"}}}, "names two schemas"),
        (
            {
                "$defs": {"a": {"$id": "a", "$dynamicAnchor": "n"}, "b": {"$dynamicAnchor": "n"}},
                "items": {"$dynamicRef": "#n"},
            },
            "two schemas have this name",
        ),
        ({"$ref": "#" + "a" * REFERENCE_CHARACTERS_MAX}, "REFERENCE_CHARACTERS_MAX"),
        ({"$ref": "#" + "a" * (REFERENCE_CHARACTERS_MAX - 1)}, "refer only to itself"),
        ({"format": "nonsense"}, "nonsense"),
        ({"pattern": "(?=a)"}, "looking around"),
    ],
)
def test_what_cannot_be_applied_is_refused_with_the_reason(
    schema: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ManifestInvalid, match=reason) as refused:
        ready(schema)
    assert len(str(refused.value)) <= REASON_CHARACTERS_MAX + REFERENCE_CHARACTERS_MAX


@pytest.mark.parametrize(
    ("reference", "known"),
    [
        ("#/x-mine/a", {"x-mine": {"a": {"const": 1}}}),
        ("#name", {"$defs": {"a": {"$anchor": "name", "const": 1}}}),
        ("#/$defs/a~1b~0/anyOf/1", {"$defs": {"a/b~": {"anyOf": [{}, {"const": 1}]}}}),
        ("other#/items", {"$defs": {"a": {"$id": "other", "items": {"const": 1}}}}),
        (
            "urn:a:1",
            {
                "$defs": {
                    "i": {"const": 2},
                    "a": {"$id": "urn:a:1", "$defs": {"i": {"const": 1}}, "$ref": "#/$defs/i"},
                }
            },
        ),
        ("#n", {"$defs": {"a": {"properties": {"default": {"$anchor": "n", "const": 1}}}}}),
    ],
)
def test_references_mean_what_stands_in_the_schema(reference: str, known: dict[str, Any]) -> None:
    schema = {**known, "properties": {"a": {"$ref": reference}}}
    assert breaks(schema, {"a": 1}) == []
    assert breaks(schema, {"a": 2}) == [(("a",), "const")]


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1, 1.0, True),
        (1, True, False),
        ([1], [1.0], True),
        ("1", 1, False),
        (None, "null", False),
        ({"a": 1, "b": [0]}, {"b": [0], "a": 1}, True),
        (["a,1:b"], ["a", "b"], False),
        ({"a": "b"}, [["a", "b"]], False),
        ([1.5], [1.5], True),
        ([True], ["True"], False),
    ],
)
def test_what_is_equal_is_what_json_calls_equal(
    left: object, right: object, *, equal: bool
) -> None:
    assert (ready({"const": left}).judge(right, 1) == []) is equal
    assert (ready({"enum": [0, left]}).judge(right, 1) == []) is equal
    assert (ready({"uniqueItems": True}).judge([left, right], 1) == []) is not equal


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_branches_without_a_tag_are_asked_beside_those_that_say_it(keyword: str) -> None:
    tagged = {"properties": {"kind": {"const": "a"}, "n": {"type": "null"}}}
    schema = {"$defs": {"t": tagged}, keyword: [{"$ref": "#/$defs/t"}, {"required": ["m"]}]}
    valid: list[dict[str, Any]] = [
        {"kind": "a"},
        {"kind": "a", "n": 1, "m": 1},
        {"kind": "b", "m": 1},
    ]
    invalid: list[dict[str, Any]] = [{"kind": "b"}, {"n": 1}]
    assert [breaks(schema, value) for value in valid] == [[], [], []]
    assert [breaks(schema, value) for value in invalid] == [[((), keyword)]] * 2

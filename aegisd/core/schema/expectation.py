"""What a keyword expects, in words: what its schema says, bounded, and no value that broke it."""

import re
from itertools import islice

from aegisd.core.log.canonical import encode
from aegisd.core.nearest import alike
from aegisd.core.schema.node import Keyword
from aegisd.core.schema.steps import Steps
from aegisd.core.wording import NAMES_MAX, WORDING_CHARACTERS_MAX, bounded, listed

# Names of a schema that are looked at: a thousand would cost more than judging.
_LOOKED_AT = 1_024
_GUESSED_FROM = 32

# Parts of a value of the schema's that are shown, at each of so many levels.
_SHOWN, _DEEP = 8, 3

# A caller's name that is told; whatever looks otherwise may be a text that was put there.
_NAME = re.compile(r"[A-Za-z0-9_.$-]{1,40}")

_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} properties",
    "maxProperties": "at most {} properties",
    "minContains": "at least {} items that its `contains` describes",
    "maxContains": "at most {} items that its `contains` describes",
}
# In draft 4 these only say of the bound beside them that it is exclusive.
_BESIDE = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}

# Where these are told themselves, what they describe may not be there at all.
_PLACES = frozenset(
    {"properties", "patternProperties", "items", "additionalItems", "prefixItems", "propertyNames"}
)

# Keywords whose own words say little: a description beside them says more.
_DESCRIBED = frozenset({"pattern", "format", "not", "anyOf", "oneOf", "contains"})


def expected(keyword: Keyword, value: object, steps: Steps) -> str:
    """What a keyword that a value breaks expects of it.

    Raises `TooCostly` where members have to be looked for and there are too many.
    """
    said = _names(keyword, value, steps) or f"expected {_wanted(keyword)}"
    description = keyword.schema.get("description")
    if keyword.name in _DESCRIBED and isinstance(description, str) and description:
        return f"{said} ({bounded(description)})"
    return said


def _names(keyword: Keyword, value: object, steps: Steps) -> str:
    """Which members are missing, or may not be there; "" where it is not about members."""
    if not isinstance(value, dict):
        return ""
    if keyword.unknown is not None:
        found = islice(keyword.unknown(value, steps), NAMES_MAX)
        return _unknown([str(name) for _, name, _ in found], keyword)
    argument = keyword.schema.get(keyword.name)
    if keyword.name == "required" and isinstance(argument, list):
        return _missing(argument, value)
    if keyword.name in {"dependentRequired", "dependencies"} and isinstance(argument, dict):
        for name, names in islice(argument.items(), _LOOKED_AT):
            if name in value and isinstance(names, list) and (said := _missing(names, value)):
                return f"{said}, which `{bounded(name)}` needs"
    return ""


def _missing(names: list[str], value: dict[str, object]) -> str:
    looked_at = dict.fromkeys(islice(names, _LOOKED_AT))
    missing = [name for name in looked_at if name not in value]
    return f"missing {listed(missing)}" if missing else ""


def _unknown(names: list[str], keyword: Keyword) -> str:
    known = keyword.schema.get("properties", {})
    told = [f"`{name}`" for name in names if _NAME.fullmatch(name)]
    said = f"unknown {', '.join(told) or 'property'}"
    guess = alike(names[0], islice(known, _GUESSED_FROM)) if names else None
    if guess is not None:
        return f"{said}; the nearest known is `{bounded(guess)}`"
    return f"{said}; known is {listed(known)}" if known else f"{said}; none is known"


def _wanted(keyword: Keyword) -> str:
    name, schema = keyword.name, keyword.schema
    argument = schema.get(name)
    if name in _BOUNDS:
        bound = schema.get(_BESIDE[name]) if argument is True and name in _BESIDE else argument
        return _BOUNDS[name].format(_json(bound))
    if name == "not":
        return f"anything but {_described(argument)}"
    if name in {"anyOf", "oneOf"} and isinstance(argument, list):
        return f"{'one' if name == 'anyOf' else 'exactly one'} of its {len(argument)} forms"
    if name == "uniqueItems":
        return "no item twice"
    if name == "contains":
        return f"an item that is {_described(argument)}"
    if name in {"unevaluatedProperties", "unevaluatedItems"}:
        return "nothing that its schema does not describe"
    if name in _PLACES:
        return "nothing here"
    return _value(name, argument)


def _described(schema: object) -> str:
    """A subschema in a few words: its description, its one keyword, or itself."""
    if isinstance(schema, dict):
        if isinstance(said := schema.get("description"), str) and said:
            return bounded(said)
        told = {name: each for name, each in islice(schema.items(), _SHOWN) if name != "type"}
        if len(told) == 1:
            ((name, argument),) = told.items()
            return _value(name, argument)
    return _json(schema)


def _value(name: str, argument: object) -> str:
    """What a keyword about a value alone says of it."""
    if name == "type":
        return " or ".join([argument] if isinstance(argument, str) else map(str, argument))  # type: ignore[call-overload]  # a list
    if name == "enum" and isinstance(argument, list):
        return f"one of {bounded(', '.join(map(_json, argument[: NAMES_MAX * _SHOWN])))}"
    if name == "const":
        return _json(argument)
    if name == "pattern":
        return f"a text that matches {bounded(str(argument))}"
    if name == "format":
        return f"a text of the format {bounded(str(argument))}"
    return f"what `{name}` says" if argument is None else f"`{name}` {_json(argument)}"


def _json(value: object) -> str:
    return bounded(encode(_cut(value, _DEEP)).decode())


def _cut(value: object, levels: int) -> object:
    """As much of a value as could be shown, so that a large one costs no more."""
    if isinstance(value, str):
        return value[:WORDING_CHARACTERS_MAX]
    if isinstance(value, dict):
        parts = islice(value.items(), _SHOWN if levels else 0)
        return {name[:WORDING_CHARACTERS_MAX]: _cut(each, levels - 1) for name, each in parts}
    if isinstance(value, list):
        return [_cut(each, levels - 1) for each in value[: _SHOWN if levels else 0]]
    return value

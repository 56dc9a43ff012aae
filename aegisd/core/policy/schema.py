"""The shape of everything a rule may read: the policy input and `data.manifest`.

Taken from the structs that are encoded. Load checks hold policies to it, so that a rule with a
misspelt path does not load instead of never firing.
"""

from collections.abc import Mapping
from enum import Enum
from typing import TypeAlias

from msgspec import Struct, inspect, structs

from aegisd.core.manifest.model import NormalForm
from aegisd.core.policy.input import RuleInput

# A closed object is a mapping from its fields; every other node is one of the markers below.
Schema: TypeAlias = "Mapping[str, Schema] | ListOf | MapOf | Leaf"


class Leaf(Enum):
    """A node with nothing known below it."""

    SCALAR = "scalar"
    """A string, number, boolean or null: nothing lies below it."""
    FREE = "free"
    """Any JSON value: a caller's payload, a tool's arguments."""


class ListOf(Struct, frozen=True):
    """A list whose items all have one shape."""

    item: Schema


class MapOf(Struct, frozen=True):
    """An object whose keys are data, such as the names of tools."""

    value: Schema


def of(shape: inspect.Type) -> Schema:
    """What rules may read below a value of a type. Raises `TypeError` for what none could read."""
    match shape:
        case inspect.Metadata():
            # Bytes that are encoded already tell what they spell.
            spells = (shape.extra or {}).get("spells")
            return of(shape.type if spells is None else inspect.type_info(spells))
        case inspect.StructType():
            return _fields(shape.cls)
        case inspect.VarTupleType():
            return ListOf(of(shape.item_type))
        case inspect.DictType():
            return MapOf(of(shape.value_type))
        case inspect.UnionType():
            # Null is a plain value like any other.
            (one,) = (each for each in shape.types if not isinstance(each, inspect.NoneType))
            return of(one)
        case inspect.StrType() | inspect.IntType() | inspect.BoolType() | inspect.LiteralType():
            return Leaf.SCALAR
        case inspect.CustomType() if shape.cls is object:
            return Leaf.FREE
    raise TypeError(f"no rule could read a value of {shape}")


def _fields(struct: type[Struct]) -> Mapping[str, Schema]:
    found = sorted(structs.fields(struct), key=lambda field: field.encode_name)
    return {field.encode_name: of(inspect.type_info(field.type)) for field in found}


INPUT_SCHEMA = _fields(RuleInput)
MANIFEST_SCHEMA = _fields(NormalForm)

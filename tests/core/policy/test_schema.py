"""The schema speaks about what core really builds; nothing in it is invented or forgotten."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
import pytest
from msgspec import UNSET, Meta, Raw, Struct, UnsetType, inspect

from aegisd.core.manifest.model import UNREGISTERED, NormalForm, Tool, normal_form
from aegisd.core.policy.schema import (
    INPUT_SCHEMA,
    MANIFEST_SCHEMA,
    Leaf,
    ListOf,
    MapOf,
    Schema,
    of,
)
from tests.core.gate import Json, misfits


def spelled(form: NormalForm) -> Json:
    """A manifest's normal form as rules read it."""
    told: Json = msgspec.json.decode(msgspec.json.encode(form))
    return told


def test_the_manifest_schema_is_the_shape_of_the_normal_form() -> None:
    tool = Tool(effects=("read",), roles={"path": "path"}, server="files")
    manifest = type(UNREGISTERED)(name="n", version="1", publisher="p", tools={"t": tool})
    assert misfits(spelled(normal_form(manifest)), MANIFEST_SCHEMA) == []


def test_a_field_that_is_gone_or_new_is_seen() -> None:
    form = spelled(normal_form(UNREGISTERED))
    assert misfits({**form, "novel": 1}, MANIFEST_SCHEMA) == ["/novel"]
    del form["zone"]
    assert misfits(form, MANIFEST_SCHEMA) == ["/zone"]


def test_only_what_callers_and_tools_shape_is_free() -> None:
    def free(schema: Schema, where: str) -> list[str]:
        if schema is Leaf.FREE:
            return [where]
        if isinstance(schema, Mapping):
            return [found for key in schema for found in free(schema[key], f"{where}.{key}")]
        return []

    assert free(INPUT_SCHEMA, "input") == ["input.call.args", "input.event.payload"]


class Inner(Struct):
    name: str


class Every(Struct, rename={"renamed": "again"}):
    """A field of each kind that rules can read."""

    zeta: bool
    number: int | None
    renamed: str
    free: object
    listed: tuple[Inner, ...]
    keyed: dict[str, int]
    raw: Annotated[Raw, Meta(extra={"spells": Inner})]
    absent: Inner | UnsetType = UNSET


def test_a_schema_is_what_the_encoded_fields_of_a_struct_are() -> None:
    inner = {"name": Leaf.SCALAR}
    found = of(inspect.type_info(Every))
    assert found == {
        "absent": inner,
        "again": Leaf.SCALAR,
        "free": Leaf.FREE,
        "keyed": MapOf(Leaf.SCALAR),
        "listed": ListOf(inner),
        "number": Leaf.SCALAR,
        "raw": inner,
        "zeta": Leaf.SCALAR,
    }
    assert isinstance(found, Mapping)
    assert list(found) == sorted(found)


@pytest.mark.parametrize("kind", [float, bytes, Raw, set[str]])
def test_a_field_that_no_rule_could_read_has_no_schema(kind: type) -> None:
    with pytest.raises(TypeError, match="no rule could read"):
        of(inspect.type_info(kind))

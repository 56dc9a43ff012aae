"""The schema speaks about what core really builds; nothing in it is invented or forgotten."""

from collections.abc import Mapping

from aegisd.core.manifest.model import UNREGISTERED, Tool, normal_form
from aegisd.core.policy.schema import (
    INPUT_SCHEMA,
    MANIFEST_SCHEMA,
    Leaf,
    ListOf,
    MapOf,
    Schema,
)


def misfits(value: object, schema: Schema, where: str) -> list[str]:
    """Every place where a value and a schema do not say the same."""
    if schema is Leaf.FREE:
        return []
    if schema is Leaf.SCALAR:
        return [] if value is None or isinstance(value, str | int) else [where]
    if isinstance(schema, ListOf):
        if not isinstance(value, list):
            return [where]
        return [
            m for i, item in enumerate(value) for m in misfits(item, schema.item, f"{where}/{i}")
        ]
    if not isinstance(value, dict):
        return [where]
    if isinstance(schema, MapOf):
        return [m for key in value for m in misfits(value[key], schema.value, f"{where}/{key}")]
    assert isinstance(schema, Mapping)
    wrong = [f"{where}/{key}" for key in set(value) ^ set(schema)]
    both = set(value) & set(schema)
    return wrong + [m for key in both for m in misfits(value[key], schema[key], f"{where}/{key}")]


def test_the_manifest_schema_is_the_shape_of_the_normal_form() -> None:
    tool = Tool(effects=("read",), roles={"path": "path"}, server="files")
    manifest = type(UNREGISTERED)(name="n", version="1", publisher="p", tools={"t": tool})
    assert misfits(normal_form(manifest), MANIFEST_SCHEMA, "") == []


def test_a_field_that_is_gone_or_new_is_seen() -> None:
    form = normal_form(UNREGISTERED)
    assert misfits({**form, "novel": 1}, MANIFEST_SCHEMA, "") == ["/novel"]
    del form["zone"]
    assert misfits(form, MANIFEST_SCHEMA, "") == ["/zone"]


def test_only_what_callers_and_tools_shape_is_free() -> None:
    def free(schema: Schema, where: str) -> list[str]:
        if schema is Leaf.FREE:
            return [where]
        if isinstance(schema, Mapping):
            return [found for key in schema for found in free(schema[key], f"{where}.{key}")]
        return []

    assert free(INPUT_SCHEMA, "input") == ["input.call.args", "input.event.payload"]

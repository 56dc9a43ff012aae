"""Our shapes as JSON Schema: msgspec says what they take, we say what they are for."""

from typing import Any

import msgspec
import pytest
from msgspec import UNSET, Struct, UnsetType

from aegisd import json_schema


class Inner(Struct):
    """The inside.

    Its second paragraph is set in
    as far as the code is.
    """

    anything: object


class Bare(Struct):
    again: "Bare | None" = None


class Outer(Struct):
    """The outside."""

    one: list[Inner]
    two: dict[str, tuple[Bare, ...]]
    three: Bare | UnsetType = UNSET


INSIDE = "The inside.\n\nIts second paragraph is set in\nas far as the code is."

Made = tuple[tuple[dict[str, Any], ...], dict[str, Any]]


def as_read(doc: str) -> str:
    return "\n".join(line.strip() for line in doc.splitlines())


def as_typed(doc: str) -> str:
    return "\n".join(line and f"    {line}" for line in doc.splitlines())


def left_out(_doc: str) -> str:
    return ""


TASTES = {"as read": as_read, "as typed": as_typed, "left out": left_out}


@pytest.fixture(params=["as it is", "as read", "as typed", "left out"])
def release(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A taste in descriptions: that of the installed msgspec, and others."""
    made = msgspec.json.schema_components
    taste = TASTES.get(request.param)

    def other(*given: Any, **named: Any) -> Made:  # noqa: ANN401 - passed on
        refs, schemas = made(*given, **named)
        for schema in schemas.values():
            said = taste(schema.pop("description", "")) if taste else None
            if said:
                schema["description"] = said
        return refs, schemas

    if taste is not None:
        monkeypatch.setattr(msgspec.json, "schema_components", other)
    return str(request.param)


def test_a_description_is_the_docstring_whatever_release_makes_the_schema(release: str) -> None:
    refs, schemas = json_schema.components([Outer], "#/$defs/{name}")
    assert [ref["$ref"] for ref in refs] == ["#/$defs/Outer"]
    said = {name: schema.get("description") for name, schema in schemas.items()}
    assert said == {"Outer": "The outside.", "Inner": INSIDE, "Bare": None}


def test_a_field_of_any_json_says_so() -> None:
    _refs, schemas = json_schema.components([Outer], "#/$defs/{name}")
    assert schemas["Inner"]["properties"]["anything"] == {"description": "Any JSON value."}

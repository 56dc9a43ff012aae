"""The terse form of a schema says the same of every value."""

from typing import Any

import pytest

from aegisd.core.manifest.breach import Terse
from aegisd.core.manifest.cost import parameters


def terse(schema: dict[str, Any]) -> Terse:
    known = parameters(schema)
    return Terse(known.root, known.recursive)


def test_branches_become_questions_and_the_rest_stays() -> None:
    schema = {"type": "object", "properties": {"a": {"oneOf": [{"type": "string"}, True]}}}
    questions = [{"not": {"not": {"type": "string"}}}, {"not": {"not": True}}]
    assert terse(schema).schema == {"type": "object", "properties": {"a": {"oneOf": questions}}}


def test_a_reference_back_becomes_a_question_and_keeps_its_name() -> None:
    found = terse({"properties": {"a": {"$ref": "#"}}})
    assert found.schema == {"properties": {"a": {"not": {"not": {"$ref": "#"}}}}}
    assert found.keyword(("properties", "a", "not")) == "$ref"
    assert found.keyword(("properties", "b", "not")) == "not"
    assert found.keyword(()) == ""


@pytest.mark.parametrize("keyword", ["unevaluatedProperties", "unevaluatedItems"])
def test_what_looks_back_at_branches_has_no_terse_form(keyword: str) -> None:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", keyword: False}
    assert terse(schema).schema == schema
    assert terse({**schema, "anyOf": [{"type": "object"}]}).schema is None
    assert terse({**schema, "properties": {"a": {"$ref": "#"}}}).schema is None

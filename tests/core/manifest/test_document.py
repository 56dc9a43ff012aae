"""A reference means a place in its own document, or the schema is refused."""

from typing import Any

import pytest

from aegisd.core.errors import ManifestInvalid
from aegisd.core.manifest.document import Document

E: dict[str, Any] = {"title": "wanted"}
DRAFT_4 = "http://json-schema.org/draft-04/schema#"


@pytest.mark.parametrize(
    ("schema", "keyword", "reference"),
    [
        ({"x": E}, "$ref", "#/x"),
        ({"x": {"y/~ ": [0, E]}}, "$ref", "#/x/y~1~0%20/1"),
        ({"x": {**E, "$anchor": "a"}}, "$ref", "#a"),
        ({"$id": "http://h/r", "x": {**E, "$id": "s"}}, "$ref", "http://h/s"),
        ({"x": {"$id": "http://h/s", "y": {**E, "$anchor": "a"}}}, "$ref", "http://h/s#a"),
        ({"x": {"$id": "http://h/s", "y": E}}, "$ref", "http://h/s#/y"),
        ({"x": {**E, "$id": "#old"}}, "$ref", "#old"),
        ({"$schema": DRAFT_4, "x": {**E, "id": "http://h/s"}}, "$ref", "http://h/s"),
        ({"x": {**E, "$dynamicAnchor": "a"}}, "$dynamicRef", "#a"),
        ({"x": E}, "$dynamicRef", "#/x"),
        ({"x": {**E, "$recursiveAnchor": True}}, "$recursiveRef", "#"),
        ({**E, "const": {"$anchor": "a"}}, "$recursiveRef", "#"),
    ],
)
def test_a_reference_is_followed_within_the_document(
    schema: dict[str, Any], keyword: str, reference: str
) -> None:
    document = Document(schema)
    (found,) = document.targets(document.root, keyword, reference)
    assert isinstance(found, dict)
    assert found["title"] == "wanted"


@pytest.mark.parametrize(
    "reference", ["#/y", "#/x/5", "#/x/a/b", "#/x/0/b", "#a", "http://h/s", "s#/x", "file:///x"]
)
def test_what_is_not_there_is_refused(reference: str) -> None:
    document = Document({"x": [E, 1], "const": {"$anchor": "a"}})
    with pytest.raises(ManifestInvalid, match="refer only to itself"):
        document.targets(document.root, "$ref", reference)


def test_schemas_of_schemas_need_not_be_told() -> None:
    document = Document({})
    assert document.targets(document.root, "$ref", DRAFT_4)


def test_a_name_of_two_schemas_is_refused() -> None:
    with pytest.raises(ManifestInvalid, match="'#a' names two schemas"):
        Document({"x": {"$anchor": "a"}, "y": {"$anchor": "a"}})

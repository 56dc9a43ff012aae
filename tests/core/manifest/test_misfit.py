"""A manifest of the wrong shape is told where, what is wanted, what is there, and what to write."""

import json
from typing import Any

import pytest

from aegisd.core.errors import ManifestInvalid
from aegisd.core.manifest.misfit import EXAMPLES
from aegisd.core.manifest.parse import from_document

LEAST = {"schema": "aegis.dev/manifest/v0.2", "name": "n", "version": "1", "publisher": "p"}


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (
            {"exec": {"binaries": ["git"]}},
            (
                "exec.binaries[0]: expected an object, found a text; write "
                '{"name": "git", "args": ["*"]}'
            ),
        ),
        (
            {"exec": {"binaries": [{}]}},
            'exec.binaries[0]: \'name\' is missing; write {"name": "git", "args": ["*"]}',
        ),
        (
            {"tools": {"fine": {}, "ls": {"effects": "read"}}},
            'tools.ls.effects: expected a list, found a text; write ["read"]',
        ),
        (
            {"tools": {"ls": {"risk": "hgh"}}},
            (
                "tools.ls.risk: expected one of low, medium, high, critical, found 'hgh'; the "
                "nearest is 'high'"
            ),
        ),
        ({"tools": {"": {}}}, "tools: a name in it is empty or longer than 256 characters"),
        ({"budgets": {"steps": -1}}, "budgets.steps: expected a whole number of at least 0, null"),
        (
            {"budgets": {"steps": "x"}},
            "budgets.steps: expected a whole number or null, found a text",
        ),
        ({"name": ""}, "name: expected a text of at least 1 characters"),
        ({"name": "x" * 257}, "name: expected a text of at most 256 characters"),
        (
            {"recipients": 3},
            "recipients: expected an object or a list or null, found a whole number",
        ),
    ],
)
def test_what_does_not_fit_is_told_in_one_sentence(part: dict[str, Any], said: str) -> None:
    with pytest.raises(ManifestInvalid) as refused:
        from_document({**LEAST, **part})
    assert refused.value.message.startswith(said)


def test_what_is_missing_of_the_manifest_itself_is_named() -> None:
    with pytest.raises(ManifestInvalid, match="manifest: 'publisher' is missing"):
        from_document({name: said for name, said in LEAST.items() if name != "publisher"})


@pytest.mark.parametrize("place", EXAMPLES)
def test_each_example_may_be_written_where_it_is_told(place: str) -> None:
    value = json.loads(EXAMPLES[place])
    for name in reversed(place.replace("[]", ".[]").split(".")):
        if name == "[]":
            value = [{"name": "git", **value}] if "binaries" in place else {"path": value}
        else:
            value = {name: value}
    if place == "exec.binaries[].args":
        value = {"exec": {"binaries": [{"name": "git", "args": ["*"]}]}}
    if place == "exec.binaries[].net":
        value = {"exec": {"binaries": [{"name": "git", "net": ["--host", 1]}]}}
    if place.startswith(("recipients[]", "tools[].roles")):
        value["tools"] = {"path": {"roles": {"path": "path"}}}
    assert from_document({**LEAST, **value}).name == "n"

"""The call to try is one that the manifest in force would take."""

import json

import pytest

from aegis import Gate
from aegisd import resources
from aegisd.core.capabilities import from_value
from aegisd.door import example
from tests.core.gate import MANIFEST

SHIPPED = sorted(resources.manifests().glob("*.json"))
FETCH = {
    **MANIFEST,
    "tools": {
        "fetch": {
            "effects": ["net"],
            "roles": {"url": "url"},
            "args": {
                "type": "object",
                "properties": {
                    "url": {"type": "string"},
                    "how": {"enum": ["HEAD", "GET"]},
                    "tries": {"type": "integer"},
                    "more": {"type": "object"},
                },
                "required": ["url", "how", "tries", "more"],
                "additionalProperties": False,
            },
        }
    },
    "net": {"domains": ["*.example.com"]},
}


@pytest.mark.parametrize("manifest", [*(json.loads(each.read_text()) for each in SHIPPED), FETCH])
def test_the_call_to_try_is_allowed_by_the_manifest_that_it_was_made_for(
    manifest: dict[str, object],
) -> None:
    payload = json.loads(example.event(from_value(manifest).manifest))["payload"]
    with Gate(manifest=manifest) as gate:
        assert gate.propose(payload["tool_name"], payload["args"]).reason == "OK"


def test_without_a_manifest_it_is_a_call_that_shows_a_denial() -> None:
    assert json.loads(example.event(None))["payload"]["tool_name"] == "read_file"

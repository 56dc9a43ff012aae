"""What a manifest says where it says nothing, and what of it policy reads."""

import msgspec
import pytest

from aegisd.core.capabilities import from_value
from aegisd.core.log.canonical import encode
from aegisd.core.manifest.model import SCHEMA_V1, SCHEMA_V2, UNREGISTERED, Manifest, normal_form
from aegisd.core.manifest.parse import from_document
from tests.core.gate import Json

LEAST = {"schema": SCHEMA_V2, "name": "n", "version": "1", "publisher": "p"}
LEAST_READ: Json = {
    "registered": True,
    "name": "n",
    "version": "1",
    "publisher": "p",
    "zone": "UTC",
    "tools": {},
    "fs": {"read_roots": [], "write_roots": []},
    "net": {"domains": []},
    "exec": {"binaries": []},
    "recipients": {},
    "budgets": {
        "steps": 24,
        "tool_calls": 12,
        "model_calls": None,
        "wall_time_ms": 120_000,
    },
    "constraints": {"timeout_ms": 30_000, "max_output_bytes": 1_048_576},
    "sandbox": {"required": False, "image": "", "mounts": []},
}


def read(manifest: Manifest, *, registered: bool = True) -> Json:
    """What policy reads of a manifest, as it is encoded."""
    form: Json = msgspec.json.decode(
        msgspec.json.encode(normal_form(manifest, registered=registered))
    )
    return form


def test_the_schema_names_are_these() -> None:
    assert (SCHEMA_V1, SCHEMA_V2) == ("aegis.dev/manifest/v0.1", "aegis.dev/manifest/v0.2")


def test_a_manifest_that_declares_nothing_allows_nothing_and_bounds_everything() -> None:
    assert read(from_document(LEAST)) == LEAST_READ


def test_where_no_manifest_is_registered_policy_reads_that_and_finds_no_tool() -> None:
    found = read(UNREGISTERED, registered=False)
    assert (found["registered"], found["tools"]) == (False, {})


def test_policy_reads_each_tool_with_every_default_filled_in() -> None:
    tools = {
        "a": {},
        "b": {
            "effects": ["write", "net"],
            "risk": "critical",
            "args": {"type": "object", "properties": {"url": {"type": "string"}}},
            "roles": {"url": "url"},
            "approval": True,
            "server": "s",
            "description": "for people",
        },
    }
    found = read(from_document({**LEAST, "tools": tools}))
    assert found["tools"] == {
        "a": {
            "effects": [],
            "risk": "medium",
            "typed": False,
            "approval": False,
            "server": "",
            "roles": {},
        },
        "b": {
            "effects": ["net", "write"],
            "risk": "critical",
            "typed": True,
            "approval": True,
            "server": "s",
            "roles": {"url": "url"},
        },
    }


def test_null_lifts_a_limit_and_leaving_it_out_does_not() -> None:
    lifted = {"budgets": {"steps": None}, "constraints": {"timeout_ms": None}}
    found = read(from_document({**LEAST, **lifted}))
    assert found["budgets"] == {**LEAST_READ["budgets"], "steps": None}
    assert found["constraints"] == {"timeout_ms": None, "max_output_bytes": 1_048_576}


def test_the_normal_form_has_canonical_bytes() -> None:
    assert encode(read(UNREGISTERED, registered=False))


@pytest.mark.parametrize(("spelled", "found"), [("ls", True), ("LS", False), ("/bin/ls", False)])
def test_a_binary_is_found_as_it_is_spelled_and_no_other_way(spelled: str, found: bool) -> None:
    binaries = [{"name": "ls", "args": ["-l"]}, {"name": "cat"}]
    binary = from_value({**LEAST, "exec": {"binaries": binaries}}).binaries.get(spelled)
    assert (binary is not None) is found
    assert binary is None or binary.args == ("-l",)


def test_a_manifest_cannot_be_changed() -> None:
    for struct in (UNREGISTERED, UNREGISTERED.net, UNREGISTERED.budgets):
        with pytest.raises(AttributeError):
            setattr(struct, struct.__struct_fields__[0], "x")
    assert msgspec.structs.replace(UNREGISTERED) == Manifest(
        name="none", version="0", publisher="none"
    )

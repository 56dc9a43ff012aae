"""A manifest is honoured as written or refused with the field's name: nothing in between."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import InvalidJson, ManifestInvalid
from aegisd.core.log.canonical import INTEGER_MAX
from aegisd.core.manifest.parse import MANIFEST_BYTES_MAX, decode, from_document
from tests.core.builders import json_value

# Any: documents are any JSON.
LEAST: dict[str, Any] = {
    "schema": "aegis.dev/manifest/v0.2",
    "name": "n",
    "version": "1",
    "publisher": "p",
}
FULL: dict[str, Any] = {
    **LEAST,
    "description": "everything",
    "agents": ["*"],
    "zone": "Europe/Zurich",
    "tools": {
        "fetch": {
            "effects": ["net", "read"],
            "risk": "high",
            "args": {"type": "object", "properties": {"url": {"type": "string"}}},
            "roles": {"url": "url"},
            "approval": True,
            "server": "web",
            "description": "get a page",
        }
    },
    "fs": {"read_roots": ["/srv/data"], "write_roots": ["/srv/out"]},
    "net": {"domains": ["api.example.com"]},
    "exec": {"binaries": [{"name": "ls", "args": ["-l", "*.txt"]}]},
    "budgets": {"steps": 1, "tool_calls": 2, "model_calls": 3, "wall_time_ms": 4},
    "constraints": {"timeout_ms": 5, "max_output_bytes": 6},
    "sandbox": {"required": True, "image": "i", "mounts": ["/m"]},
}


def without(document: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != field}


def changed(path: str, value: object) -> dict[str, Any]:
    """The full manifest with one more, or one other, member at a dotted path."""
    document: dict[str, Any] = json.loads(json.dumps(FULL))
    at: Any = document  # Any: a list or an object.
    *parents, last = path.split(".")
    for name in parents:
        at = at[int(name)] if isinstance(at, list) else at[name]
    at[last] = value
    return document


def refusal(document: object) -> str:
    with pytest.raises(ManifestInvalid) as refused:
        from_document(document)
    return str(refused.value)


def test_every_field_of_a_manifest_is_read() -> None:
    manifest = from_document(decode(json.dumps(FULL).encode()))
    tool = manifest.tools["fetch"]
    assert (tool.effects, tool.risk, tool.approval, tool.server) == (
        ("net", "read"),
        "high",
        True,
        "web",
    )
    assert tool.roles == {"url": "url"}
    assert manifest.zone == "Europe/Zurich"
    assert manifest.fs.read_roots == ("/srv/data",)
    assert manifest.fs.write_roots == ("/srv/out",)
    assert manifest.exec.binaries[0].args == ("-l", "*.txt")
    assert (manifest.budgets.steps, manifest.budgets.tool_calls) == (1, 2)
    assert (manifest.budgets.model_calls, manifest.budgets.wall_time_ms) == (3, 4)
    assert (manifest.constraints.timeout_ms, manifest.constraints.max_output_bytes) == (5, 6)
    assert (manifest.sandbox.required, manifest.sandbox.mounts) == (True, ("/m",))


@pytest.mark.parametrize("document", [None, [], "x", 1, True])
def test_a_manifest_is_an_object(document: object) -> None:
    assert refusal(document) == "expected a JSON object"


@pytest.mark.parametrize("schema", ["aegis.dev/manifest/v0.3", "", None, 2, ["x"], {}])
def test_a_manifest_of_another_version_is_refused(schema: object) -> None:
    assert "aegis.dev/manifest/v0.2" in refusal({**LEAST, "schema": schema})
    assert "aegis.dev/manifest/v0.2" in refusal(without(LEAST, "schema"))


@pytest.mark.parametrize("field", ["name", "version", "publisher"])
def test_a_manifest_names_itself(field: str) -> None:
    assert field in refusal(without(LEAST, field))
    for wrong in ("", None, 1, "x" * 257):
        assert field in refusal({**LEAST, field: wrong})
    from_document({**LEAST, field: "x" * 256})


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("desription", "description"),
        ("tool", "tools"),
        ("tools.fetch.efects", "effects"),
        ("tools.fetch.approvals", "approval"),
        ("fs.read_root", "read_roots"),
        ("net.domain", "domains"),
        ("exec.binary", "binaries"),
        ("exec.binaries.0.arg", "args"),
        ("budgets.step", "steps"),
        ("budgets.max_tool_calls", "tool_calls"),
        ("constraints.timeout", "timeout_ms"),
        ("sandbox.mount", "mounts"),
    ],
)
def test_an_unknown_field_is_refused_wherever_it_is_and_the_nearest_named(
    path: str, near: str
) -> None:
    message = refusal(changed(path, 1))
    assert f"unknown field {path.rpartition('.')[2]!r}" in message
    assert message.endswith(f"the nearest known one is {near!r}")


@pytest.mark.parametrize(
    "path",
    ["signature", "sources", "secrets", "leases", "tools.fetch.lease", "tools.fetch.cost"],
)
def test_a_field_of_a_part_that_is_not_there_is_refused_and_not_ignored(path: str) -> None:
    values: list[object] = [None, {}, [], "x"]
    for value in values:
        message = refusal(changed(path, value))
        assert path.rpartition(".")[2] in message
        assert "refused rather than ignored" in message


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("tools.fetch.effects", ["fly"]),
        ("tools.fetch.effects", "net"),
        ("tools.fetch.effects", ["net", "net"]),
        ("tools.fetch.risk", "extreme"),
        ("tools.fetch.risk", None),
        ("tools.fetch.args", []),
        ("tools.fetch.args", True),
        ("tools.fetch.roles", {"url": "steer"}),
        ("tools.fetch.approval", "yes"),
        ("tools.fetch.approval", 1),
        ("tools.fetch.server", ""),
        ("tools.fetch", None),
        ("tools.", {}),
        ("tools", []),
        ("fs.read_roots", "/srv"),
        ("net.domains", [1]),
        ("exec.binaries", ["ls"]),
        ("exec.binaries.0.name", ""),
        ("budgets.steps", -1),
        ("budgets.steps", INTEGER_MAX + 1),
        ("budgets.steps", 0.5),
        ("budgets.steps", "5"),
        ("budgets.tool_calls", True),
        ("constraints.timeout_ms", -1),
        ("sandbox.required", "true"),
        ("agents", "*"),
        ("zone", ""),
    ],
)
def test_a_field_of_the_wrong_type_or_form_is_refused(path: str, value: object) -> None:
    refusal(changed(path, value))


def test_a_limit_may_be_nothing_at_all_and_the_greatest_integer() -> None:
    for value in (0, INTEGER_MAX):
        assert from_document(changed("budgets.steps", value)).budgets.steps == value


@pytest.mark.parametrize("agents", [[], ["a1"], ["*", "a1"], ["*", "*"]])
def test_a_manifest_cannot_govern_only_some_agents_yet(agents: list[str]) -> None:
    assert "cannot authenticate agents" in refusal({**LEAST, "agents": agents})


def test_a_role_is_of_a_parameter_the_schema_has() -> None:
    message = refusal(changed("tools.fetch.roles", {"ulr": "url"}))
    assert (
        message == "tools.fetch.roles: 'ulr' is not a parameter of its schema; the nearest is 'url'"
    )
    empty = changed("tools.fetch.args", {"type": "object", "properties": {}})
    assert "'url' is not a parameter" in refusal(empty)
    for schema in (None, {"type": "object"}):
        assert from_document(changed("tools.fetch.args", schema)).tools["fetch"].roles


@pytest.mark.parametrize(
    ("root", "normal"),
    [
        ("/", "/"),
        ("//", "/"),
        ("/srv", "/srv"),
        ("/srv/", "/srv"),
        ("/srv//data/./x/", "/srv/data/x"),
        ("/.", "/"),
        (".", "."),
        ("./", "."),
        ("data", "data"),
        ("./data/", "data"),
        ("/srv/..data", "/srv/..data"),
        ("/srv/é", "/srv/é"),
    ],
)
def test_a_root_is_kept_in_normal_form(root: str, normal: str) -> None:
    for kind in ("read_roots", "write_roots"):
        manifest = from_document(changed(f"fs.{kind}", [root]))
        assert getattr(manifest.fs, kind) == (normal,)


@pytest.mark.parametrize(
    "root",
    ["", "..", "/srv/../etc", "a/..", "~", "~root/x", "C:\\x", "/a\0b"],
)
def test_a_root_that_is_not_plain_is_refused(root: str) -> None:
    refusal(changed("fs.read_roots", [root]))
    refusal(changed("fs.write_roots", ["/ok", root]))


@given(st.lists(st.sampled_from(["a", "b", ".", "", "é", "..x"]), max_size=6), st.booleans())
def test_a_root_in_normal_form_names_the_same_segments_and_stays_as_it_is(
    segments: list[str], absolute: bool
) -> None:
    root = ("/" if absolute else "./") + "/".join(segments)
    (normal,) = from_document(changed("fs.read_roots", [root])).fs.read_roots
    kept = [segment for segment in segments if segment not in ("", ".")]
    assert [segment for segment in normal.split("/") if segment not in ("", ".")] == kept
    assert normal.startswith("/") == absolute
    assert from_document(changed("fs.read_roots", [normal])).fs.read_roots == (normal,)


def test_domains_are_kept_as_hosts_are_compared() -> None:
    domains = ["*.Example.com", "[::1]"]
    assert from_document(changed("net.domains", domains)).net.domains == ("*.example.com", "::1")
    assert "'a/b' is not a host" in refusal(changed("net.domains", ["example.com", "a/b"]))


def test_a_manifest_is_bounded_in_bytes() -> None:
    data = json.dumps(LEAST).encode()
    full = data + b" " * (MANIFEST_BYTES_MAX - len(data))
    assert from_document(decode(full)).name == "n"
    assert decode(full) == LEAST
    with pytest.raises(ManifestInvalid, match="MANIFEST_BYTES_MAX = 1048576"):
        decode(full + b" ")


@pytest.mark.parametrize("data", [b"", b"{", b'{"name":"a","name":"b"}', b"\xff", b"{'a':1}"])
def test_a_manifest_is_strict_json(data: bytes) -> None:
    with pytest.raises(InvalidJson):
        from_document(decode(data))


@given(
    st.sampled_from(["tools", "tools.fetch", "fs", "net.domains", "exec.binaries", "budgets"])
    | st.sampled_from(["fs.read_roots", "sandbox", "agents", "zone", "tools.fetch.args", "schema"])
    | st.text(max_size=8).map(lambda name: name.replace(".", "")),
    json_value,
)
def test_any_document_is_read_or_refused(path: str, value: object) -> None:
    with suppress(ManifestInvalid):
        assert from_document(changed(path, value)).schema == LEAST["schema"]

"""A v0.1 manifest keeps its meaning as v0.2, and what cannot be kept is refused."""

from typing import Any

import pytest

from aegisd.core.errors import ManifestInvalid
from aegisd.core.manifest.model import OUTPUT_BYTES_DEFAULT, TIMEOUT_MS_DEFAULT
from aegisd.core.manifest.parse import from_document
from aegisd.core.manifest.upcast import TOOLS_MAX, from_v1

# Any: documents are any JSON.
LEAST: dict[str, Any] = {
    "schema": "aegis.dev/manifest/v0.1",
    "name": "n",
    "version": "1",
    "publisher": "p",
}
PERMISSIONS: dict[str, Any] = {
    "tools": ["read_file", "mcp.https.post"],
    "fs": {"read_roots": ["/srv/data/"], "write_roots": ["/srv/out"]},
    "net": {"domains": ["*.Example.com"]},
    "secrets": [],
    "exec": {"allowed_bins": ["ls", "git"], "arg_patterns": ["-*", "status"]},
    "approval_required": ["mcp.https.post"],
    "budgets": {
        "max_steps": 1,
        "max_tool_calls": 2,
        "max_model_calls": 3,
        "max_wall_time_ms": 4,
        "timeout_ms": 5,
        "max_output_bytes": 6,
    },
}
FULL: dict[str, Any] = {
    **LEAST,
    "permissions": PERMISSIONS,
    "sandbox": {"required": True, "image": "i", "mounts": ["/m"]},
    "integrity": {"files": {}, "tree_sha256": "", "signature": ""},
}


def permitting(**changes: object) -> dict[str, Any]:
    return {**LEAST, "permissions": {**PERMISSIONS, **changes}}


def refusal(document: dict[str, Any]) -> str:
    with pytest.raises(ManifestInvalid) as refused:
        from_document(document)
    return str(refused.value)


def test_every_field_keeps_its_meaning() -> None:
    manifest = from_document(FULL)
    assert manifest.schema == "aegis.dev/manifest/v0.2"
    assert (manifest.name, manifest.version, manifest.publisher) == ("n", "1", "p")
    assert {
        name: (t.effects, t.approval, t.risk, t.args) for name, t in manifest.tools.items()
    } == {
        "read_file": (("read",), False, "medium", None),
        "mcp.https.post": (("net",), True, "medium", None),
    }
    assert (manifest.fs.read_roots, manifest.fs.write_roots) == (("/srv/data",), ("/srv/out",))
    assert manifest.net.domains == ("*.example.com",)
    assert [(b.name, b.args) for b in manifest.exec.binaries] == [
        ("ls", ("-*", "status")),
        ("git", ("-*", "status")),
    ]
    budgets, constraints, sandbox = manifest.budgets, manifest.constraints, manifest.sandbox
    assert (budgets.steps, budgets.tool_calls) == (1, 2)
    assert (budgets.model_calls, budgets.wall_time_ms) == (3, 4)
    assert (constraints.timeout_ms, constraints.max_output_bytes) == (5, 6)
    assert (sandbox.required, sandbox.image, sandbox.mounts) == (True, "i", ("/m",))


@pytest.mark.parametrize("permissions", [{}, None, dict.fromkeys(PERMISSIONS)])
def test_what_is_left_out_or_null_has_the_defaults_of_v1(permissions: object) -> None:
    manifest = from_document({**LEAST, "permissions": permissions, "sandbox": None})
    assert manifest == from_document(LEAST)
    assert (manifest.budgets.steps, manifest.budgets.tool_calls) == (24, 12)
    assert (manifest.budgets.model_calls, manifest.budgets.wall_time_ms) == (None, 120_000)
    assert manifest.constraints.timeout_ms == TIMEOUT_MS_DEFAULT == 30_000
    assert manifest.constraints.max_output_bytes == OUTPUT_BYTES_DEFAULT == 1_048_576
    assert manifest.tools == {}
    assert manifest.exec.binaries == ()


@pytest.mark.parametrize("name", PERMISSIONS["budgets"])
def test_null_in_v1_is_the_default_and_never_a_lifted_limit(name: str) -> None:
    assert from_document(permitting(budgets={name: None})) == from_document(permitting(budgets={}))


def test_zero_means_none_at_all() -> None:
    assert from_document(permitting(budgets={"max_tool_calls": 0})).budgets.tool_calls == 0


def test_binaries_without_patterns_take_any_argument_as_they_did() -> None:
    manifest = from_document(permitting(exec={"allowed_bins": ["ls"]}))
    assert manifest.exec.binaries[0].args == ("*",)


@pytest.mark.parametrize(
    ("name", "effects"),
    [
        ("net", ["net"]),
        ("net.post", ["net"]),
        ("net_post", ["net"]),
        ("mcp.http", ["net"]),
        ("mcp.https.put", ["net"]),
        ("https-get", ["net"]),
        ("network_info", []),
        ("mcp.files", []),
        ("exec", ["exec"]),
        ("exec.shell", ["exec"]),
        ("bash", ["exec"]),
        ("Bash", ["exec"]),
        ("sh", ["exec"]),
        ("execute_query", []),
        ("shipping", []),
        ("fs.write", ["write"]),
        ("fs/write", ["write"]),
        ("fs.delete", ["delete"]),
        ("fs.list", ["read"]),
        ("write_file", ["write"]),
        ("write_mail", []),
        ("delete_file", ["delete"]),
        ("read_file", ["read"]),
        ("list_dir", ["read"]),
        ("db.write", ["write"]),
        ("database.write.row", ["write"]),
        ("db.read", []),
        ("", None),
    ],
)
def test_what_a_tool_does_is_read_from_the_whole_words_of_its_name(
    name: str, effects: list[str] | None
) -> None:
    document = permitting(tools=[name], approval_required=[])
    if effects is None:
        refusal(document)
    else:
        assert list(from_document(document).tools[name].effects) == effects


@pytest.mark.parametrize(
    ("field", "value"),
    [("files", {"a": "00"}), ("tree_sha256", "00"), ("signature", "x")],
)
def test_a_promise_of_integrity_that_nobody_can_keep_is_refused(field: str, value: object) -> None:
    assert f"integrity.{field} cannot be verified" in refusal(
        {**LEAST, "integrity": {field: value}}
    )


def test_secrets_are_refused_and_not_ignored() -> None:
    assert "secrets cannot be enforced" in refusal(permitting(secrets=["API_KEY"]))


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({**LEAST, "premissions": {}}, "premissions"),
        ({**LEAST, "zone": "UTC"}, "zone"),
        (permitting(tool=[]), "tool"),
        (permitting(budgets={"steps": 1}), "steps"),
        (permitting(exec={"bins": []}), "bins"),
        (permitting(fs={"roots": []}), "roots"),
        (permitting(net={"hosts": []}), "hosts"),
        ({**LEAST, "sandbox": {"requird": True}}, "requird"),
        ({**LEAST, "integrity": {"sig": ""}}, "sig"),
    ],
)
def test_an_unknown_field_is_refused_by_name(document: dict[str, Any], field: str) -> None:
    assert f"unknown field {field!r}" in refusal(document)


@pytest.mark.parametrize(
    "document",
    [
        {**LEAST, "permissions": []},
        {**LEAST, "sandbox": "yes"},
        {**LEAST, "integrity": "x"},
        permitting(tools="read_file"),
        permitting(tools={"read_file": {}}),
        permitting(tools=[1]),
        permitting(approval_required=[None]),
        permitting(secrets="x"),
        permitting(budgets=[]),
        permitting(budgets={"max_steps": -1}),
        permitting(budgets={"max_steps": "5"}),
        permitting(exec={"allowed_bins": "ls"}),
        permitting(exec={"allowed_bins": ["ls"], "arg_patterns": [1]}),
        permitting(exec=[]),
        permitting(net={"domains": ["https://x"]}),
        permitting(fs={"read_roots": [".."]}),
    ],
)
def test_a_field_of_the_wrong_type_or_form_is_refused(document: dict[str, Any]) -> None:
    refusal(document)


@pytest.mark.parametrize("field", ["name", "version", "publisher"])
def test_a_manifest_names_itself(field: str) -> None:
    assert field in refusal({name: value for name, value in LEAST.items() if name != field})
    assert field in refusal({**LEAST, field: ""})


@pytest.mark.parametrize("more", [0, 1])
def test_the_tools_of_a_manifest_are_held_to_a_bound(more: int) -> None:
    names = [f"t{number}" for number in range(TOOLS_MAX + more)]
    document: dict[str, Any] = {"permissions": {"tools": names, "approval_required": names}}
    if more:
        with pytest.raises(ManifestInvalid, match="TOOLS_MAX"):
            from_v1(document)
    else:
        read: Any = from_v1(document)["tools"]
        assert read.keys() == set(names)

"""`manifest`: what validates is taken, what is shown means the same, what is drafted validates."""

import json
from pathlib import Path

import pytest

from aegisd import resources
from aegisd.core import capabilities
from aegisd.core.manifest.parse import MANIFEST_BYTES_MAX
from tests.aegisctl.conftest import Type

V1 = {
    "schema": "aegis.dev/manifest/v0.1",
    "name": "old",
    "version": "1",
    "publisher": "p",
    "permissions": {
        "tools": ["fs.read"],
        "fs": {"read_roots": ["/w"]},
        "budgets": {"max_steps": 3},
    },
}

V2 = {"schema": "aegis.dev/manifest/v0.2", "name": "new", "version": "1", "publisher": "p"}


def written(folder: Path, value: object) -> Path:
    path = folder / "manifest.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


@pytest.mark.parametrize(
    ("manifest", "steps", "defaulted"),
    [
        (V1, 3, ["tool_calls", "wall_time_ms"]),
        (V2, 24, ["steps", "tool_calls", "wall_time_ms"]),
        ({**V2, "budgets": {"steps": None, "wall_time_ms": 9}}, None, ["tool_calls"]),
    ],
)
def test_a_manifest_that_a_daemon_takes_is_valid_and_its_budgets_are_told(
    manifest: object, steps: int | None, defaulted: list[str], tmp_path: Path, type_: Type
) -> None:
    path = written(tmp_path, manifest)
    typed = type_("manifest", "validate", path, "--json")
    assert typed.code == 0
    read = capabilities.read(path.read_bytes())
    told = json.loads(typed.out)
    budgets = told.pop("budgets")
    assert (budgets["steps"], budgets["model_calls"]) == (steps, None)
    assert budgets["wall_time_ms"] == read.manifest.budgets.wall_time_ms
    assert told == {
        "valid": True,
        "problem": None,
        "digest": read.digest,
        "defaulted": defaulted,
    }
    said = type_("manifest", "validate", path).out
    assert f"steps {'no limit' if steps is None else steps}, " in said
    assert f"defaults: {', '.join(defaulted)}; write null for no limit" in said


@pytest.mark.parametrize(
    ("entry", "asked"),
    [
        ("example.com", True),
        ("@example.com", False),
        ("a.b", False),
        ("4.2", False),
        ("C42", False),
    ],
)
def test_a_recipient_that_lacks_its_at_is_asked_about(
    entry: str, asked: object, tmp_path: Path, type_: Type
) -> None:
    tools = {"send": {"effects": ["message"]}}
    path = written(tmp_path, {**V2, "tools": tools, "recipients": [entry]})
    typed = type_("manifest", "validate", path)
    assert (typed.code, f"did you mean @{entry}?" in typed.err) == (0, asked)


@pytest.mark.parametrize(("lists", "told"), [({}, "anybody: pay, send"), ({"recipients": []}, "")])
def test_who_may_reach_anybody_is_named(
    lists: dict[str, object], told: str, tmp_path: Path, type_: Type
) -> None:
    tools = {name: {"effects": [name]} for name in ("read", "write")}
    tools |= {"pay": {"effects": ["spend"]}, "send": {"effects": ["message"]}}
    typed = type_("manifest", "validate", written(tmp_path, {**V2, "tools": tools, **lists}))
    assert (typed.code, told in typed.err, bool(typed.err)) == (0, True, bool(told))


@pytest.mark.parametrize(
    ("program", "told"), [("git", False), ("frob", True), ({"name": "frob", "net": "none"}, False)]
)
def test_a_program_that_nothing_describes_is_named(
    program: object, told: object, tmp_path: Path, type_: Type
) -> None:
    listed = {"name": program} if isinstance(program, str) else program
    limited = {"exec": {"binaries": [listed]}, "net": {"domains": ["a.example"]}}
    typed = type_("manifest", "validate", written(tmp_path, {**V2, **limited}))
    assert (typed.code, "nothing describes frob" in typed.err) == (0, told)


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        ("{", "expected one JSON document"),
        ("[]", "expected a JSON object"),
        ({**V2, "toolz": {}}, "nearest known one is 'tools'"),
        ({**V2, "zone": "Mars/Base"}, "not an IANA time zone"),
        ({**V2, "tools": {"t": {"args": {"type": "no such type"}}}}, "tools.t.args"),
        ({**V2, "description": "x" * MANIFEST_BYTES_MAX}, "MANIFEST_BYTES_MAX"),
    ],
)
def test_a_manifest_that_a_daemon_refuses_is_invalid_with_its_sentence(
    manifest: object, sentence: str, tmp_path: Path, type_: Type
) -> None:
    typed = type_("manifest", "validate", written(tmp_path, manifest))
    assert typed.code == 1
    assert sentence in typed.out
    assert type_("manifest", "show", tmp_path / "manifest.json").code == 1


@pytest.mark.parametrize("manifest", [V1, V2])
def test_what_is_shown_is_v02_and_means_the_same(
    manifest: object, tmp_path: Path, type_: Type
) -> None:
    path = written(tmp_path, manifest)
    for more in ((), ("--json",)):
        typed = type_("manifest", "show", path, *more)
        assert typed.code == 0
        shown = capabilities.read(typed.out.encode())
        assert shown.manifest == capabilities.read(path.read_bytes()).manifest
        assert json.loads(typed.out)["schema"] == V2["schema"]
    assert ("written as v0.1" in type_("manifest", "show", path).err) == (manifest is V1)


def test_every_example_manifest_validates(type_: Type) -> None:
    for path in resources.manifests().glob("*.json"):
        assert type_("manifest", "validate", path).code == 0, path


def test_a_draft_without_tools_validates(tmp_path: Path, type_: Type) -> None:
    typed = type_("manifest", "init")
    assert typed.code == 0
    (tmp_path / "m.json").write_text(typed.out)
    assert type_("manifest", "validate", tmp_path / "m.json").code == 0


def test_a_draft_replaces_nothing_unless_told_to(tmp_path: Path, type_: Type) -> None:
    out = tmp_path / "m.json"
    out.write_text("precious")
    assert type_("manifest", "init", "--out", out).code == 2
    assert out.read_text() == "precious"
    assert type_("manifest", "init", "--out", out, "--force").code == 0


@pytest.mark.parametrize(
    "listed",
    [
        "nonsense",
        "[]",
        "{}",
        "[1]",
        '[{"name":1}]',
        '[{"name":"a"},{"name":"a"}]',
        '[{"name":"a","parameters":{"type":"no such type"}}]',
    ],
)
def test_what_cannot_be_described_is_refused(listed: str, tmp_path: Path, type_: Type) -> None:
    tools = tmp_path / "tools.json"
    tools.write_text(listed)
    typed = type_("manifest", "init", tools)
    assert (typed.code, typed.out) == (1, "")


TOOLS = [
    {
        "name": "send_money",
        "description": "Pay.",
        "inputSchema": {
            "type": "object",
            "properties": {"recipient": {"type": "string"}, "amount": {"type": "number"}},
        },
    },
    {"name": "getWebpage", "parameters": {"type": "object", "properties": {"url": {}}}},
    {"name": "list_emails"},
    {"name": "frobnicate"},
]


@pytest.mark.parametrize(
    "listed",
    [
        TOOLS,
        {"tools": TOOLS},
        {"jsonrpc": "2.0", "id": 1, "result": {"tools": TOOLS}},
        [{"type": "function", "function": tool} for tool in TOOLS],
    ],
)
def test_a_draft_guesses_what_tools_do(listed: object, tmp_path: Path, type_: Type) -> None:
    tools = tmp_path / "tools.json"
    tools.write_text(json.dumps(listed))
    out = tmp_path / "draft.json"
    typed = type_("manifest", "init", tools, "--name", "desk", "--out", out)
    assert typed.code == 0
    manifest = capabilities.read(out.read_bytes()).manifest
    assert manifest.name == "desk"
    money = manifest.tools["send_money"]
    assert (money.effects, money.risk, money.approval) == (("message", "spend"), "high", True)
    assert money.roles == {"recipient": "recipient", "amount": "amount"}
    page = manifest.tools["getWebpage"]
    assert (page.effects, page.risk, page.roles) == (("net", "read"), "medium", {"url": "url"})
    assert (manifest.tools["list_emails"].effects, manifest.tools["list_emails"].risk) == (
        ("read",),
        "low",
    )
    assert manifest.tools["frobnicate"].risk == "high"
    assert "send_money: message, spend" in typed.err
    assert "frobnicate: its name does not say" in typed.err

"""A draft guesses what tools do, never too lightly, and validates."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisctl import starter
from aegisd.core import capabilities
from aegisd.core.errors import ManifestInvalid
from aegisd.core.log.canonical import encode
from tests.aegisctl.conftest import Type

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


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@given(st.lists(NAMES, unique=True, min_size=1), st.dictionaries(NAMES, st.just({}), max_size=4))
def test_any_list_of_tools_gives_a_draft_that_validates(
    names: list[str], properties: dict[str, object]
) -> None:
    schema = {"type": "object", "properties": properties}
    draft = starter.from_tools([{"name": name, "inputSchema": schema} for name in names], "x")
    manifest = capabilities.read(encode(draft)).manifest
    assert set(manifest.tools) == set(names)
    for tool in manifest.tools.values():
        assert tool.approval == (tool.risk == "high")
    assert list(starter.to_check(draft))


@given(st.sampled_from(["delete", "drop", "pay", "transfer", "exec", "run", "grant"]), NAMES)
def test_a_grave_word_in_front_is_never_taken_lightly(word: str, rest: str) -> None:
    draft = starter.from_tools([{"name": f"{word}_{rest}"}], "x")
    (tool,) = capabilities.read(encode(draft)).manifest.tools.values()
    assert (tool.risk, tool.approval) == ("high", True)


def test_no_tool_is_no_manifest() -> None:
    with pytest.raises(ManifestInvalid):
        starter.from_tools([], "x")

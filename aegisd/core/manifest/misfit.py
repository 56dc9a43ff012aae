"""What to write where a manifest has not its shape: one sentence for each of msgspec's."""

import re
from collections.abc import Mapping
from typing import get_args

import msgspec

from aegisd.core.manifest import model
from aegisd.core.nearest import nearest
from aegisd.core.wording import bounded

# What may stand at a place, `[]` being any entry of a list or an object.
EXAMPLES: Mapping[str, str] = {
    "tools": '{"read_file": {"effects": ["read"]}}',
    "tools[]": '{"effects": ["read"], "risk": "low"}',
    "tools[].effects": '["read"]',
    "tools[].args": '{"type": "object", "properties": {"path": {"type": "string"}}}',
    "tools[].roles": '{"path": "path"}',
    "tools[].sensitive": '{"email": "personal"}',
    "tools[].result_sensitive": '{"email": "personal"}',
    "fs": '{"read_roots": ["/srv/project"]}',
    "fs.read_roots": '["/srv/project"]',
    "fs.write_roots": '["/srv/project/out"]',
    "net": '{"domains": ["api.example.com"]}',
    "net.domains": '["api.example.com"]',
    "exec": '{"binaries": [{"name": "git", "args": ["*"]}]}',
    "exec.binaries": '[{"name": "git", "args": ["*"]}]',
    "exec.binaries[]": '{"name": "git", "args": ["*"]}',
    "exec.binaries[].args": '["*"]',
    "exec.binaries[].net": '["--host", 1]',
    "recipients": '["ann@example.com", "@example.com"]',
    "recipients[]": '["ann@example.com", "@example.com"]',
    "budgets": '{"steps": 40, "wall_time_ms": null}',
    "constraints": '{"timeout_ms": 10000}',
    "sandbox": '{"required": true}',
    "sandbox.mounts": '["/srv/project"]',
    "sensitive": '{"USER_MESSAGE": {"content": "personal"}}',
    "sensitive[]": '{"content": "personal"}',
}

# The words of which one stands at a place.
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "tools[].effects[]": get_args(model.Effect),
    "tools[].risk": get_args(model.Risk),
    "tools[].roles[]": get_args(model.Role),
    "tools[].sensitive[]": get_args(model.Sensitivity),
    "tools[].result_sensitive[]": get_args(model.Sensitivity),
    "sensitive[][]": get_args(model.Sensitivity),
    "exec.binaries[].net": ("none", "any"),
}

_KINDS = {
    "object": "an object",
    "array": "a list",
    "str": "a text",
    "int": "a whole number",
    "float": "a number with a fraction",
    "bool": "true or false",
    "null": "null",
}

_PLACE = re.compile(r" - at `(?P<of_key>key` in `)?(?P<where>.*)`\Z", re.DOTALL)
_EXPECTED = re.compile(
    r"Expected `(?P<kinds>[^`]*)`(?: (?P<of>of length )?(?P<sign>[<>]=) (?P<bound>-?\d+))?"
    r"(?:, got `(?P<found>[^`]*)`)?"
)
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`", re.DOTALL)
_CHOICE = re.compile(r"Invalid enum value '?(?P<found>.*?)'?", re.DOTALL)
_ENTRY = re.compile(r"\[(?:\.\.\.|\d+)\]")


def misfit(document: Mapping[str, object], message: str) -> str:
    """A sentence for msgspec's about a document: where, what is wanted, what is there."""
    place = _PLACE.search(message)
    where = place["where"].removeprefix("$").removeprefix(".") if place else ""
    said = message[: place.start()] if place else message
    kind = _ENTRY.sub("[]", where)
    example = EXAMPLES.get(kind)
    written = f"; write {example}" if example else ""
    at = _named(document, where) if where else "manifest"
    if place and place["of_key"]:
        return f"{at}: a name in it is empty or longer than 256 characters; write another"
    if missing := _MISSING.fullmatch(said):
        return f"{at}: {missing['name']!r} is missing{written}"
    if choice := _CHOICE.fullmatch(said):
        return f"{at}: {_chosen(choice['found'], _CHOICES.get(kind, ()))}{written}"
    if expected := _EXPECTED.fullmatch(said):
        return f"{at}: {_wanted(expected, is_limit=kind.startswith('budgets.'))}{written}"
    return f"{at}: {said}{written}"


def _named(document: Mapping[str, object], where: str) -> str:
    """The place with the tool's own name in it."""
    tools = document.get("tools")
    if not where.startswith("tools[...]") or not isinstance(tools, dict):
        return where
    name = next((name for name, tool in tools.items() if not _is_tool(tool)), "...")
    return where.replace("[...]", f".{bounded(name)}", 1)


def _is_tool(value: object) -> bool:
    try:
        msgspec.convert(value, model.Tool)
    except msgspec.ValidationError:
        return False
    return True


def _chosen(found: str, choices: tuple[str, ...]) -> str:
    told = f"expected one of {', '.join(choices)}, found {bounded(found)!r}"
    return f"{told}; the nearest is {nearest(found, choices)!r}" if choices else told


def _wanted(expected: re.Match[str], *, is_limit: bool) -> str:
    kinds = " or ".join(_KINDS.get(each, each) for each in expected["kinds"].split(" | "))
    if expected["sign"]:
        count = f"{'at least' if expected['sign'] == '>=' else 'at most'} {expected['bound']}"
        kinds += f" of {count} {'characters' if expected['of'] else ''}".rstrip()
    lifts = ", null for no limit" if is_limit and "null" not in kinds else ""
    found = expected["found"]
    return f"expected {kinds}{lifts}" + (f", found {_KINDS.get(found, found)}" if found else "")

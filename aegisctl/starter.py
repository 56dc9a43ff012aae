"""A first manifest: guessed from tools' names and schemas, or a small one to write into.

A guess is a draft for a person. Where a word could mean two things the graver one is taken.
"""

import re
from collections.abc import Iterator, Mapping

import msgspec

from aegisd import resources
from aegisd.core.errors import ManifestInvalid
from aegisd.core.manifest.model import SCHEMA_V2

# What the words of a tool's name say that it does. Sorted by effect; a name may say several.
_EFFECT_WORDS: Mapping[str, frozenset[str]] = {
    effect: frozenset(words.split())
    for effect, words in {
        "auth": "auth credential grant login password permission token",
        "delete": "cancel clear delete destroy drop erase purge remove unlink",
        "exec": "bash cmd command eval exec execute python run script sh shell terminal",
        "message": "email forward invite message notify post publish reply send share sms tweet",
        "net": "browse crawl download http https url web webpage",
        "read": "check count describe fetch find get list lookup query read search show view",
        "spend": "book buy charge money order pay payment purchase refund reserve transaction "
        "transfer",
        "write": "add append create edit insert modify move put rename save schedule set update "
        "upload write",
    }.items()
}

# "get_emails" reads and sends nothing: after a reading verb, other words name what is read. Words
# that reach out of the process or act on more than data keep their meaning wherever they stand.
_READING = _EFFECT_WORDS["read"]
_ALWAYS = frozenset({"exec", "net"})

_GRAVE = frozenset({"auth", "delete", "exec", "spend"})

# What the words of a parameter's name say that it steers, the first that fits.
_ROLE_WORDS: Mapping[str, frozenset[str]] = {
    role: frozenset(words.split())
    for role, words in {
        "url": "href link uri url",
        "path": "dir directory file filename folder path",
        "command": "cmd command script shell",
        "amount": "amount cost price quantity",
        "recipient": "address bcc cc channel email iban participants phone receiver recipient "
        "recipients to user",
        "content": "body content description html message note subject text",
    }.items()
}

_SCHEMA_KEYS = ("inputSchema", "input_schema", "parameters")

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def from_tools(document: object, name: str) -> dict[str, object]:
    """A v0.2 manifest for tools as `tools/list` of MCP answers them, or as model APIs take them.

    `document` is a list of `{name, description?, inputSchema | input_schema | parameters}`, or an
    object with such a list under `tools`. Raises `ManifestInvalid`.
    """
    tools = {tool_name: _tool(tool_name, tool) for tool_name, tool in _tools(document)}
    if not tools:
        raise ManifestInvalid("expected at least one tool, found an empty list")
    return {**_frame(name), "tools": tools}


def small(name: str) -> dict[str, object]:
    """A manifest of one tool of each common kind, whose descriptions say what to change."""
    example: dict[str, object] = msgspec.json.decode(
        (resources.manifests() / "starter.json").read_bytes()
    )
    return {**example, **_frame(name)}


def to_check(manifest: Mapping[str, object]) -> Iterator[str]:
    """Sentences for a person: what a guess cannot know, and what was guessed about grave tools."""
    tools = manifest.get("tools")
    for name, tool in sorted(tools.items()) if isinstance(tools, dict) else []:
        if not tool["effects"]:
            yield f"{name}: its name does not say what it does; effects are empty, risk is high"
        elif tool["approval"]:
            effects = ", ".join(tool["effects"])
            yield f"{name}: {effects}; every call needs approval, which cannot be given yet"
        if tool.get("args") is None:
            yield f"{name}: has no schema, so its arguments are not checked"
    yield "fs.read_roots and fs.write_roots are empty: every path in arguments is denied"
    yield "net.domains is empty: every host in arguments is denied"
    yield "exec.binaries is empty: every command is denied"
    yield "budgets are the defaults for one careful task; N allows exactly N"


def _frame(name: str) -> dict[str, object]:
    return {"schema": SCHEMA_V2, "name": name, "version": "0.1.0", "publisher": name}


def _tools(document: object) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield (name, tool) from any of the shapes that list tools."""
    while isinstance(document, dict) and ("result" in document or "tools" in document):
        document = document.get("tools", document.get("result"))
    if not isinstance(document, list):
        raise ManifestInvalid("expected a list of tools, or an object with one under `tools`")
    seen: set[str] = set()
    for index, listed in enumerate(document):
        tool = listed.get("function", listed) if isinstance(listed, dict) else listed
        name = tool.get("name") if isinstance(tool, dict) else None
        if not isinstance(tool, dict) or not isinstance(name, str):
            raise ManifestInvalid(f"tool {index}: expected an object with a name")
        if name in seen:
            raise ManifestInvalid(f"tool {index}: the name was listed before")
        seen.add(name)
        yield name, tool


def _tool(name: str, tool: Mapping[str, object]) -> dict[str, object]:
    schema = next((tool[key] for key in _SCHEMA_KEYS if isinstance(tool.get(key), dict)), None)
    properties = schema.get("properties") if isinstance(schema, dict) else None
    roles = _roles(properties if isinstance(properties, dict) else {})
    effects = _effects(name, roles)
    description = tool.get("description")
    grave = not effects or bool(_GRAVE & set(effects))
    guess: dict[str, object] = {
        "description": description if isinstance(description, str) else "",
        "effects": effects,
        "risk": "high" if grave else "low" if effects == ["read"] else "medium",
        "approval": grave,
        "roles": roles,
    }
    return guess if schema is None else {**guess, "args": schema}


def _effects(name: str, roles: Mapping[str, str]) -> list[str]:
    words = _words(name)
    said = {effect for effect, known in _EFFECT_WORDS.items() if known & set(words)}
    if words and words[0] in _READING:
        said &= {"read"} | _ALWAYS
    if "url" in roles.values():
        said.add("net")
    if "command" in roles.values():
        said.add("exec")
    return sorted(said)


def _roles(properties: Mapping[str, object]) -> dict[str, str]:
    roles: dict[str, str] = {}
    for name, schema in properties.items():
        words = set(_words(name))
        role = next((role for role, known in _ROLE_WORDS.items() if known & words), None)
        if isinstance(schema, dict) and schema.get("format") in ("uri", "url"):
            role = "url"
        if role is not None:
            roles[name] = role
    return roles


def _words(name: str) -> list[str]:
    """`getUserURL` like `get_user_url`: its words in lower case, then again without a final s."""
    found = [word.lower() for word in _WORD.findall(name)]
    return [*found, *(word.removesuffix("s") for word in found)]

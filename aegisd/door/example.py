"""A call to try a gate with, as its manifest would take it."""

import json
from collections.abc import Mapping

from aegisd.core.manifest.model import Manifest, Tool

# Plain values by the type that a schema asks for.
_VALUES: Mapping[str, object] = {"integer": 1, "number": 1, "boolean": True, "array": []}

_RISKS = ("low", "medium", "high", "critical")

# What is tried where nothing is declared, and denied.
_UNDECLARED: tuple[str, dict[str, object]] = "read_file", {"path": "/workspace/notes.txt"}


def event(manifest: Manifest | None) -> str:
    """A proposal in JSON: the manifest's least risky tool, with the arguments that it must have."""
    tool_name, args = _UNDECLARED
    if manifest is not None and manifest.tools:
        tool_name = min(manifest.tools, key=lambda name: _rank(name, manifest.tools[name]))
        args = _arguments(manifest, manifest.tools[tool_name])
    payload = {"tool_name": tool_name, "args": args}
    about = {"tenant_id": "acme", "session_id": "s1", "event_type": "TOOL_CALL_PROPOSED"}
    return json.dumps({**about, "payload": payload}, separators=(",", ":"), ensure_ascii=False)


def _rank(name: str, tool: Tool) -> tuple[bool, int, bool, str]:
    return tool.approval, _RISKS.index(tool.risk), name != _UNDECLARED[0], name


def _arguments(manifest: Manifest, tool: Tool) -> dict[str, object]:
    schema = tool.args or {}
    required, properties = schema.get("required"), schema.get("properties")
    names = required if isinstance(required, list) else list(tool.roles)
    described = properties if isinstance(properties, dict) else {}
    return {name: _value(manifest, tool.roles.get(name, ""), described.get(name)) for name in names}


def _value(manifest: Manifest, role: str, schema: object) -> object:
    wanted = schema if isinstance(schema, dict) else {}
    options = wanted.get("enum")
    if isinstance(options, list) and options:
        return options[0]
    if role == "path":
        roots = (*manifest.fs.read_roots, *manifest.fs.write_roots, "/workspace")
        return f"{roots[0].rstrip('/')}/notes.txt"
    if role == "url":
        domain = (*manifest.net.domains, "example.com")[0].replace("*", "www")
        return f"{domain if '://' in domain else f'https://{domain}'}/"
    if role == "command":
        return next((each.name for each in manifest.exec.binaries), "ls")
    kind = wanted.get("type", "string")
    return _VALUES.get(kind, {} if kind == "object" else "x") if isinstance(kind, str) else "x"

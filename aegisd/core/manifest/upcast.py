"""Manifest v0.1 read as v0.2. Stored bytes stay as they were; readers upcast.

v0.1 named tools without saying what they do, so effects are read from the name, with the same
prefixes its own policy used, taken as whole words: `net.post` and `net_post` are `net`,
`network_info` is not.
"""

import re

from aegisd.core.errors import ManifestInvalid
from aegisd.core.manifest.model import SCHEMA_V2

# First word or words of a tool's name -> what it does.
_EFFECTS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("mcp", "http"), "net"),
    (("mcp", "https"), "net"),
    (("net",), "net"),
    (("http",), "net"),
    (("https",), "net"),
    (("exec",), "exec"),
    (("bash",), "exec"),
    (("shell",), "exec"),
    (("sh",), "exec"),
    (("fs", "write"), "write"),
    (("write", "file"), "write"),
    (("fs", "delete"), "delete"),
    (("delete", "file"), "delete"),
    (("fs",), "read"),
    (("read", "file"), "read"),
    (("list", "dir"), "read"),
    (("db", "write"), "write"),
    (("database", "write"), "write"),
)

# Tools of one manifest, each an object of the v0.2 document: about as many as that may have.
TOOLS_MAX = 16_384

_KNOWN = frozenset(
    {"schema", "name", "version", "publisher", "permissions", "sandbox", "integrity"}
)
_PERMISSIONS = frozenset({"tools", "fs", "net", "secrets", "exec", "approval_required", "budgets"})
_INTEGRITY = frozenset({"files", "tree_sha256", "signature"})
_BUDGETS = {
    "max_steps": ("budgets", "steps"),
    "max_tool_calls": ("budgets", "tool_calls"),
    "max_model_calls": ("budgets", "model_calls"),
    "max_wall_time_ms": ("budgets", "wall_time_ms"),
    "timeout_ms": ("constraints", "timeout_ms"),
    "max_output_bytes": ("constraints", "max_output_bytes"),
}


def from_v1(document: dict[str, object]) -> dict[str, object]:
    """A v0.2 document with the meaning of a v0.1 one; `parse` then checks it like any other.

    Raises `ManifestInvalid` for what v0.1 could say and nothing here can honour: file digests and
    signatures (`integrity`) and `secrets`.
    """
    _only(document, _KNOWN, "manifest")
    permissions = _object(document, "permissions")
    _only(permissions, _PERMISSIONS, "permissions")
    integrity = _object(document, "integrity")
    _only(integrity, _INTEGRITY, "integrity")
    for name in sorted(_INTEGRITY):
        if integrity.get(name):
            raise ManifestInvalid(
                f"integrity.{name} cannot be verified by this version, so it is refused"
            )
    if permissions.get("secrets"):
        raise ManifestInvalid("permissions.secrets cannot be enforced by this version")
    approvals = frozenset(_names(permissions, "approval_required"))
    limits: dict[str, dict[str, object]] = {"budgets": {}, "constraints": {}}
    budgets = _object(permissions, "budgets")
    _only(budgets, frozenset(_BUDGETS), "permissions.budgets")
    for name, value in budgets.items():
        section, field = _BUDGETS[name]
        # v0.1 knew no lifted limit: its null was its default, and v0.2 defaults to the same.
        if value is not None:
            limits[section][field] = value
    names = _names(permissions, "tools")
    if len(names) > TOOLS_MAX:
        raise ManifestInvalid(f"{len(names)} tools, past TOOLS_MAX = {TOOLS_MAX}; declare fewer")
    tools = {name: _tool(name, approvals) for name in names}
    return {
        "schema": SCHEMA_V2,
        **{name: document[name] for name in ("name", "version", "publisher") if name in document},
        "tools": tools,
        "fs": _object(permissions, "fs"),
        "net": _object(permissions, "net"),
        "exec": _programs(_object(permissions, "exec")),
        **limits,
        "sandbox": _object(document, "sandbox"),
    }


def _tool(name: str, approvals: frozenset[str]) -> dict[str, object]:
    words = tuple(re.split(r"[._\-/:]+", name.lower()))
    effects = [effect for prefix, effect in _EFFECTS if words[: len(prefix)] == prefix][:1]
    # v0.1 had no argument schemas, and v0.2 denies untyped calls of high risk: medium keeps its
    # meaning.
    return {"effects": effects, "risk": "medium", "approval": name in approvals}


def _programs(permissions: dict[str, object]) -> dict[str, object]:
    _only(permissions, frozenset({"allowed_bins", "arg_patterns"}), "permissions.exec")
    # v0.1 never looked at arguments; without patterns any argument stays allowed.
    patterns = _names(permissions, "arg_patterns") or ["*"]
    names = _names(permissions, "allowed_bins")
    return {"binaries": [{"name": name, "args": patterns} for name in names]}


def _object(document: dict[str, object], name: str) -> dict[str, object]:
    value = document.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ManifestInvalid(f"{name}: expected an object")
    return value


def _names(document: dict[str, object], name: str) -> list[str]:
    value = document.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ManifestInvalid(f"{name}: expected a list of strings")
    return value


def _only(document: dict[str, object], known: frozenset[str], where: str) -> None:
    for name in document:
        if name not in known:
            raise ManifestInvalid(
                f"{where}: unknown field {name!r}; known are {', '.join(sorted(known))}"
            )

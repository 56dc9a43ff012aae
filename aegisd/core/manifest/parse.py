"""Bytes to a manifest: strict JSON, v0.1 upcast, every field known, every name in normal form."""

import re

import msgspec

from aegisd.core.errors import ManifestInvalid
from aegisd.core.log.canonical import parse
from aegisd.core.manifest import model
from aegisd.core.manifest.domain import normal
from aegisd.core.manifest.misfit import misfit
from aegisd.core.manifest.model import Manifest
from aegisd.core.manifest.recipient import entry
from aegisd.core.manifest.upcast import from_v1
from aegisd.core.nearest import nearest

# A thousand tools with generous schemas; more is a sign of something else in the file.
MANIFEST_BYTES_MAX = 1_048_576

_FIELDS = frozenset(
    field
    for shape in vars(model).values()
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct)
    for field in shape.__struct_fields__
)

# Parts of the v0.2 vocabulary that no room of this version enforces.
_LATER = {
    "signature": "signatures cannot be verified yet",
    "sources": "taint is not part of this version",
    "secrets": "secrets cannot be handed out by this version (mark a parameter `sensitive`)",
    "leases": "leases are not part of this version",
    "lease": "leases are not part of this version",
    "cost": "money budgets are not part of this version",
}

_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`(?: - at `(.*)`)?\Z", re.DOTALL)


def decode(data: bytes) -> object:
    """Strict JSON of at most `MANIFEST_BYTES_MAX` bytes, not yet looked at.

    Raises `ManifestInvalid` or `InvalidJson`.
    """
    if len(data) > MANIFEST_BYTES_MAX:
        raise ManifestInvalid(f"larger than MANIFEST_BYTES_MAX = {MANIFEST_BYTES_MAX} bytes")
    return parse(data)


def from_document(document: object) -> Manifest:
    """The manifest, v0.1 or v0.2, that strict JSON decoding gave.

    Raises `ManifestInvalid`, naming the field and what would be right.
    """
    if not isinstance(document, dict):
        raise ManifestInvalid("expected a JSON object")
    schema = document.get("schema")
    if schema == model.SCHEMA_V1:
        document = from_v1(document)
    elif schema != model.SCHEMA_V2:
        raise ManifestInvalid(f"schema: expected {model.SCHEMA_V2!r} (or {model.SCHEMA_V1!r})")
    try:
        manifest = msgspec.convert(document, Manifest)
    except msgspec.ValidationError as error:
        raise ManifestInvalid(_explain(document, str(error))) from None
    _check_agents(manifest)
    for name, tool in manifest.tools.items():
        _check_tool(name, tool)
    return msgspec.structs.replace(
        manifest,
        fs=model.FileSystem(
            read_roots=tuple(_root(root) for root in manifest.fs.read_roots),
            write_roots=tuple(_root(root) for root in manifest.fs.write_roots),
        ),
        net=model.Net(domains=tuple(normal(domain) for domain in manifest.net.domains)),
        recipients=_recipients(manifest),
    )


def _explain(document: dict[str, object], message: str) -> str:
    unknown = _UNKNOWN.match(message)
    if unknown is None:
        return misfit(document, message)
    field, where = unknown.group(1), (unknown.group(2) or "$").replace("$", "manifest", 1)
    if field in _LATER:
        return f"{where}.{field}: {_LATER[field]}, so it is refused rather than ignored"
    return f"{where}: unknown field {field!r}; the nearest known one is {nearest(field, _FIELDS)!r}"


def _check_agents(manifest: Manifest) -> None:
    if manifest.agents != ("*",):
        raise ManifestInvalid(
            "agents: this version cannot authenticate agents, so a manifest cannot govern only "
            'some of them; leave it out or write ["*"]'
        )


def _check_tool(name: str, tool: model.Tool) -> None:
    if len(set(tool.effects)) != len(tool.effects):
        raise ManifestInvalid(f"tools.{name}.effects: an effect is named twice")
    properties = tool.args.get("properties") if tool.args is not None else None
    if isinstance(properties, dict):
        for parameter in tool.roles:
            if parameter not in properties:
                hint = f"; the nearest is {nearest(parameter, properties)!r}" if properties else ""
                raise ManifestInvalid(
                    f"tools.{name}.roles: {parameter!r} is not a parameter of its schema{hint}"
                )


def _recipients(manifest: Manifest) -> dict[str, tuple[str, ...]] | None:
    """The lists with each entry in its one spelling; each is of a parameter that some tool has."""
    lists = model.recipient_lists(manifest)
    if lists is None:
        return None
    known = {"*"}
    for name, tool in manifest.tools.items():
        properties = tool.args.get("properties") if tool.args is not None else None
        if not isinstance(properties, dict):
            known.update(lists)  # a tool without a schema may have any
            continue
        known.update(properties, (f"{name}.{parameter}" for parameter in properties))
    for name in lists:
        if name not in known:
            hint = nearest(name, known)
            raise ManifestInvalid(
                f"recipients: no tool has a parameter {name!r}; write PARAMETER, TOOL.PARAMETER or "
                f"'*'; the nearest is {hint!r}"
            )
    return {name: tuple(entry(each) for each in named) for name, named in lists.items()}


def _root(root: str) -> str:
    segments = [segment for segment in root.split("/") if segment not in ("", ".")]
    if "\\" in root or "\0" in root or root.startswith("~") or ".." in segments:
        raise ManifestInvalid(
            f"fs: root {root!r} could never be compared; write it absolute, as /srv/project, or "
            "relative, as out, without ~, .. and backslashes; `.` is where the tool runs"
        )
    if root.startswith("/"):
        return "/" + "/".join(segments)
    return "/".join(segments) or "."

"""What is in force for a tenant of a running daemon: put there, listed, shown.

The verbs of `aegisctl manifest` and `aegisctl policy` that ask a server.
"""

import getpass
from collections.abc import Mapping
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from aegisctl import options
from aegisctl.display import coloured, note, tell
from aegisctl.exits import BROKEN, HOLDS
from aegisd.core import capabilities
from aegisd.core.errors import InvalidRequest, NotFound
from aegisd.core.log.canonical import parse
from aegisd.core.manifest.parse import MANIFEST_BYTES_MAX
from aegisd.core.policy.release import OPERATOR_PREFIX
from aegisd.printable import shown
from aegisd.remote.client import Client, segment

_AUTHOR = click.option(
    "--author", metavar="ID", help="Who acts, for the log.  [default: who is logged in]"
)
_REASON = click.option("--reason", help="Why, in a sentence.  [default: the file's name]")
_TENANT = options.tenant_of("The tenant.", required=True)


class Receipt(Struct):
    """What a server answers to an act: what is in force now, and where that is recorded."""

    digest: str
    author: str
    position: int


class Manifest(Struct):
    """A manifest in force, as it was registered."""

    digest: str
    author: str
    manifest: dict[str, object]


class Manifests(Struct):
    """Those in force; none means that every proposal is denied."""

    manifests: list[Manifest]


class Files(Struct):
    """Rego by path, base rules included."""

    files: dict[str, str]


class Policy(Struct):
    """The bundle in force."""

    digest: str
    author: str
    bundle: Files


class Policies(Struct):
    """The one in force; none for a tenant without events."""

    policies: list[Policy]


@click.command("register", cls=options.Verb)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@options.server
@_TENANT
@_AUTHOR
@_REASON
@options.as_json
def register(
    file: Path,
    server: str,
    tenant_id: str,
    author: str | None,
    reason: str | None,
    *,
    as_json: bool,
) -> int:
    """Put the manifest FILE in force for a tenant, from the next decision on.

    Example:
      aegisctl manifest register manifest.json --tenant acme

    Exit codes: 0 in force, 1 it is refused, 2 could not tell.

    """
    with file.open("rb") as opened:
        data = opened.read(MANIFEST_BYTES_MAX + 1)
    try:
        capabilities.read(data)
        body = {"manifest": parse(data)}
        told = _act(Client(server), "/v1/manifests", body, tenant_id, author, reason or file.name)
    except InvalidRequest as error:
        note(f"refused: {shown(error.message, None)}")
        return BROKEN
    return _tell(told, tenant_id, as_json=as_json)


@click.command("activate", cls=options.Verb)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@options.server
@_TENANT
@_AUTHOR
@_REASON
@options.as_json
def activate(
    folder: Path,
    server: str,
    tenant_id: str,
    author: str | None,
    reason: str | None,
    *,
    as_json: bool,
) -> int:
    """Put the rules and data of FOLDER in force for a tenant, from the next decision on.

    They take the place of the operator's rules in force; the base rules stay.

    Example:
      aegisctl policy activate rules/ --tenant acme

    Exit codes: 0 in force, 1 they are refused, 2 could not tell.

    """
    from aegisd.rego.bundle import load_directory, require_rule  # noqa: PLC0415 - only this verb

    try:
        files = load_directory(folder)
        require_rule(files, folder)
        body = {"files": files}
        told = _act(Client(server), "/v1/policies", body, tenant_id, author, reason or folder.name)
    except InvalidRequest as error:
        note(f"refused: {shown(error.message, None)}")
        return BROKEN
    return _tell(told, tenant_id, as_json=as_json)


@click.command("list", cls=options.Verb)
@options.server
@_TENANT
@options.as_json
def manifests(server: str, tenant_id: str, *, as_json: bool) -> int:
    """List the manifests in force for a tenant.

    Example:
      aegisctl manifest list --tenant acme

    Exit codes: 0 listed, 2 could not tell.

    """
    client = Client(server)
    found = client.read(client.get("/v1/manifests", tenant_id=tenant_id), Manifests).manifests
    lines = [
        f"{each.digest}  {_text(each.manifest, 'name')} {_text(each.manifest, 'version')}, by "
        f"{shown(each.author)}"
        for each in found
    ]
    none = f"no manifest is in force for tenant {shown(tenant_id)}, so all is denied"
    tell(msgspec.to_builtins(found), lines or [none], as_json=as_json)
    return HOLDS


@click.command("list", cls=options.Verb)
@options.server
@_TENANT
@options.as_json
def policies(server: str, tenant_id: str, *, as_json: bool) -> int:
    """List the policy bundle in force for a tenant, with the operator's files in it.

    Example:
      aegisctl policy list --tenant acme

    Exit codes: 0 listed, 2 could not tell.

    """
    client = Client(server)
    found = _in_force(client, tenant_id)
    lines = [
        f"{each.digest}  by {shown(each.author)}: "
        f"{', '.join(map(shown, sorted(_own(each.bundle)))) or 'the base rules alone'}"
        for each in found
    ]
    none = f"tenant {shown(tenant_id)} has no events yet, so what the daemon names is in force"
    document = [
        {"author": each.author, "digest": each.digest, "files": sorted(_own(each.bundle))}
        for each in found
    ]
    tell(document, lines or [none], as_json=as_json)
    return HOLDS


@click.command("show", cls=options.Verb)
@click.argument("digest", required=False)
@options.server
@_TENANT
@options.as_json
def show(digest: str | None, server: str, tenant_id: str, *, as_json: bool) -> int:
    """Show the operator's rules in force for a tenant, or those of the bundle DIGEST.

    Example:
      aegisctl policy show --tenant acme

    Exit codes: 0 shown, 2 could not tell.

    """
    client = Client(server)
    if digest is None:
        found = _in_force(client, tenant_id)
        if not found:
            raise NotFound(f"tenant {tenant_id} has no events yet, so nothing of its own in force")
        bundle = found[0].bundle
    else:
        bundle = client.read(client.get(f"/v1/policies/{segment(digest)}"), Files)
    own = _own(bundle)
    lines = [
        line
        for path, text in sorted(own.items())
        for line in (f"# {shown(path)}", *text.expandtabs(4).splitlines())
    ]
    tell(own, [shown(line, None) for line in lines] or ["the base rules alone"], as_json=as_json)
    return HOLDS


def _act(
    client: Client,
    path: str,
    body: Mapping[str, object],
    tenant_id: str,
    author: str | None,
    reason: str,
) -> Receipt:
    asked = {**body, "tenant_id": tenant_id, "author": author or _user(), "reason": reason}
    return client.read(client.ask(path, asked), Receipt)


def _tell(told: Receipt, tenant_id: str, *, as_json: bool) -> int:
    line = (
        f"{coloured('in force', 'good')}: {told.digest} for tenant {shown(tenant_id)}, recorded at "
        f"position {told.position} by {shown(told.author)}"
    )
    tell(msgspec.to_builtins(told), [line], as_json=as_json)
    return HOLDS


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise click.UsageError("nobody is logged in here; name who acts with --author") from None


def _in_force(client: Client, tenant_id: str) -> list[Policy]:
    return client.read(client.get("/v1/policies", tenant_id=tenant_id), Policies).policies


def _own(bundle: Files) -> dict[str, str]:
    """The operator's files by path within their folder."""
    return {
        path.removeprefix(OPERATOR_PREFIX): text
        for path, text in bundle.files.items()
        if path.startswith(OPERATOR_PREFIX)
    }


def _text(manifest: Mapping[str, object], name: str) -> str:
    return shown(str(manifest.get(name, "")))

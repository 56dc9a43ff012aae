"""Acts of an operator that a running daemon is asked for, and the manifests in force."""

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
from aegisd.core.errors import InvalidRequest
from aegisd.core.log.canonical import parse
from aegisd.core.manifest.parse import MANIFEST_BYTES_MAX
from aegisd.printable import shown
from aegisd.remote.client import Client

AUTHOR = click.option(
    "--author", metavar="ID", help="Who acts, for the log.  [default: who is logged in]"
)
REASON = click.option("--reason", help="Why, in a sentence.  [default: the file's name]")
TENANT = options.tenant_of("The tenant.", required=True)


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


@click.command("register", cls=options.Verb)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@options.server
@TENANT
@AUTHOR
@REASON
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
        told = act(Client(server), "/v1/manifests", body, tenant_id, author, reason or file.name)
    except InvalidRequest as error:
        note(f"refused: {shown(error.message, None)}")
        return BROKEN
    return tell_receipt(told, tenant_id, as_json=as_json)


@click.command("list", cls=options.Verb)
@options.server
@TENANT
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


def act(
    client: Client,
    path: str,
    body: Mapping[str, object],
    tenant_id: str,
    author: str | None,
    reason: str,
) -> Receipt:
    """Ask a server for an act, in the name of who is logged in where nobody is named."""
    asked = {**body, "tenant_id": tenant_id, "author": author or _user(), "reason": reason}
    return client.read(client.ask(path, asked), Receipt)


def tell_receipt(told: Receipt, tenant_id: str, *, as_json: bool) -> int:
    """Say what is in force now."""
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


def _text(manifest: Mapping[str, object], name: str) -> str:
    return shown(str(manifest.get(name, "")))

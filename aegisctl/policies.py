"""The operator's rules of a tenant of a running daemon: put in force, taken out, listed, shown."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import click
import msgspec
from msgspec import Struct

from aegisctl import options
from aegisctl.activations import AUTHOR, REASON, TENANT, act, tell_receipt
from aegisctl.display import note, say, tell
from aegisctl.display import time as shown_time
from aegisctl.exits import BROKEN, HOLDS
from aegisd.core.errors import ConfigInvalid, InvalidRequest, LogCorrupt, NotFound
from aegisd.core.policy.release import OPERATOR_PREFIX
from aegisd.core.shapes.identifier import CONTROL_SESSION
from aegisd.printable import shown
from aegisd.remote.client import Client, segment
from aegisd.remote.log import ServerLog

# Digits of a SHA-256, and how few of them stand for all where only one begins so.
DIGEST_DIGITS, PREFIX_DIGITS_MIN = 64, 8


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


class Activated(Struct):
    """What a log tells of rules that came into force."""

    digest: str
    author: str
    now_ms: int = 0
    reason: str = ""


class Envelope(Struct):
    """An event about that."""

    payload: Activated


@click.command("activate", cls=options.Verb)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@options.server
@TENANT
@AUTHOR
@REASON
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
    from aegisd.audit import rules  # noqa: PLC0415 - loading rules takes longer than other verbs
    from aegisd.rego.bundle import load_directory, require_rule  # noqa: PLC0415
    from aegisd.rego.engines import installed  # noqa: PLC0415

    try:
        files = load_directory(folder)
        require_rule(files, folder)
        body = {"files": files}
        told = act(Client(server), "/v1/policies", body, tenant_id, author, reason or folder.name)
    except InvalidRequest as error:
        note(f"refused: {shown(rules.in_folder(error.message, folder), None)}")
        return BROKEN
    for words in rules.warnings(rules.bundle(folder), folder, installed()[0]):
        note(f"warning: {shown(words, None)}")
    return tell_receipt(told, tenant_id, as_json=as_json)


@click.command("deactivate", cls=options.Verb)
@options.server
@TENANT
@AUTHOR
@REASON
@options.as_json
def deactivate(
    server: str, tenant_id: str, author: str | None, reason: str | None, *, as_json: bool
) -> int:
    """Take the operator's rules of a tenant out of force: the base rules alone stay.

    A start with other rules leaves it so, because somebody decided it for this tenant.

    Example:
      aegisctl policy deactivate --tenant acme --reason "the audit is over"

    Exit codes: 0 out of force, 2 could not tell.

    """
    why = reason or "the base rules alone"
    told = act(Client(server), "/v1/policies", {"files": {}}, tenant_id, author, why)
    return tell_receipt(told, tenant_id, as_json=as_json)


@click.command("list", cls=options.Verb)
@options.server
@TENANT
@click.option("--history", is_flag=True, help="All that were in force, newest last, and why.")
@options.as_json
def policies(server: str, tenant_id: str, *, history: bool, as_json: bool) -> int:
    """List the policy bundle in force for a tenant, with the operator's files in it.

    Examples:
      aegisctl policy list --tenant acme
      aegisctl policy list --tenant acme --history

    Exit codes: 0 listed, 2 could not tell.

    """
    client = Client(server)
    none = f"tenant {shown(tenant_id)} has no events yet, so what the daemon names is in force"
    if history:
        acts = list(_history(client, tenant_id))
        lines = [
            f"{shown_time(each.now_ms)}  {each.digest}  by {shown(each.author)}: "
            f"{shown(each.reason)}"
            for each in acts
        ]
        tell(msgspec.to_builtins(acts), lines or [none], as_json=as_json)
        return HOLDS
    found = _in_force(client, tenant_id)
    lines = [
        f"{each.digest}  by {shown(each.author)}: "
        f"{', '.join(map(shown, sorted(_own(each.bundle)))) or 'the base rules alone'}"
        for each in found
    ]
    document = [
        {"author": each.author, "digest": each.digest, "files": sorted(_own(each.bundle))}
        for each in found
    ]
    tell(document, lines or [none], as_json=as_json)
    return HOLDS


@click.command("show", cls=options.Verb)
@click.argument("digest", required=False)
@options.server
@TENANT
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write the files into a new folder, to be activated again.",
)
@options.as_json
def show(
    digest: str | None, server: str, tenant_id: str, out: Path | None, *, as_json: bool
) -> int:
    """Show the operator's rules in force for a tenant, or those of the bundle DIGEST.

    Of a DIGEST that the tenant had in force its first eight digits do. Shown are tabs as spaces;
    what --out writes has the same digest again. Tests are not in a bundle.

    Examples:
      aegisctl policy show --tenant acme
      aegisctl policy show bee4748f --tenant acme --out before/

    Exit codes: 0 shown, 2 could not tell.

    """
    client = Client(server)
    if digest is None:
        found = _in_force(client, tenant_id)
        if not found:
            raise NotFound(f"tenant {tenant_id} has no events yet, so nothing of its own in force")
        bundle = found[0].bundle
    else:
        whole = _whole(client, tenant_id, digest)
        bundle = client.read(client.get(f"/v1/policies/{segment(whole)}"), Files)
    own = _own(bundle)
    if out is not None:
        _write(own, out)
        say(f"{', '.join(map(shown, sorted(own))) or 'nothing: the base rules alone'} in {out}")
        return HOLDS
    lines = [
        line
        for path, text in sorted(own.items())
        for line in (f"# {shown(path)}", *text.expandtabs(4).splitlines())
    ]
    tell(own, [shown(line, None) for line in lines] or ["the base rules alone"], as_json=as_json)
    return HOLDS


def _in_force(client: Client, tenant_id: str) -> list[Policy]:
    return client.read(client.get("/v1/policies", tenant_id=tenant_id), Policies).policies


def _history(client: Client, tenant_id: str) -> Iterator[Activated]:
    """Every act that put rules in force, oldest first."""
    log = ServerLog(client)
    try:
        for event in log.matching(
            tenant_id, session_id=CONTROL_SESSION, event_type="POLICY_ACTIVATED"
        ):
            yield msgspec.json.decode(event.body, type=Envelope).payload
    except NotFound:
        return
    except msgspec.MsgspecError:
        raise LogCorrupt("an activation is not readable; run `aegisctl verify`") from None


def _whole(client: Client, tenant_id: str, digest: str) -> str:
    """The digest that begins so, of those that the tenant had in force. Raises `NotFound`."""
    if len(digest) == DIGEST_DIGITS:
        return digest
    if len(digest) < PREFIX_DIGITS_MIN:
        raise click.UsageError(f"expected at least {PREFIX_DIGITS_MIN} digits of a digest")
    found = {each.digest for each in _history(client, tenant_id) if each.digest.startswith(digest)}
    if len(found) != 1:
        raise NotFound(
            f"expected one bundle of tenant {shown(tenant_id)} that begins with {shown(digest)}, "
            f"found {len(found)}; `aegisctl policy list --history` has them"
        )
    return found.pop()


def _own(bundle: Files) -> dict[str, str]:
    """The operator's files by path within their folder, data files as data."""
    from aegisd.rego.bundle import as_written  # noqa: PLC0415 - only for these verbs

    return dict(
        as_written(path.removeprefix(OPERATOR_PREFIX), text)
        for path, text in bundle.files.items()
        if path.startswith(OPERATOR_PREFIX)
    )


def _write(files: Mapping[str, str], folder: Path) -> None:
    """Write files into a folder that is not there yet. Raises `ConfigInvalid`."""
    for path in files:
        place = PurePosixPath(path)
        # A server may answer anything, and nothing of it leaves the folder.
        if place.is_absolute() or ".." in place.parts or "\\" in path or "\0" in path:
            raise ConfigInvalid(f"a file of the bundle is named {shown(path)}: nothing was written")
    try:
        folder.mkdir(parents=True)
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(text.encode())
    except FileExistsError:
        raise ConfigInvalid(f"{folder} is there already; name a new folder") from None
    except OSError as error:
        raise ConfigInvalid(f"{folder}: cannot be written: {error.strerror}") from None

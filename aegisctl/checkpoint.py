"""`aegisctl checkpoint`: fetch what is signed of a log, and hold it to what was fetched before."""

import base64
from pathlib import Path

import click
from msgspec import Struct

from aegisctl import options, trust
from aegisctl.client import Client
from aegisctl.display import coloured, count, note, say, say_json, shown
from aegisctl.exits import BROKEN, HOLDS
from aegisctl.integrity.anchors import tenant_of
from aegisctl.transfer import replacing
from aegisd.core.errors import InvalidField, NoteInvalid
from aegisd.core.log import checkpoint
from aegisd.core.log.checkpoint import Head
from aegisd.core.log.merkle import consistent
from aegisd.core.log.note import Key
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX
from aegisd.signing import ed25519


class _Signed(Struct):
    note: str


class _Consistency(Struct):
    hashes: list[str]


@click.command("checkpoint", cls=options.Verb)
@options.server
@options.tenant
@trust.key
@click.option("--since", metavar="FILE", help="An older checkpoint that this one must continue.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Where to keep it.")
@options.as_json
def command(
    server: str,
    tenant_id: str | None,
    keys: tuple[Key, ...],
    since: str | None,
    out: Path | None,
    *,
    as_json: bool,
) -> int:
    """Fetch a signed checkpoint that covers everything durable, and keep it.

    With --since the server must prove that its log continues that older checkpoint: what was there
    then is there now, unchanged. With --key both signatures are checked. Keep checkpoints where the
    server's owner cannot reach them; nothing after the newest kept one is protected.

    Examples:
      aegisctl checkpoint --tenant acme --key aegis.db.key.pub --out monday.checkpoint
      aegisctl checkpoint --tenant acme --key aegis.db.key.pub --since monday.checkpoint

    Exit codes: 0 holds, 1 another history or not signed by the key, 2 could not tell.

    """
    if tenant_id is None:
        raise InvalidField("name a tenant with --tenant")
    client = Client(server)
    newest = _sign(client, tenant_id)
    try:
        told = _judge(client, tenant_id, newest, keys, since)
    except NoteInvalid as error:
        say(f"{coloured('does not hold', 'bad')}: {shown(error.message, None)}")
        return BROKEN
    if out is not None:
        with replacing(out) as file:
            file.write(newest.encode())
        note(f"wrote {shown(str(out))}")
    head = checkpoint.read(newest)[0]
    if as_json:
        say_json({"checkpoint": newest, "origin": head.origin, "said": told, "size": head.size})
    else:
        say(newest.rstrip("\n"))
        note(f"{coloured('holds', 'good')}: {'; '.join(told)}")
    return HOLDS


def _sign(client: Client, tenant_id: str) -> str:
    return client.read(client.ask("/v1/checkpoints", {"tenant_id": tenant_id}), _Signed).note


def _judge(
    client: Client, tenant_id: str, newest: str, keys: tuple[Key, ...], since: str | None
) -> list[str]:
    """What was found out, a sentence each. Raises `NoteInvalid` for what does not hold."""
    head = _head(newest, keys)
    # An archive has the checkpoints of the log that it was exported from.
    if not tenant_id.startswith(ARCHIVE_PREFIX) and tenant_of(head) != tenant_id:
        raise NoteInvalid(f"the server was asked about {tenant_id} and answered for {head.origin}")
    told = [f"{count(head.size, 'event')} of {head.origin}"]
    told.append("signed by the key" if keys else "signature not checked, since no --key was given")
    if since is None:
        return told
    before = _head(trust.text(since), keys)
    if before.origin != head.origin:
        raise NoteInvalid(f"the older checkpoint is of {before.origin}, this one of {head.origin}")
    if before.size > head.size:
        raise NoteInvalid(
            f"the log has {head.size} events and had {before.size}: it was cut or rolled back"
        )
    answer = client.get(
        "/v1/proofs/consistency",
        tenant_id=tenant_id,
        **{"from": before.size, "to": head.size},
    )
    path = _hashes(client.read(answer, _Consistency).hashes)
    if not consistent(before.size, head.size, before.root, head.root, path):
        raise NoteInvalid(
            f"the log does not continue the checkpoint of {before.size} events: its history changed"
        )
    return [*told, f"continues the checkpoint of {count(before.size, 'event')}"]


def _hashes(told: list[str]) -> list[bytes]:
    try:
        return [base64.b64decode(each, validate=True) for each in told]
    except ValueError:
        raise NoteInvalid("the server's proof of consistency is not base64") from None


def _head(text: str, keys: tuple[Key, ...]) -> Head:
    return checkpoint.verify(text, keys, ed25519.check) if keys else checkpoint.read(text)[0]

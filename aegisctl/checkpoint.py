"""`aegisctl checkpoint`: fetch what is signed of a log, and hold it to what was fetched before."""

import base64
from pathlib import Path

import click
from msgspec import Struct

from aegisctl import options
from aegisctl.display import coloured, count, note, say, tell
from aegisctl.exits import BROKEN, HOLDS
from aegisd.audit.anchors import read_head, read_text
from aegisd.audit.continuation import require_continued, require_later, require_tenant
from aegisd.core.errors import InvalidField, InvalidRequest, NoteInvalid, NotFound
from aegisd.core.log import checkpoint
from aegisd.core.log.checkpoint import TreeHead
from aegisd.core.log.note import Key
from aegisd.printable import shown
from aegisd.remote.client import Client
from aegisd.whole_file import replacing


class _Signed(Struct):
    note: str


class _Consistency(Struct):
    hashes: list[str]


@click.command("checkpoint", cls=options.Verb)
@options.server
@options.tenant
@options.key
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
    before = None if since is None else read_head(read_text(since), keys)
    client = Client(server)
    try:
        newest = _newest(client, tenant_id, before)
        told = _judge(client, tenant_id, newest, keys, before)
    except NoteInvalid as error:
        say(f"{coloured('does not hold', 'bad')}: {shown(error.message, None)}")
        return BROKEN
    if out is not None:
        with replacing(out) as file:
            file.write(newest.encode())
        note(f"wrote {shown(str(out))}")
    head = checkpoint.read(newest)[0]
    document = {"checkpoint": newest, "origin": head.origin, "said": told, "size": head.size}
    tell(document, [newest.rstrip("\n")], as_json=as_json)
    if not as_json:
        note(f"{coloured('holds', 'good')}: {'; '.join(told)}")
    return HOLDS


def _newest(client: Client, tenant_id: str, before: TreeHead | None) -> str:
    """What the server signs now. Raises `NoteInvalid` where it has nothing, and once had more."""
    try:
        answer = client.ask("/v1/checkpoints", {"tenant_id": tenant_id})
    except NotFound as error:
        if before is None:
            raise
        raise NoteInvalid(
            f"the checkpoint you kept covers {before.size} events, and {error.message}"
        ) from None
    return client.read(answer, _Signed).note


def _judge(
    client: Client, tenant_id: str, newest: str, keys: tuple[Key, ...], before: TreeHead | None
) -> list[str]:
    """What was found out, a sentence each. Raises `NoteInvalid` for what does not hold."""
    head = read_head(newest, keys)
    require_tenant(head, tenant_id)
    told = [f"{count(head.size, 'event')} of {head.origin}"]
    told.append("signed by the key" if keys else "signature not checked, since no --key was given")
    if before is None:
        return told
    require_later(before, head)
    sizes = {"from": before.size, "to": head.size}
    try:
        answer = client.get("/v1/proofs/consistency", tenant_id=tenant_id, **sizes)
    except (NotFound, InvalidRequest) as error:
        raise NoteInvalid(f"the server proves no continuation: {error.message}") from None
    require_continued(before, head, _hashes(client.read(answer, _Consistency).hashes))
    return [*told, f"continues the checkpoint of {count(before.size, 'event')}"]


def _hashes(told: list[str]) -> list[bytes]:
    try:
        return [base64.b64decode(each, validate=True) for each in told]
    except ValueError:
        raise NoteInvalid("the server's proof of consistency is not base64") from None

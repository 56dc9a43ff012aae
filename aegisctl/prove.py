"""`aegisctl prove`: a file that shows one event in the signed log, to anybody, without the log."""

from pathlib import Path

import click
from msgspec import Struct

from aegisctl import options
from aegisctl.display import coloured, note, say, tell
from aegisctl.exits import BROKEN, HOLDS
from aegisd.audit import log
from aegisd.audit.verification.event_proof import require_asked, require_event
from aegisd.core.errors import InvalidField, NoteInvalid
from aegisd.core.log import checkpoint, proof
from aegisd.core.log.note import Key
from aegisd.printable import shown
from aegisd.remote.client import Client
from aegisd.whole_file import replacing

# Milliseconds to wait for a checkpoint that covers the event, unless another time is given.
WAIT_MS_DEFAULT = 5000


class _Inclusion(Struct):
    hash: str
    proof: str
    size: int


@click.command("prove", cls=options.Verb)
@options.file
@options.server
@options.tenant
@click.option("--position", type=click.IntRange(0), metavar="N", help="The event, in the tenant.")
@options.session
@click.option("--seq", type=click.IntRange(0), metavar="N", help="The event, in the session.")
@options.key
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Where to write it.")
@click.option(
    "--wait-ms",
    type=click.IntRange(0, 20_000),
    default=WAIT_MS_DEFAULT,
    show_default=True,
    help="How long to wait for a checkpoint that covers the event.",
)
@options.as_json
def command(  # noqa: PLR0913, PLR0917 - click passes each option by its name
    file: str | None,
    server: str,
    tenant_id: str | None,
    position: int | None,
    session_id: str | None,
    seq: int | None,
    keys: tuple[Key, ...],
    out: Path | None,
    wait_ms: int,
    *,
    as_json: bool,
) -> int:
    """Write a proof that one event is in the signed log: a C2SP .tlog-proof file.

    It holds the event's bytes, its path in the Merkle tree and a signed checkpoint, and is checked
    against a public key alone: `aegisctl verify FILE --key KEY`, or `aegis_verify.py`. Name the
    event by --position, or by --session and --seq. Of a FILE, an export or a database, the proof is
    made here and nobody is asked; else the server makes it.

    Examples:
      aegisctl prove --tenant acme --position 7 --out seven.tlog-proof
      aegisctl prove acme.jsonl --position 7 --out seven.tlog-proof
      aegisctl prove --tenant acme --session s1 --seq 3 --key aegis.db.key.pub --out it.tlog-proof

    Exit codes: 0 written, 1 the proof does not hold, 2 could not tell.

    """
    options.refuse_two_sources(file)
    named = session_id is not None and seq is not None
    if (position is None) is not named or (session_id is None) is not (seq is None):
        raise InvalidField("name the event by --position, or by --session and --seq together")
    if file is not None:
        place, found = _local(file, tenant_id, position, session_id, seq)
    else:
        if tenant_id is None:
            raise InvalidField("name a tenant with --tenant")
        client = Client(server)
        place = _position(client, tenant_id, position, session_id, seq)
        answer = client.get(
            "/v1/proofs/inclusion", tenant_id=tenant_id, position=place, wait_ms=wait_ms
        )
        found = client.read(answer, _Inclusion)
    try:
        event = require_event(found.proof, place, found.hash, keys)
        if file is None:
            require_asked(event, tenant_id or "", session_id, seq)
    except NoteInvalid as error:
        say(f"{coloured('does not hold', 'bad')}: {shown(error.message, None)}")
        return BROKEN
    if out is not None:
        with replacing(out) as written:
            written.write(found.proof.encode())
        note(f"wrote {shown(str(out))}: position {place} in the tree of {found.size} events")
    document = {"hash": found.hash, "position": place, "proof": found.proof, "size": found.size}
    tell(document, [found.proof.rstrip("\n")] if out is None else [], as_json=as_json)
    return HOLDS


def _local(
    file: str, tenant_id: str | None, position: int | None, session_id: str | None, seq: int | None
) -> tuple[int, _Inclusion]:
    """The event's position and its proof, from a file."""
    from aegisd.audit import proving  # noqa: PLC0415 - a server needs none of it

    with log.opened(file) as opened:
        tenant = log.one_tenant(opened, tenant_id)
        event = proving.find(opened, tenant, position, session_id, seq)
        made = proving.prove(opened, tenant, event)
    size = checkpoint.read(made.checkpoint)[0].size
    return made.index, _Inclusion(hash=event.hash.hex(), proof=proof.write(made), size=size)


def _position(
    client: Client, tenant_id: str, position: int | None, session_id: str | None, seq: int | None
) -> int:
    if position is not None:
        return position
    from aegisd.remote.log import ServerLog  # noqa: PLC0415 - only a session's seq needs it

    served = ServerLog(client)
    event = next(
        served.session_events(tenant_id, session_id or "", from_seq=seq or 0, limit=1), None
    )
    if event is None:
        raise InvalidField(f"session {shown(session_id or '')} has no seq {seq}")
    return event.position

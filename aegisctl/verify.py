"""`aegisctl verify`: does this log hold? Hashes everything again from stored bytes."""

from collections.abc import Iterator, Mapping

import click

from aegisctl import options, source
from aegisctl.display import progress, sentences, tell
from aegisctl.exits import BROKEN, HOLDS
from aegisd.audit import anchors
from aegisd.audit.anchors import Anchors
from aegisd.audit.log import known_tenants
from aegisd.audit.verification.file import verify_file
from aegisd.audit.verification.result import Verification
from aegisd.audit.verification.served import verify_log
from aegisd.core.errors import ConfigInvalid
from aegisd.core.log.canonical import encode
from aegisd.core.log.note import Key
from aegisd.printable import shown

# Characters of a proved event's payload that are shown; `--json` has all of it.
PAYLOAD_CHARACTERS_MAX = 2_000

# What of a payload is looked for first; a decision has a dozen members more.
_HEART = (
    *("outcome", "reason", "reasons", "call_id", "tool_name", "args", "content", "result"),
    *("author", "subject"),
)


@click.command("verify", cls=options.Verb)
@click.argument("file", required=False, metavar="[FILE]")
@options.server
@options.tenant
@options.session
@options.key
@click.option(
    "--checkpoint",
    "kept",
    multiple=True,
    metavar="FILE",
    help="A checkpoint kept from earlier, which the log must continue. May be given again.",
)
@click.option("--event", metavar="FILE", help="The event's bytes, for a proof without them.")
@options.as_json
def command(
    file: str | None,
    server: str,
    tenant_id: str | None,
    session_id: str | None,
    keys: tuple[Key, ...],
    kept: tuple[str, ...],
    event: str | None,
    *,
    as_json: bool,
) -> int:
    """Check every hash, link and column of a log, and what of it is signed.

    FILE is a database, also one that a daemon is writing to, a postgresql:// URL, an export or a
    .tlog-proof. Without --tenant all tenants of a file are checked. The first lines name what
    broke: tenant, position, session, seq and the rule.

    The verdict is CHAIN where every event continues the one before it, and SIGNED where events also
    lead to a root that a --key signed. Nothing after the newest checkpoint is covered. Get the key
    from somebody else than the file, and keep a checkpoint each time: only --checkpoint shows that
    this log continues the one you saw then.

    Examples:
      aegisctl verify aegis.db
      aegisctl verify acme.jsonl --key acme.pub --checkpoint monday.checkpoint
      aegisctl verify seven.tlog-proof --key acme.pub
      aegisctl verify --server http://127.0.0.1:8080 --tenant acme --json

    Exit codes: 0 holds; 1 broken, also where a --key or --checkpoint was given and FILE does not
    show that it answers to that; 2 could not tell: no such file or server, or no log of ours.

    """
    options.refuse_two_sources(file)
    held_against = anchors.read(keys, kept)
    if file is None:
        told = _verify_server(server, tenant_id, session_id, held_against, event)
    else:
        with progress("verifying") as step:
            told = verify_file(
                file, tenant_id, session_id, anchors=held_against, event=event, progress=step
            )
    lines = sentences(told, keyed=bool(keys))
    if told.holds and told.proved is not None:
        lines[:0] = _event_lines(told.proved)
    tell(told.document(), lines, as_json=as_json)
    return HOLDS if told.holds else BROKEN


def _event_lines(proved: Mapping[str, object]) -> Iterator[str]:
    """What a proof shows: the event, what a person looks for first, and the names of the rest."""
    session = f"{shown(str(proved['session_id']))}/{proved['seq']}"
    yield f"position {proved['position']}  {session}  {shown(str(proved['event_type']))}"
    payload = proved.get("payload")
    told = {name: proved[name] for name in ("user_id", "agent_id") if proved.get(name)}
    if isinstance(payload, dict):
        told |= {name: payload[name] for name in _HEART if name in payload}
    else:
        told["payload"] = payload
    told |= {name: proved[name] for name in ("hash", "prev_hash") if name in proved}
    for name, value in told.items():
        text = value if isinstance(value, str) else encode(value).decode()
        yield f"  {name}: {shown(text, PAYLOAD_CHARACTERS_MAX)}"
    if isinstance(payload, dict) and (rest := sorted(payload.keys() - set(_HEART))):
        yield f"  with --json also: {shown(', '.join(rest), PAYLOAD_CHARACTERS_MAX)}"


def _verify_server(
    server: str,
    tenant_id: str | None,
    session_id: str | None,
    held_against: Anchors,
    event: str | None,
) -> Verification:
    if event is not None:
        raise ConfigInvalid("--event goes with a .tlog-proof file, and FILE is none")
    if held_against.keys or held_against.kept:
        raise ConfigInvalid(
            "a server is held against a key and a checkpoint by `aegisctl checkpoint --since`; "
            "name a FILE for --key and --checkpoint"
        )
    with progress("verifying") as step, source.opened(None, server) as log:
        (tenant,) = known_tenants(log, tenant_id)
        return verify_log(log, tenant, session_id, progress=step)

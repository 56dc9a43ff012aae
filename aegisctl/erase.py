"""`aegisctl erase`: the values kept beside a subject's events, deleted; every hash stays."""

import sys

import click
from msgspec import Struct

from aegisctl import options
from aegisctl.display import count, tell
from aegisctl.exits import BROKEN, HOLDS
from aegisd.printable import shown
from aegisd.remote.client import Client


class Erased(Struct):
    """What a server answers: how many values it deleted, and where it recorded that."""

    values: int
    position: int


@click.command("erase", cls=options.Verb)
@click.option(
    "--subject",
    required=True,
    metavar="ID",
    help="Whose values: a user id, or the id of a session whose events name no user.",
)
@options.server
@options.tenant_of("The tenant.", required=True)
@click.option("--author", required=True, metavar="ID", help="Who erases.")
@click.option("--reason", required=True, help="Why, in a sentence. It is kept; name nobody in it.")
@click.option(
    "--even-if-none",
    is_flag=True,
    help="Record the erasure also where nothing is kept of the subject.",
)
@click.option("--yes", is_flag=True, help="Do not ask. Needed where there is no terminal.")
@options.as_json
def command(
    subject: str,
    server: str,
    tenant_id: str,
    author: str,
    reason: str,
    *,
    even_if_none: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Delete the values kept beside a subject's events.

    These are the values that manifests mark as personal, and long texts. Events, hashes,
    checkpoints and proofs stay as they are; a decision about a deleted value cannot be replayed any
    more. That it happened is recorded, for ever. So a subject of whom nothing is kept, which
    may be a typing error, is refused without --even-if-none. Exports and backups made before still
    hold the values.

    Example:
      aegisctl erase --tenant acme --subject u1 --author ann --reason "request 77" --yes

    Exit codes: 0 erased; 1 not confirmed; 2 nothing is kept of the subject, or could not tell.

    """
    client = Client(server)
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("there is nobody to ask; give --yes to erase without asking")
        question = f"Delete every value kept of {shown(subject)} in tenant {shown(tenant_id)}?"
        if not click.confirm(f"{question} Nothing brings it back.", err=True):
            return BROKEN
    asked = {
        "tenant_id": tenant_id,
        "subject": subject,
        "author": author,
        "reason": reason,
        "must_find": not even_if_none,
    }
    erased = client.read(client.ask("/v1/erasures", asked), Erased)
    document = {"position": erased.position, "subject": subject, "values": erased.values}
    told = f"erased {count(erased.values, 'value')} of {shown(subject)}"
    tell(document, [f"{told}; recorded at position {erased.position}"], as_json=as_json)
    return HOLDS

"""`aegisctl clock`: an operator's word that a daemon's clock is right, recorded in the log."""

import click
from msgspec import Struct

from aegisctl import options
from aegisctl.display import tell
from aegisctl.exits import HOLDS
from aegisd.printable import shown
from aegisd.remote.client import Client


class Corrected(Struct):
    """What a server answers: from which time to which, and where it recorded that."""

    from_ms: int
    to_ms: int
    position: int


@click.group("clock", cls=options.Verbs)
def command() -> None:
    """Bring a tenant's time back after a clock that was wrong.

    A daemon denies what depends on the time while its clock is off: it jumped, or the log is ahead
    of it. Put the clock right first.

    Example:
      aegisctl clock correct --tenant acme --author ann --reason "the host came up a day ahead"

    """


@command.command("correct")
@options.server
@options.tenant_of("The tenant.", required=True)
@click.option("--author", required=True, metavar="ID", help="Who says that the clock is right.")
@click.option("--reason", required=True, help="What was wrong, in a sentence.")
@options.as_json
def correct(server: str, tenant_id: str, author: str, reason: str, *, as_json: bool) -> int:
    """Record that the daemon's clock is right now; the tenant's time goes on from there.

    The daemon reads its clock itself (on PostgreSQL the database's). What sessions used of their
    wall time stays used. Several daemons on one log are told one by one, or started again.

    Example:
      aegisctl clock correct --tenant acme --author ann --reason "the host came up a day ahead"

    Exit codes: 0 corrected; 2 could not, also where the clock is not off.

    """
    client = Client(server)
    asked = {"tenant_id": tenant_id, "author": author, "reason": reason}
    told = client.read(client.ask("/v1/clock", asked), Corrected)
    document = {"from_ms": told.from_ms, "position": told.position, "to_ms": told.to_ms}
    moved = f"the time of tenant {shown(tenant_id)} moved by {told.to_ms - told.from_ms} ms"
    tell(document, [f"{moved}; recorded at position {told.position}"], as_json=as_json)
    return HOLDS

"""`aegisctl sessions`: which sessions a log has, and where each ends."""

import click

from aegisctl import options, source
from aegisctl.display import table, tell
from aegisctl.exits import HOLDS
from aegisd.audit.log import all_sessions, one_tenant, require_event
from aegisd.printable import shown


@click.command("sessions", cls=options.Verb)
@options.file
@options.server
@options.tenant
@options.as_json
def command(file: str | None, server: str, tenant_id: str | None, *, as_json: bool) -> int:
    """List the sessions of a log with their heads.

    The hash is that of a session's newest event. `$control` holds the acts of operators.

    Examples:
      aegisctl sessions aegis.db
      aegisctl sessions --tenant acme --json

    """
    options.refuse_two_sources(file)
    with source.opened(file, server) as log:
        tenant = one_tenant(log, tenant_id)
        heads = list(all_sessions(log, tenant))
        if not heads:
            require_event(log, tenant)
    rows = [
        {
            "session_id": head.session_id,
            "events": head.seq + 1,
            "head": {"seq": head.seq, "hash": head.hash.hex()},
        }
        for head in heads
    ]
    cells = ((shown(head.session_id), str(head.seq + 1), head.hash.hex()) for head in heads)
    lines = table(("session", "events", "head"), cells)
    tell({"tenant_id": tenant, "sessions": rows}, lines, as_json=as_json)
    return HOLDS

"""`aegisctl backup`: a whole log into one file, while a daemon goes on writing it."""

from pathlib import Path

import click

from aegisctl import options
from aegisctl.display import count, progress, tell
from aegisctl.exits import HOLDS
from aegisd.audit import backup, log, replica
from aegisd.printable import shown


@click.command("backup", cls=options.Verb)
@click.option("--dsn", required=True, metavar="DB", help="The log: a path or a postgresql:// URL.")
@click.option("--out", required=True, metavar="FILE", help="Where to write the backup.")
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@options.as_json
def command(dsn: str, out: str, *, force: bool, as_json: bool) -> int:
    """Write a whole log into one file, and verify the file.

    The backup is an Aegis SQLite database, whatever store the log is in: it can be verified, read,
    replayed and opened as it is. A daemon may go on writing; each tenant is copied up to where its
    log ended when the backup began, or to the last erasure since. Values kept beside events go
    along, also those that are erased from the log later: keep backups no longer than you may keep
    those. Signing keys do not.

    Examples:
      aegisctl backup --dsn aegis.db --out monday.db
      aegisctl backup --dsn postgresql://aegis@db/aegis --out monday.db

    Exit codes: 0 written and verified, 1 the log does not hold, 2 could not tell.

    """
    place = Path(out)
    options.refuse_existing(place, force=force)
    with log.opened_database(log.database(dsn)) as source:
        until = replica.ends(source)
        with progress("copying", replica.events(until)) as step:
            copied = backup.write_file(source, place, until, step)
    told = f"{count(copied.events, 'event')} of {count(copied.tenants, 'tenant')}"
    document = {"events": copied.events, "file": out, "tenants": copied.tenants}
    tell(document, [f"wrote {shown(out)}, verified: {told}"], as_json=as_json)
    return HOLDS

"""`aegisctl restore`: a backup into an empty place, whatever store that is."""

from contextlib import closing
from pathlib import Path

import click

from aegisctl import options
from aegisctl.display import count, progress, tell
from aegisctl.exits import HOLDS
from aegisd.audit import backup, log, replica
from aegisd.audit.backup import Copied
from aegisd.audit.replica import End
from aegisd.core.errors import ConfigInvalid
from aegisd.ports import EventReader
from aegisd.printable import shown


@click.command("restore", cls=options.Verb)
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--dsn", required=True, metavar="DB", help="Where to: a new path, an empty database.")
@options.as_json
def command(file: str, dsn: str, *, as_json: bool) -> int:
    """Copy a backup into a new file or an empty database, and verify it.

    DB is a path, which becomes an SQLite file, or the URL of an empty PostgreSQL database. The
    backup is verified before, and what was written after. Nothing is ever added to a log that
    holds events. A daemon that signed more than the backup holds refuses to start on it, since that
    is what a rollback looks like; it says how to accept that, and the log records who did.

    Examples:
      aegisctl restore monday.db --dsn aegis.db
      aegisctl restore monday.db --dsn postgresql://aegis@db/aegis

    Exit codes: 0 restored and verified, 1 the backup does not hold, 2 could not tell.

    """
    with log.opened_database(file) as source:
        until = replica.ends(source)
        backup.verify(source, until)
        into = _into_postgres if log.is_postgres(dsn) else _into_file
        restored = into(source, dsn, until)
    told = f"{count(restored.events, 'event')} of {count(restored.tenants, 'tenant')}"
    document = {"events": restored.events, "tenants": restored.tenants}
    tell(document, [f"restored {shown(file)}, verified: {told}"], as_json=as_json)
    return HOLDS


def _into_file(source: EventReader, dsn: str, until: dict[str, End]) -> Copied:
    place = Path(log.database(dsn))
    if place.exists():
        raise ConfigInvalid(
            f"{shown(str(place))} exists, and a backup is restored into a new file; move the old "
            "one away first, it is evidence"
        )
    with progress("copying", replica.events(until)) as step:
        return backup.write_file(source, place, until, step)


def _into_postgres(source: EventReader, dsn: str, until: dict[str, End]) -> Copied:
    from aegisd.store.dsn import open_store  # noqa: PLC0415 - only PostgreSQL needs it

    with (
        closing(open_store(dsn)) as store,
        progress("copying", replica.events(until)) as step,
    ):
        copied = backup.fill(source, store, until, step)
    with log.opened_database(dsn) as written:
        return backup.verify(written, copied)

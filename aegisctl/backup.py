"""`aegisctl backup`: a whole log into one file, while a daemon goes on writing it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from msgspec import Struct

from aegisctl import copying, log, options
from aegisctl.copying import End
from aegisctl.display import count, progress, say, say_json, shown, silent
from aegisctl.exits import HOLDS
from aegisctl.integrity.database import check_database
from aegisctl.verify import sentence
from aegisd.core.errors import ConfigInvalid, LogCorrupt, NotFound
from aegisd.ports import EventReader, EventStore
from aegisd.store.sqlite.file import SIDE_FILES
from aegisd.store.sqlite.store import SqliteStore


class Copied(Struct, frozen=True):
    """What a backup or a restore holds, checked."""

    events: int
    tenants: int


@click.command("backup", cls=options.Verb)
@click.option("--dsn", required=True, metavar="DB", help="The log: a path or a postgresql:// URL.")
@click.option("--out", required=True, metavar="FILE", help="Where to write the backup.")
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@options.as_json
def command(dsn: str, out: str, *, force: bool, as_json: bool) -> int:
    """Write a whole log into one file, and verify the file.

    The backup is an Aegis SQLite database, whatever store the log is in: it can be verified, read,
    replayed and opened as it is. A daemon may go on writing; each tenant is copied up to where its
    log ended when the backup began. Values kept beside events go along, also those that are erased
    from the log later: keep backups no longer than you may keep those. Signing keys do not.

    Examples:
      aegisctl backup --dsn aegis.db --out monday.db
      aegisctl backup --dsn postgresql://aegis@db/aegis --out monday.db

    Exit codes: 0 written and verified, 1 the log does not hold, 2 could not tell.

    """
    place = Path(out)
    if place.exists() and not force:
        raise click.UsageError(f"{shown(out)} exists; give --force to replace it")
    with log.opened_database(log.database(dsn)) as source:
        copied = write_file(source, place)
    if as_json:
        say_json({"events": copied.events, "file": out, "tenants": copied.tenants})
    else:
        told = f"{count(copied.events, 'event')} of {count(copied.tenants, 'tenant')}"
        say(f"wrote {shown(out)}, verified: {told}")
    return HOLDS


def write_file(source: EventReader, place: Path) -> Copied:
    """Copy a log into a new SQLite file at `place`, whole or not at all, and verify it.

    Raises `LogCorrupt` for a log that does not hold, `NotFound` for one without events and
    `ConfigInvalid` where a database is in use at `place`.
    """
    for suffix in SIDE_FILES:
        beside = Path(f"{place}{suffix}")
        if beside.exists():
            raise ConfigInvalid(
                f"{shown(str(beside))} exists: {shown(str(place))} is, or was, a database in use; "
                "choose another name"
            )
    until = copying.ends(source)
    if not until:
        raise NotFound("the log holds no event of any tenant, so there is nothing to copy")
    with _draft(place) as draft:
        store = SqliteStore(str(draft))
        try:
            fill(source, store, until)
        finally:
            store.close()
        with log.opened_database(str(draft)) as written:
            return check(written, until)


def fill(source: EventReader, target: EventStore, until: dict[str, End]) -> None:
    """Copy a log, with a progress bar."""
    with progress("copying", sum(end.next_position for end in until.values())) as step:
        copying.copy(source, target, until, step)


def check(written: EventReader, until: dict[str, End]) -> Copied:
    """Verify a copy and hold its ends against those of its source. Raises `LogCorrupt`."""
    report = check_database(written, sorted(until), None, silent)
    for found in report.breaks:
        raise LogCorrupt(f"{sentence(found)}; run `aegisctl verify` on the log")
    for tenant_id, wanted in until.items():
        if copying.end(written, tenant_id) != wanted:
            raise LogCorrupt(f"tenant {shown(tenant_id)}: the copy ends elsewhere than the log")
    return Copied(events=report.events, tenants=len(until))


@contextmanager
def _draft(place: Path) -> Iterator[Path]:
    """A path beside `place` that a database is made at, and that becomes `place` at the end."""
    draft = place.with_name(f".{place.name}.{os.getpid()}.partial")
    try:
        yield draft
        draft.replace(place)
    finally:
        for suffix in ("", *SIDE_FILES, ".lock"):
            Path(f"{draft}{suffix}").unlink(missing_ok=True)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

"""A backup: a whole log in another database, verified, while a daemon goes on writing the first."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from msgspec import Struct

from aegisd.audit import log, replica
from aegisd.audit.progress import Progress, silent
from aegisd.audit.replica import End
from aegisd.audit.verification.database import verify_database
from aegisd.audit.verification.result import sentence
from aegisd.core.errors import ConfigInvalid, LogCorrupt, NotFound
from aegisd.ports import EventReader, EventStore
from aegisd.printable import shown
from aegisd.store.sqlite.file import SIDE_FILES, leave_wal, may_hold
from aegisd.store.sqlite.store import SqliteStore
from aegisd.whole_file import sync


class Copied(Struct, frozen=True):
    """What a backup or a restored log holds, verified."""

    events: int
    tenants: int


def write_file(
    source: EventReader, place: Path, until: dict[str, End], progress: Progress = silent
) -> Copied:
    """Copy a log into a new SQLite file at `place`, whole or not at all, and verify it.

    `until` are the ends of the source, see `replica.ends`. Progress is told of events. Raises
    `LogCorrupt` for a log that does not hold, `NotFound` for one without events and `ConfigInvalid`
    where a database is in use at `place`.
    """
    for suffix in SIDE_FILES:
        beside = Path(f"{place}{suffix}")
        # Without its database what matters is what was written; readers leave an empty log behind.
        if beside.exists() if place.exists() else suffix != "-shm" and may_hold(beside):
            raise ConfigInvalid(
                f"{shown(str(beside))} exists: {shown(str(place))} is, or was, a database in use; "
                "choose another name"
            )
    if not until:
        raise NotFound("the log holds no event of any tenant, so there is nothing to copy")
    with _replacing(place) as draft:
        with closing(SqliteStore(str(draft))) as store:
            copied = replica.replicate(source, store, until, progress)
        leave_wal(str(draft))
        with log.opened_database(str(draft)) as written:
            return verify(written, copied)


def fill(
    source: EventReader, store: EventStore, until: dict[str, End], progress: Progress = silent
) -> dict[str, End]:
    """Copy a log into an empty store; `verify` of what it gives is for when it was closed.

    `until` and progress as `write_file`. Raises `ConfigInvalid` where the store holds a log, and
    `LogCorrupt`.
    """
    if store.tenants():
        raise ConfigInvalid(
            "the database holds a log already, and a backup is restored into an empty one; "
            "make another database, or drop this one if a restore was cut short"
        )
    return replica.replicate(source, store, until, progress)


def verify(written: EventReader, until: dict[str, End]) -> Copied:
    """Verify a copy and hold its ends against those of its source. Raises `LogCorrupt`."""
    told = verify_database(written, sorted(until))
    for found in told.breaks:
        raise LogCorrupt(f"{sentence(found)}; run `aegisctl verify` on the log")
    for tenant_id, wanted in until.items():
        if replica.end(written, tenant_id) != wanted:
            raise LogCorrupt(f"tenant {shown(tenant_id)}: the copy ends elsewhere than the log")
    return Copied(events=told.events, tenants=len(until))


@contextmanager
def _replacing(place: Path) -> Iterator[Path]:
    """A path beside `place` that a database is made at, and that becomes `place` at the end."""
    draft = place.with_name(f".{place.name}.{os.getpid()}.partial")
    try:
        yield draft
        draft.replace(place)
    finally:
        for suffix in ("", *SIDE_FILES, ".lock"):
            Path(f"{draft}{suffix}").unlink(missing_ok=True)
    sync(place.parent)

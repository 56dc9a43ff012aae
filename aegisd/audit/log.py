"""A log to read, wherever it lies: what checks ask of it, and how a file becomes one."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal, Protocol

from aegisd.core.errors import ConfigInvalid, InvalidField, NotFound, WrongFile
from aegisd.core.log import proof
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX
from aegisd.ports import EventReader, LogReader
from aegisd.printable import shown
from aegisd.rows import SessionHead

Kind = Literal["database", "export", "proof"]

# https://sqlite.org/fileformat.html section 1.3; the header of export v1, see core/log/export.py;
# the first line of a proof file, see core/log/proof.py.
_MAGIC: dict[bytes, Kind] = {
    b"SQLite format 3\0": "database",
    b'{"aegis_export":': "export",
    f"{proof.MAGIC}\n".encode(): "proof",
}


class Log(LogReader, Protocol):
    """A log that was opened to be read."""

    def close(self) -> None:
        """Release files and connections."""


def kind(file: str) -> Kind:
    """What a file is: a PostgreSQL URL by its scheme, all else by its content.

    Raises `WrongFile` for anything that is none of ours, `OSError`.
    """
    if is_postgres(file):
        return "database"
    path = Path(file)
    if not path.is_file() and (path.exists() or path.is_symlink()):
        # Opened, a pipe would wait for a writer that never comes.
        raise WrongFile(
            f"{shown(file)}: expected a file, found a folder, a pipe, a device, or a link that "
            "leads to none"
        )
    with path.open("rb") as opened:
        start = opened.read(max(map(len, _MAGIC)))
    for magic, told in _MAGIC.items():
        if start.startswith(magic):
            return told
    if start.startswith(proof.MAGIC.encode()):
        raise WrongFile(
            f"{shown(file)}: a proof whose line endings were changed on the way here; get the file "
            "again without that"
        )
    raise WrongFile(
        f"{shown(file)}: expected an Aegis database, an export or a proof, found none of them by "
        "its first bytes"
    )


def is_postgres(file: str) -> bool:
    """Whether a FILE is the URL of a PostgreSQL database."""
    return file.startswith(("postgresql://", "postgres://"))


def database(dsn: str) -> str:
    """What `opened` takes for the database of a DSN. Raises `ConfigInvalid`."""
    from aegisd.store.dsn import sqlite_path  # noqa: PLC0415 - only databases need it

    return dsn if is_postgres(dsn) else sqlite_path(dsn)


@contextmanager
def opened(file: str) -> Iterator[Log]:
    """The log of a file, or of a PostgreSQL URL. Raises an `AegisError`, `OSError`.

    Adapters are imported here, because each costs start time and nobody needs more than one.
    """
    told = kind(file)
    if told == "database":
        with opened_database(file) as reader:
            yield reader
        return
    if told == "proof":
        raise WrongFile(f"{shown(file)}: a proof of one event is no log; `verify` reads it")
    from aegisd.audit.export_log import ExportLog  # noqa: PLC0415

    with closing(ExportLog(file)) as log:
        yield log


@contextmanager
def opened_database(file: str) -> Iterator[EventReader]:
    """The log of a database file, or of a PostgreSQL URL. Raises an `AegisError`, `OSError`."""
    reader: EventReader
    if is_postgres(file):
        from aegisd.store.dsn import open_reader  # noqa: PLC0415

        reader = open_reader(file)
    else:
        from aegisd.audit.database_log import DatabaseLog  # noqa: PLC0415

        reader = DatabaseLog(file)
    with closing(reader):
        yield reader


def one_tenant(log: Log, tenant_id: str | None) -> str:
    """The tenant that is meant: the one named, or the only one. Archives are never meant unnamed.

    Raises `NotFound` for a tenant a file does not have and `ConfigInvalid` where one must be named.
    """
    if tenant_id is not None:
        return known_tenants(log, tenant_id)[0]
    live = [name for name in known_tenants(log, None) if not name.startswith(ARCHIVE_PREFIX)]
    if len(live) == 1:
        return live[0]
    names = ", ".join(shown(name) for name in live[:8]) or "none but archives"
    raise ConfigInvalid(f"name a --tenant: this log holds {len(live)} ({names})")


def known_tenants(log: Log, tenant_id: str | None) -> list[str]:
    """The tenant named, or all of them. Raises `NotFound` where a file does not have it, or any."""
    try:
        tenants = log.tenants()
    except InvalidField:
        if tenant_id is None:
            raise
        return [tenant_id]
    if tenant_id is None:
        if not tenants:
            raise NotFound("the log holds no event of any tenant, so there is nothing to tell")
        return tenants
    if tenant_id not in tenants:
        raise NotFound(f"the log holds no event of tenant {shown(tenant_id)}")
    return [tenant_id]


def require_event(log: Log, tenant_id: str) -> None:
    """Raise `NotFound` for a tenant that a server, which does not list them, does not know."""
    if next(iter(log.events(tenant_id, limit=1)), None) is None:
        raise NotFound(f"the server has no event of tenant {shown(tenant_id)}")


def all_sessions(log: Log, tenant_id: str) -> Iterator[SessionHead]:
    """Every session of a tenant, sorted by code point, read page by page."""
    after = ""
    while page := log.sessions(tenant_id, after=after):
        yield from page
        after = page[-1].session_id

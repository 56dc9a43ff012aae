"""`--dsn`: from what an operator writes to the store it means, or a sentence why it means none.

A DSN names a file, or a database of a PostgreSQL server. How a file is opened is the store's
affair, so parameters are refused rather than ignored, and nothing is ever appended to what was
written. The DSN of a server is libpq's own, with all its parameters.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from aegisd.core.errors import ConfigInvalid
from aegisd.ports import EventStore
from aegisd.store.sqlite.reader import SqliteReader
from aegisd.store.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from aegisd.store.postgres.reader import PostgresReader

FORMS = (
    "expected a path, sqlite:///path, sqlite:////absolute/path, a file: URI or "
    "postgresql://user@host/database"
)
SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<authority>//)?")


def open_store(dsn: str) -> EventStore:
    """Open the log that `dsn` names for writing, making it when there is none.

    Raises `ConfigInvalid` for a DSN, file or server that cannot be used, `LogCorrupt` for a damaged
    file.
    """
    if is_postgres(dsn):
        with _driver():
            from aegisd.store.postgres.store import PostgresStore  # noqa: PLC0415 - an extra
        return PostgresStore(dsn)
    return SqliteStore(sqlite_path(dsn))


def open_reader(dsn: str) -> "SqliteReader | PostgresReader":
    """Open the log that `dsn` names for reading; raises as `open_store`, or when there is none."""
    if is_postgres(dsn):
        with _driver():
            from aegisd.store.postgres.reader import PostgresReader  # noqa: PLC0415 - an extra
        return PostgresReader(dsn)
    return SqliteReader(sqlite_path(dsn))


def place(dsn: str) -> str:
    """The path that a log's own files stand beside: its database file, or `aegis` in this folder.

    Raises `ConfigInvalid` as `open_store`.
    """
    return "aegis" if is_postgres(dsn) else sqlite_path(dsn)


def is_postgres(dsn: str) -> bool:
    """Whether a DSN names a database of a PostgreSQL server."""
    match = SCHEME.match(dsn)
    return match is not None and match["scheme"].lower() in {"postgres", "postgresql"}


def without_password(dsn: str) -> str:
    """A DSN as people may see it: of a server neither password nor parameters, a path as it is."""
    if not is_postgres(dsn):
        return dsn
    try:
        parts = urlsplit(dsn)
        # With a bare % or @ in a password nobody can say where it ends; libpq refuses it as well.
        user, at, host = parts.netloc.rpartition("@")
        return f"postgresql://{user.partition(':')[0]}{at}{host}{parts.path}"
    except ValueError:
        return "postgresql://…"


@contextmanager
def _driver() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise ConfigInvalid(
            "--dsn names a PostgreSQL database, and its driver is not installed "
            f"({error.name or 'psycopg'}); where Aegis is installed, run: "
            "pip install 'psycopg[binary]'"
        ) from None


def sqlite_path(dsn: str) -> str:
    """The path of the SQLite file that a DSN names.

    `sqlite:///a` is relative and `sqlite:////a` absolute, as SQLAlchemy has them; `file:a`,
    `file:/a`, `file:///a` and `file://localhost/a` are as https://sqlite.org/uri.html has them.
    Both are URIs, so `%20` is a space; a plain path is taken as written. Raises `ConfigInvalid`.
    """
    if dsn in {"", ":memory:", "memory:"}:
        raise ConfigInvalid(
            f"--dsn {dsn!r} names no file, and a log must outlive its process; {FORMS}"
        )
    match = SCHEME.match(dsn)
    scheme = match["scheme"].lower() if match else None
    if scheme in {"postgres", "postgresql"}:
        raise ConfigInvalid("a database of a PostgreSQL server is no file; name the path of one")
    if scheme in {"sqlite", "file"}:
        path = _uri_path(dsn, scheme)
    elif match and match["authority"]:
        raise ConfigInvalid(f"a DSN of scheme {scheme} is not known; {FORMS}")
    else:
        path = dsn
    if not path or "\0" in path or path.endswith("/"):
        raise ConfigInvalid(f"--dsn names no file; {FORMS}")
    return path


def _uri_path(dsn: str, scheme: str) -> str:
    try:
        parts = urlsplit(dsn)
    except ValueError as error:
        raise ConfigInvalid(f"--dsn is no URI; {FORMS}") from error
    if parts.query or parts.fragment or "?" in dsn or "#" in dsn:
        raise ConfigInvalid(
            "--dsn has parameters after the path, and Aegis takes none: it sets what makes the log "
            "durable by itself; remove them"
        )
    if parts.netloc and not (scheme == "file" and parts.netloc == "localhost"):
        raise ConfigInvalid(f"--dsn names a host, and a log is a local file; {FORMS}")
    path = unquote(parts.path)
    if scheme == "sqlite":
        if not dsn[len("sqlite:") :].startswith("///"):
            raise ConfigInvalid(f"--dsn lacks slashes after sqlite:; {FORMS}")
        return path[1:]
    if path == ":memory:":
        raise ConfigInvalid(f"--dsn names no file, and a log must outlive its process; {FORMS}")
    return path

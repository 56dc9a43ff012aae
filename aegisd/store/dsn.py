"""`--dsn`: from what an operator writes to the store it means, or a sentence why it means none.

A DSN names a file and nothing else. How the file is opened is the store's affair, so parameters are
refused rather than ignored, and nothing is ever appended to what was written.
"""

import re
from urllib.parse import unquote, urlsplit

from aegisd.core.errors import ConfigInvalid
from aegisd.ports import EventReader, EventStore
from aegisd.store.sqlite import SqliteStore
from aegisd.store.sqlite_reader import SqliteReader

FORMS = "expected a path, sqlite:///path, sqlite:////absolute/path or a file: URI"
SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<authority>//)?")


def open_store(dsn: str) -> EventStore:
    """Open the log that `dsn` names for writing, making it when there is none.

    Raises `ConfigInvalid` for a DSN or file that cannot be used, `LogCorrupt` for a damaged one.
    """
    return SqliteStore(sqlite_path(dsn))


def open_reader(dsn: str) -> EventReader:
    """Open the log that `dsn` names for reading; raises as `open_store`, or when there is none."""
    return SqliteReader(sqlite_path(dsn))


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
        raise ConfigInvalid(f"PostgreSQL is not in this version; {FORMS}")
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

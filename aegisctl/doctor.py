"""`aegisctl doctor`: what Aegis stands on here, a line for each thing, and what to do about it."""

import fcntl
import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import click
import msgspec
from click.core import ParameterSource
from msgspec import Struct

from aegisctl import options
from aegisctl.display import coloured, count, tell
from aegisd import __version__
from aegisd.audit import log
from aegisd.core.errors import AegisError, ConfigInvalid
from aegisd.ports import EventReader
from aegisd.printable import shown
from aegisd.rego.engines import choose, installed
from aegisd.remote.client import Client
from aegisd.rules_version import rules_version
from aegisd.store.dsn import sqlite_path, without_password
from aegisd.store.lock import PID_BYTES_MAX
from aegisd.store.sqlite.file import SQLITE_VERSION_MIN, sqlite_version_affected
from aegisd.store.sqlite.reader import SqliteReader
from aegisd.store.sqlite.schema import SCHEMA_VERSION

DSN_DEFAULT = "aegis.db"

# Free bytes on the log's disk below which a person should look (1 GiB), and below which the next
# commits may already fail (64 MiB: a batch, and a write-ahead log that could not be reset).
DISK_LOW_BYTES = 1 << 30
DISK_FULL_BYTES = 1 << 26

# Tenants whose events are counted one by one in the report.
SHOWN_TENANTS_MAX = 8

Level = Literal["ok", "warning", "problem"]

_COLOURS = {"ok": "good", "warning": "doubt", "problem": "bad"}
_EXITS = {"ok": 0, "warning": 1, "problem": 2}


class Diagnosis(Struct, frozen=True):
    """One thing looked at. `text` is a sentence; of what is not `ok` it says what to do."""

    level: Level
    subject: str
    text: str


@click.command("doctor", cls=options.Verb)
@options.server
@click.option("--dsn", default=DSN_DEFAULT, show_default=True, metavar="DB", help="The database.")
@options.as_json
def command(server: str, dsn: str, *, as_json: bool) -> int:
    """Say what this machine, a database and a server are like.

    Nothing is changed. A database may be in use.

    Example:
      aegisctl doctor --dsn aegis.db --server http://127.0.0.1:8080

    Exit codes: 0 all is well, 1 there is a warning, 2 there is a problem.

    """
    findings = [
        *machine(),
        *database(dsn, named=_named("dsn")),
        *served(Client(server), named=_named("server")),
    ]
    lines = (
        f"{coloured(f'{each.level:<8}', _COLOURS[each.level])} {each.subject:<12} "
        f"{shown(each.text, None)}"
        for each in findings
    )
    tell({"findings": msgspec.to_builtins(findings)}, lines, as_json=as_json)
    return max(_EXITS[finding.level] for finding in findings)


def _named(option: str) -> bool:
    source = click.get_current_context().get_parameter_source(option)
    return source in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)


def machine() -> Iterator[Diagnosis]:
    """Python, SQLite, the Rego engines and the rules of this installation."""
    version = f"{platform.python_implementation()} {platform.python_version()}"
    yield Diagnosis("ok", "aegis", f"{__version__}, rules version {rules_version()}")
    if sys.flags.optimize > 0:
        yield Diagnosis("problem", "python", f"{version} with -O, which aegisd refuses")
    else:
        yield Diagnosis("ok", "python", version)
    yield _sqlite()
    yield from _engines()


def _engines() -> Iterator[Diagnosis]:
    """Which Rego engines are installed, and which of them `auto` takes."""
    try:
        taken = choose("auto").name
        for name in installed():
            note = ", which `auto` takes" if name == taken else ""
            yield Diagnosis("ok", name, f"{choose(name).version}{note}")
        if "regorus" not in installed():
            text = f"not installed, so `auto` takes {taken}; the native engine is faster and counts"
            yield Diagnosis(
                "ok", "regorus", f"{text} its steps: `pip install ./native` (needs Rust)"
            )
    except ConfigInvalid as error:
        yield Diagnosis("problem", "regorus", error.message)
    except ImportError as error:
        yield Diagnosis("problem", "regopy", f"{error}; install Aegis again")


def _sqlite() -> Diagnosis:
    found = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < SQLITE_VERSION_MIN:
        wanted = ".".join(map(str, SQLITE_VERSION_MIN))
        return Diagnosis(
            "problem", "sqlite", f"{found}, expected {wanted} or newer; use a newer Python"
        )
    if sqlite_version_affected():
        text = (
            f"{found} has the WAL-reset bug, which needs two connections that write or checkpoint "
            "at once; Aegis has one. Let no other program write to the file"
        )
        return Diagnosis("ok", "sqlite", text)
    return Diagnosis("ok", "sqlite", f"{found}, without the WAL-reset bug")


def database(dsn: str, *, named: bool) -> Iterator[Diagnosis]:
    """The database file, its disk, who writes to it and what it holds; of PostgreSQL the latter."""
    if log.is_postgres(dsn):
        yield from _postgres(dsn)
        return
    try:
        path = Path(sqlite_path(dsn))
        if not named and not path.exists():
            yield Diagnosis("ok", "database", f"none at {path} yet; aegisd makes one")
            yield from _disk(path.absolute().parent)
            return
        reader = SqliteReader(str(path))
    except (AegisError, OSError) as error:
        yield Diagnosis("problem", "database", str(error))
        return
    with closing(reader):
        try:
            version = reader.schema_version()
            note = "" if version == SCHEMA_VERSION else f"; aegisd brings it to {SCHEMA_VERSION}"
            yield Diagnosis("ok", "database", f"{path}, schema version {version}{note}")
            yield from _tenants(reader)
        except AegisError as error:
            yield Diagnosis("problem", "database", str(error))
    yield _lock(Path(f"{os.path.realpath(path)}.lock"))
    yield from _disk(path.absolute().parent)


def _postgres(dsn: str) -> Iterator[Diagnosis]:
    try:
        with log.opened_database(dsn) as reader:
            yield Diagnosis("ok", "database", without_password(dsn))
            yield from _tenants(reader)
    except (AegisError, OSError) as error:
        yield Diagnosis("problem", "database", str(error))


def _tenants(reader: EventReader) -> Iterator[Diagnosis]:
    tenants = reader.tenants()
    yield Diagnosis("ok", "tenants", str(len(tenants)))
    for tenant_id in tenants[:SHOWN_TENANTS_MAX]:
        events = reader.next_position(tenant_id)
        recorded = reader.recorded_head(tenant_id)
        text = f"{shown(tenant_id)}: {count(events, 'event')}"
        if recorded is not None and recorded[0] == events:
            yield Diagnosis("ok", "tenant", text)
        else:
            text += ", but the last commit ended elsewhere; run `aegisctl verify`"
            yield Diagnosis("problem", "tenant", text)


def _lock(path: Path) -> Diagnosis:
    """Who writes. Asks for a shared lock for a moment, which a daemon's exclusive one refuses."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return Diagnosis("ok", "writer", "none, and none so far")
    except OSError as error:
        return Diagnosis("warning", "writer", f"{path} cannot be read: {error.strerror}")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, PID_BYTES_MAX, 0).decode(errors="replace").strip()
        return Diagnosis("ok", "writer", f"process {holder}")
    except OSError as error:
        return Diagnosis("warning", "writer", f"{path} cannot be locked: {error.strerror}")
    finally:
        os.close(descriptor)
    return Diagnosis("ok", "writer", "none")


def _disk(folder: Path) -> Iterator[Diagnosis]:
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        yield Diagnosis("problem", "disk", f"{folder}: {error.strerror}")
        return
    text = f"{free // 2**20} MiB free at {folder}"
    if free >= DISK_LOW_BYTES:
        yield Diagnosis("ok", "disk", text)
    else:
        level: Level = "problem" if free < DISK_FULL_BYTES else "warning"
        advice = "make room: a log that cannot be written denies everything"
        yield Diagnosis(level, "disk", f"{text}; {advice}")


def served(client: Client, *, named: bool) -> Iterator[Diagnosis]:
    """Whether a server answers, and whether it takes events."""
    for route, what in (("/healthz", "answers"), ("/readyz", "takes events")):
        try:
            client.get(route)
        except AegisError as error:
            if named or route != "/healthz":
                yield Diagnosis("problem", "server", str(error))
            else:
                yield Diagnosis("ok", "server", f"none answers at {client.url}")
            return
        yield Diagnosis("ok", "server", f"{client.url} {what}")

"""Export and import of a whole log: seconds, and the memory of everybody who takes part."""

import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path

from aegisd.signing.keyring import public_path
from aegisd.signing.signer import key_path
from benchmarks.filling import TENANT
from benchmarks.process import peak_mb, run, timed
from benchmarks.report import Row, Section, aim
from benchmarks.verification import AEGISCTL, Exported, Passed
from drills.daemon import Daemon

# Megabytes that the exporter, the importer and the daemon may have resident at most, each.
RESIDENT_MB = 300

# Rows of one commit of the bare insert, as an import has them.
ROWS_PER_COMMIT = 512

EXPORT_FILE = "aegisctl export --dsn"
EXPORT_SERVER = "aegisctl export, from a daemon"
IMPORT = "aegisctl import, into a daemon"
BARE_SELECT = "bare: SELECT body, lines to a file, fsync"
BARE_INSERT = f"bare: INSERT of the lines, {ROWS_PER_COMMIT} a commit"


def exported(log: Path, path: Path) -> Exported:
    """The export of a log at `path`, made where there is none yet."""
    if not path.exists():
        run([AEGISCTL, "export", "--dsn", log, "--out", path])
    with path.open("rb") as file:
        events = sum(not line.startswith((b'{"$kind":', b'{"aegis_')) for line in file)
    return Exported(path=path, events=events, public_key=public_path(key_path(log)))


def measure(log: Path, path: Path) -> Section:
    """Export a log to `path` and otherwise, and import it into a daemon that has no log yet."""
    other = path.with_name("other.jsonl")
    ways: Mapping[str, Callable[[], Passed]] = {
        EXPORT_FILE: lambda: _moved("export", "--dsn", log, "--out", path),
        EXPORT_SERVER: lambda: _by_daemon(log, "export", "--tenant", TENANT, "--out", other),
        IMPORT: lambda: _by_daemon(path.with_name("imported.db"), "import", path, *_ACT),
        BARE_SELECT: lambda: Passed(timed(lambda: _select(log, other))),
        BARE_INSERT: lambda: Passed(timed(lambda: _insert(path, path.with_name("bare.db")))),
    }
    found = {name: way() for name, way in ways.items()}
    return section(exported(log, path), found)


_ACT = ("--tenant", "audit", "--author", "bench", "--reason", "a benchmark")


def _moved(*arguments: str | Path) -> Passed:
    ended = run([AEGISCTL, *arguments])
    return Passed(ended.seconds, ended.peak_mb)


def _by_daemon(database: Path, *arguments: str | Path) -> Passed:
    with Daemon(database.parent, dsn=str(database)) as daemon:
        moved = _moved(*arguments, "--server", f"http://127.0.0.1:{daemon.port}")
        return Passed(moved.seconds, moved.peak_mb, peak_mb(daemon.pid))


def _select(database: Path, other: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, other.open("wb") as target:
        rows = connection.execute("SELECT body FROM events ORDER BY tenant_id, position")
        for (body,) in rows:
            target.write(body + b"\n")
        target.flush()
        os.fsync(target.fileno())


def _insert(path: Path, database: Path) -> None:
    """Every line as a row with its number as the key, durable at each commit."""
    with (
        closing(sqlite3.connect(database, isolation_level=None)) as connection,
        path.open("rb") as file,
    ):
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE lines (position INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        numbered = enumerate(file)
        while rows := list(islice(numbered, ROWS_PER_COMMIT)):
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO lines VALUES (?, ?)", rows)
            connection.execute("COMMIT")


_BARE_OF = {EXPORT_FILE: BARE_SELECT, EXPORT_SERVER: BARE_SELECT, IMPORT: BARE_INSERT}


def section(file: Exported, found: Mapping[str, Passed]) -> Section:
    """Seconds and memory of every way, beside what the bytes alone take."""
    rows: list[Row] = []
    for name, moved in found.items():
        bare = found.get(_BARE_OF.get(name, ""))
        rows.append(
            {
                "what": name,
                "seconds": moved.seconds,
                "events/s": file.events / moved.seconds,
                "of bare": None if bare is None else moved.seconds / bare.seconds,
                "program MB": moved.peak_mb,
                "daemon MB": moved.daemon_mb,
            }
        )
    return Section(
        name="transfer",
        title="export and import",
        method=f"{file.events:,} events, {file.bytes / 1e6:,.0f} MB; each once. Everybody verifies "
        "what they read. MB is the most resident memory, of a program its children's added up; "
        "of bare is seconds, of SELECT for exports and of INSERT for the import",
        durability="exports are fsynced before they are renamed; import: SQLite WAL, "
        f"synchronous=FULL, and so is the bare INSERT, {ROWS_PER_COMMIT} rows a commit",
        tables={"a log on its way": rows},
        aims=[
            aim(f"peak MB, {name}: {who}", megabytes, at_most=RESIDENT_MB)
            for name, moved in found.items()
            for who, megabytes in (("program", moved.peak_mb), ("daemon", moved.daemon_mb))
            if megabytes is not None
        ],
    )

"""Export and import of a whole log: seconds, and the memory of everybody who takes part."""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path

from msgspec import Struct

from benchmarks.daemon import Daemon
from benchmarks.filling import TENANT
from benchmarks.growth import Log
from benchmarks.process import run
from benchmarks.report import Aim, Grid, Section, Tell, seconds
from benchmarks.verification import AEGISCTL, Exported

# Megabytes that the exporter, the importer and the daemon may have resident at most, each.
RESIDENT_MB = 300

# Rows of one commit of the bare insert, as an import has them.
ROWS_PER_COMMIT = 512

EXPORT_FILE = "aegisctl export --dsn"
EXPORT_SERVER = "aegisctl export, from a daemon"
IMPORT = "aegisctl import, into a daemon"
BARE_COPY = "bare: copy of the file, fsync"
BARE_SELECT = "bare: SELECT body, lines to a file, fsync"
BARE_INSERT = f"bare: INSERT of the lines, {ROWS_PER_COMMIT} a commit"


class Moved(Struct, frozen=True):
    """One way of a log: seconds, and the peak memory of the program and of the daemon."""

    seconds: float
    program_mb: float | None = None
    daemon_mb: float | None = None


def exported(log: Log, path: Path) -> Exported:
    """The export of a log at `path`, made where there is none yet."""
    if not path.exists():
        run([AEGISCTL, "export", "--dsn", log.database, "--out", path])
    with path.open("rb") as file:
        events = sum(not line.startswith((b'{"$kind":', b'{"aegis_')) for line in file)
    return Exported(path=path, events=events, public_key=log.public_key)


def measure(log: Log, path: Path, tell: Tell) -> Section:
    """Export a log to `path` and otherwise, and import it into a daemon that has no log yet."""
    other = path.with_name("other.jsonl")
    ended = run([AEGISCTL, "export", "--dsn", log.database, "--out", path])
    found = {EXPORT_FILE: Moved(ended.seconds, ended.peak_mb)}
    tell(1 / 6)
    with Daemon(log.database) as daemon:
        asked = ("--server", daemon.url, "--tenant", TENANT)
        ended = run([AEGISCTL, "export", *asked, "--out", other])
        found[EXPORT_SERVER] = Moved(ended.seconds, ended.peak_mb, daemon.peak_mb())
    tell(2 / 6)
    with Daemon(path.with_name("imported.db")) as daemon:
        act = ("--tenant", "audit", "--author", "bench", "--reason", "a benchmark")
        ended = run([AEGISCTL, "import", path, "--server", daemon.url, *act])
        found[IMPORT] = Moved(ended.seconds, ended.peak_mb, daemon.peak_mb())
    tell(3 / 6)
    bare: Mapping[str, Callable[[], object]] = {
        BARE_COPY: lambda: _copy(path, other),
        BARE_SELECT: lambda: _select(log.database, other),
        BARE_INSERT: lambda: _insert(path, path.with_name("bare.db")),
    }
    for number, (name, work) in enumerate(bare.items(), 4):
        started = time.perf_counter()
        work()
        found[name] = Moved(time.perf_counter() - started)
        tell(number / 6)
    return section(exported(log, path), found)


def _copy(path: Path, other: Path) -> None:
    with path.open("rb") as source, other.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
        target.flush()
        os.fsync(target.fileno())


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


# ── what is told ─────────────────────────────────────────────────────────────────────────────────

_BARE_OF = {EXPORT_FILE: BARE_SELECT, EXPORT_SERVER: BARE_SELECT, IMPORT: BARE_INSERT}


def section(file: Exported, found: Mapping[str, Moved]) -> Section:
    """Seconds and memory of every way, beside what the bytes alone take."""
    rows, plain, aims = [], {}, []
    for name, moved in found.items():
        bare = found.get(_BARE_OF.get(name, ""))
        rows.append(
            (
                name,
                seconds(moved.seconds),
                f"{file.events / moved.seconds:,.0f}",
                "" if bare is None else f"{moved.seconds / bare.seconds:.1f}x",
                _megabytes(moved.program_mb),
                _megabytes(moved.daemon_mb),
            )
        )
        plain[name] = {
            "seconds": round(moved.seconds, 2),
            "events_per_second": round(file.events / moved.seconds),
            "program_peak_mb": moved.program_mb,
            "daemon_peak_mb": moved.daemon_mb,
        }
        for who, peak_mb in (("program", moved.program_mb), ("daemon", moved.daemon_mb)):
            if peak_mb is not None:
                what = f"peak MB, {name}: {who}"
                aims.append(Aim(what=what, found=peak_mb, aim=RESIDENT_MB, at_most=True))
    columns = ("what", "seconds", "events/s", "of bare", "program MB", "daemon MB")
    return Section(
        name="transfer: export and import",
        method=f"{file.events:,} events, {file.bytes / 1e6:,.0f} MB; each once. Everybody verifies "
        "what they read. MB is the most resident memory, of a program its children's added up; "
        "of bare is seconds, of SELECT for exports and of INSERT for the import",
        durability="exports are fsynced before they are renamed; import: SQLite WAL, "
        f"synchronous=FULL, and so is the bare INSERT, {ROWS_PER_COMMIT} rows a commit",
        figures={"events": file.events, "bytes": file.bytes, "ways": plain},
        grids=[Grid(title="a log on its way", columns=columns, rows=rows)],
        aims=aims,
    )


def _megabytes(number: float | None) -> str:
    return "" if number is None else f"{number:,.0f}"

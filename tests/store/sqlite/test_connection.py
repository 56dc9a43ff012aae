"""Connections that only read, lent to any number of threads."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from aegisd.core.errors import StoreFailed
from aegisd.store.sqlite.connection import IDLE_CONNECTIONS_MAX, Connections
from aegisd.store.sqlite.store import SqliteStore


@pytest.fixture
def connections(tmp_path: Path) -> Iterator[Connections]:
    path = str(tmp_path / "aegis.db")
    SqliteStore(path).close()
    opened = Connections(path)
    yield opened
    opened.pool.close()


def test_a_connection_can_write_nothing(connections: Connections) -> None:
    with connections.pool.lent() as connection:
        assert connection.execute("PRAGMA query_only").fetchone() == (1,)
        for statement in ("INSERT INTO documents VALUES (x'', '', x'')", "DROP TABLE documents"):
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                connection.execute(statement)
        connection.execute("PRAGMA query_only=OFF")
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("DROP TABLE documents")


@pytest.mark.parametrize("threads", [IDLE_CONNECTIONS_MAX, IDLE_CONNECTIONS_MAX + 1])
def test_no_more_connections_than_the_bound_stay_open(
    connections: Connections, threads: int
) -> None:
    together = Barrier(threads)

    def hold() -> None:
        with connections.pool.lent():
            together.wait()

    with ThreadPoolExecutor(threads) as pool:
        for task in [pool.submit(hold) for _ in range(threads)]:
            task.result()
    assert len(connections.pool._idle) == IDLE_CONNECTIONS_MAX


def test_what_is_closed_lends_nothing_and_keeps_nothing_open(connections: Connections) -> None:
    with connections.pool.lent() as lent:
        connections.pool.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        lent.execute("SELECT 1")
    with pytest.raises(StoreFailed, match="closed"), connections.pool.lent():
        pass

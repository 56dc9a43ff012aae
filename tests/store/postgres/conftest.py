"""A database of its own for each test, and a store on it."""

from collections.abc import Iterator

import pytest
from psycopg.conninfo import conninfo_to_dict

from aegisd.store.postgres.store import PostgresStore
from tests import postgres
from tests.postgres_proxy import Proxy


@pytest.fixture
def store(dsn: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresStore]:
    """One that looks through the values of two positions at once."""
    monkeypatch.setattr(PostgresStore, "STRETCH", 1)
    opened = PostgresStore(dsn)
    yield opened
    opened.close()


@pytest.fixture
def rival(store: PostgresStore, dsn: str) -> Iterator[PostgresStore]:
    """Another process on the same database."""
    opened = PostgresStore(dsn)
    yield opened
    opened.close()


@pytest.fixture
def wire(dsn: str) -> Iterator[Proxy]:
    """What stands between a store and the server."""
    with Proxy(int(str(conninfo_to_dict(dsn)["port"]))) as proxy:
        yield proxy


@pytest.fixture
def wired(store: PostgresStore, dsn: str, wire: Proxy) -> Iterator[PostgresStore]:
    """A store whose connections a test can cut."""
    opened = PostgresStore(postgres.as_uri(dsn, port=wire.port))
    yield opened
    opened.close()

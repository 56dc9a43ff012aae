"""A PostgreSQL server for one row of the table, which may kill it."""

from collections.abc import Iterator
from contextlib import contextmanager

from drills.faults.interposer import Unsupported
from tests import postgres as postgresql


@contextmanager
def own_server() -> Iterator[postgresql.Server]:
    """A server of our own, gone afterwards. Raises `Unsupported` where there is none to be had."""
    server = postgresql.own_server()
    if server is None:
        raise Unsupported("no PostgreSQL on this machine")
    try:
        yield server
    finally:
        server.remove()

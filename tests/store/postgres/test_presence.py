"""Whoever signs a log sees who else does, with which keys, as long as they run."""

import psycopg

from aegisd.store.postgres.presence import LOCKS
from aegisd.store.postgres.store import PostgresStore
from tests.patience import until

FIRST, SECOND, THIRD = b"\x00\x00\x00\x01", b"\xff\xff\xff\xfe", b"\x80\x00\x00\x00"
CUT = """SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE locktype = 'advisory' AND classid::int8 = %s"""


def test_daemons_see_the_keys_of_each_other_until_they_close(
    store: PostgresStore, rival: PostgresStore
) -> None:
    assert store.announce([FIRST, SECOND]) == []
    ((*seen,),) = rival.announce([THIRD])
    assert sorted(seen) == [FIRST, SECOND]
    assert store.announce([FIRST]) == [(THIRD,)]
    # The server ends the connection that had both keys when it comes to it.
    until(lambda: rival.announce([THIRD]) == [(FIRST,)])
    store.close()
    until(lambda: rival.announce([THIRD]) == [])


def test_who_lost_its_connection_is_seen_again(
    store: PostgresStore, rival: PostgresStore, dsn: str
) -> None:
    store.announce([FIRST])
    with psycopg.connect(dsn) as admin:
        admin.execute(CUT, (LOCKS,))
    until(lambda: rival.announce([THIRD]) == [])
    closes = store.listen(lambda *_: None)
    until(lambda: rival.announce([THIRD]) == [(FIRST,)])
    closes()

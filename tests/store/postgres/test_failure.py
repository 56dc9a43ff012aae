"""What is known, and what is not, once a connection or the server is lost."""

import threading

import psycopg
import pytest

from aegisd.core.errors import CommitUnknown, StoreFailed
from aegisd.store.postgres import connection
from aegisd.store.postgres.store import PostgresStore
from tests import postgres
from tests.patience import PATIENCE_S
from tests.postgres_proxy import Cut, Proxy
from tests.store.contract import batch, document, event


@pytest.mark.parametrize(("where", "holds"), [("before", False), ("after", True)])
def test_a_connection_lost_in_a_commit_is_unknown_and_the_next_batch_finds_out(
    store: PostgresStore, wired: PostgresStore, wire: Proxy, where: Cut, holds: bool
) -> None:
    store.append(batch([event(0)]))
    wired.begin("acme")
    wire.cut(b"COMMIT", where)
    with pytest.raises(CommitUnknown, match="idempotency key"):
        wired.append(batch([event(1)]))
    assert wire.cuts == 1
    turn = wired.begin("acme")
    assert turn.next_position == (2 if holds else 1)
    wired.append(batch([event(turn.next_position)]))
    assert [row.position for row in store.events("acme")] == list(range(turn.next_position + 1))


def test_a_connection_lost_before_a_turn_is_made_again(wired: PostgresStore, wire: Proxy) -> None:
    wired.append(batch([event(0)]))
    wire.cut_all()
    assert wired.begin("acme").next_position == 1
    wired.append(batch([event(1)]))
    wire.cut_all()
    assert [row.position for row in wired.events("acme")] == [0, 1]
    assert wired.next_position("acme") == 2


def test_a_connection_lost_within_a_turn_writes_nothing(
    store: PostgresStore, wired: PostgresStore, wire: Proxy
) -> None:
    wired.begin("acme")
    wire.cut_all()
    wired.abandon("acme")
    wired.begin("acme")
    wire.cut_all()
    with pytest.raises(StoreFailed):
        wired.append(batch([event(0)]))
    assert store.begin("acme").next_position == 0
    store.abandon("acme")


def test_a_server_that_does_not_answer_is_given_up(
    store: PostgresStore, wired: PostgresStore, wire: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    wired.begin("acme")
    monkeypatch.setattr(connection, "ANSWER_S_MAX", 0.3)
    wire.frozen.set()
    with pytest.raises(CommitUnknown):
        wired.append(batch([event(0)]))
    with pytest.raises(StoreFailed):
        wired.next_position("acme")
    wire.cut_all()
    wire.frozen.clear()
    monkeypatch.setattr(connection, "ANSWER_S_MAX", PATIENCE_S)
    wired.append(batch([event(0)]))
    assert list(store.events("acme")) == [event(0)]


def test_a_commit_that_the_server_warns_about_is_unknown(store: PostgresStore, dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(
            "CREATE FUNCTION aegis.warn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE WARNING 'canceling wait for synchronous replication'; RETURN new; END $$"
        )
        admin.execute(
            "CREATE TRIGGER warns BEFORE INSERT ON aegis.documents FOR EACH ROW "
            "EXECUTE FUNCTION aegis.warn()"
        )
        admin.execute("GRANT USAGE ON SCHEMA aegis TO PUBLIC")
    with pytest.raises(CommitUnknown, match="canceling wait for synchronous replication"):
        store.append(batch([event(0)], documents=[document(b"s")]))
    store.append(batch([event(1)]))


def test_a_server_that_crashes_and_comes_back_is_written_to_again() -> None:
    server = postgres.own_server()
    if not postgres.available(server) or server is None:
        return
    dsn = postgres.new_database(server.dsn)
    store, kept = PostgresStore(dsn), list[int]()
    crash = threading.Timer(0.3, server.end, (postgres.CRASH,))
    crash.start()
    at = 0
    while crash.is_alive() or not kept:
        try:
            store.append(batch([event(at)]))
            kept.append(at)
            at += 1
        except StoreFailed:
            break
    crash.join()
    with pytest.raises(StoreFailed):
        store.next_position("acme")
    with pytest.raises(StoreFailed):
        store.begin("acme")
    server.start()
    found = store.next_position("acme")
    assert found in {len(kept), len(kept) + 1}
    store.append(batch([event(found)]))
    assert [row.position for row in store.events("acme")] == list(range(found + 1))
    store.close()
    server.remove()

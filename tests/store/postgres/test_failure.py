"""Turns, commits and connections that are lost, on a real PostgreSQL."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from aegisd.core.errors import CommitUnknown, PositionConflict, StoreFailed
from aegisd.store.postgres import connection
from aegisd.store.postgres.store import PostgresStore
from tests import postgres
from tests.patience import PATIENCE_S
from tests.postgres_proxy import Cut, Proxy
from tests.store.contract import batch, checkpoint, event, growth, snapshot

# Long for a server that answers at once, short for a test that waits it out.
SHORT_MS = 1000


@pytest.fixture
def dsn() -> Iterator[str]:
    with postgres.database() as named:
        yield named


@pytest.fixture
def store(dsn: str) -> Iterator[PostgresStore]:
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


# ── turns ────────────────────────────────────────────────────────────────────────────────────────


def test_a_turn_says_where_the_log_ends(store: PostgresStore) -> None:
    before = time.time_ns() // 1_000_000
    turn = store.begin("acme")
    assert (turn.tenant_id, turn.next_position, turn.head_hash) == ("acme", 0, b"")
    assert before - 1000 <= turn.now_ms <= time.time_ns() // 1_000_000 + 1000
    store.append(batch([event(0), event(1)]))
    turn = store.begin("acme")
    assert (turn.next_position, turn.head_hash) == (2, event(1).hash)
    store.abandon("acme")
    store.abandon("acme")
    assert store.tenants() == ["acme"]


def test_a_rival_waits_for_the_end_of_a_turn_and_then_sees_what_it_left(
    store: PostgresStore, rival: PostgresStore
) -> None:
    for at in range(2):
        store.begin("acme")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(rival.begin, "acme")
            time.sleep(0.2)
            assert not waiting.done()
            store.append(batch([event(at)]))
            turn = waiting.result(PATIENCE_S)
        assert (turn.next_position, turn.head_hash) == (at + 1, event(at).hash)
        rival.abandon("acme")


def test_a_turns_time_is_read_after_the_wait(store: PostgresStore, rival: PostgresStore) -> None:
    store.append(batch([event(0)]))
    store.begin("acme")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(rival.begin, "acme")
        time.sleep(0.5)
        released = time.time_ns() // 1_000_000
        store.abandon("acme")
        assert waiting.result(PATIENCE_S).now_ms >= released - 100
    rival.abandon("acme")


def test_turns_of_different_tenants_do_not_wait_for_one_another(
    store: PostgresStore, rival: PostgresStore
) -> None:
    store.begin("acme")
    store.begin("umbrella")
    assert rival.begin("initech").next_position == 0
    rival.append(batch([event(0, tenant_id="initech")]))
    store.append(batch([event(0, tenant_id="umbrella")]))
    store.append(batch([event(0)]))
    assert store.tenants() == ["acme", "initech", "umbrella"]


def test_a_turn_that_is_kept_too_long_is_not_waited_for(
    store: PostgresStore, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "TURN_WAIT_MS_MAX", SHORT_MS)
    rival = PostgresStore(dsn)
    store.append(batch([event(0)]))
    store.begin("acme")
    began = time.monotonic()
    with pytest.raises(StoreFailed, match="TURN_WAIT_MS_MAX"):
        rival.begin("acme")
    assert time.monotonic() - began >= SHORT_MS / 1000
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(rival.begin, "acme")
        time.sleep(SHORT_MS / 3000)
        store.append(batch([event(1)]))
        assert waiting.result(PATIENCE_S).next_position == 2
    rival.close()


def test_a_turn_of_a_daemon_that_hangs_is_taken_away_and_nothing_of_it_is_written(
    store: PostgresStore, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "TURN_IDLE_MS_MAX", SHORT_MS)
    hangs = PostgresStore(dsn)
    hangs.begin("acme")
    assert store.begin("acme").next_position == 0
    store.append(batch([event(0)]))
    with pytest.raises(StoreFailed):
        hangs.append(batch([event(0)]))
    hangs.begin("acme")
    time.sleep(SHORT_MS / 3000)
    hangs.append(batch([event(1)]))
    assert list(store.events("acme")) == [event(0), event(1)]
    hangs.close()


def test_a_store_that_closes_gives_its_turns_back(
    store: PostgresStore, rival: PostgresStore
) -> None:
    rival.begin("acme")
    with pytest.raises(StoreFailed, match="has its turn already"):
        rival.begin("acme")
    rival.close()
    assert store.begin("acme").next_position == 0
    store.abandon("acme")


def test_a_batch_that_does_not_fit_ends_the_turn_it_was_given(
    store: PostgresStore, rival: PostgresStore
) -> None:
    store.begin("acme")
    with pytest.raises(PositionConflict):
        store.append(batch([event(7)]))
    assert rival.begin("acme").next_position == 0
    rival.append(batch([event(0)]))


def test_racing_appends_without_a_turn_leave_one_log(
    store: PostgresStore, rival: PostgresStore
) -> None:
    def race(mine: PostgresStore, session_id: str) -> int:
        conflicts = at = 0
        while at < 50:
            turn = mine.next_position("acme")
            try:
                mine.append(batch([event(turn, session_id, at)]))
                at += 1
            except PositionConflict:
                conflicts += 1
        return conflicts

    with ThreadPoolExecutor(2) as pool:
        raced = [pool.submit(race, store, "s1"), pool.submit(race, rival, "s2")]
        assert sum(each.result(PATIENCE_S) for each in raced) > 0
    assert [row.position for row in store.events("acme")] == list(range(100))


def test_growing_from_two_sides_at_once_keeps_the_same_tree(
    store: PostgresStore, rival: PostgresStore
) -> None:
    grown = growth(*map(checkpoint, range(1, 40)), blocks=[str(n) for n in range(200)])
    with ThreadPoolExecutor(8) as pool:
        works = [pool.submit(each.grow, grown) for each in (store, rival) * 8]
        for work in works:
            work.result(PATIENCE_S)
    assert len(store.blocks("acme")) == 200
    assert len(store.checkpoints("acme")) == 39


# ── what is lost ─────────────────────────────────────────────────────────────────────────────────


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
            "CREATE TRIGGER warns BEFORE INSERT ON aegis.snapshots FOR EACH ROW "
            "EXECUTE FUNCTION aegis.warn()"
        )
        admin.execute("GRANT USAGE ON SCHEMA aegis TO PUBLIC")
    with pytest.raises(CommitUnknown, match="canceling wait for synchronous replication"):
        store.append(batch([event(0)], snapshots=[snapshot(b"s")]))
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


# ── hearing of commits ───────────────────────────────────────────────────────────────────────────


def test_every_commit_is_heard_of_by_whoever_listens(
    store: PostgresStore, rival: PostgresStore
) -> None:
    heard, woken = list[tuple[str, int]](), threading.Semaphore(0)

    def hear(tenant_id: str, next_position: int) -> None:
        heard.append((tenant_id, next_position))
        woken.release()

    store.append(batch([event(0)]))
    closes = store.listen(hear)
    assert woken.acquire(timeout=PATIENCE_S)
    rival.append(batch([event(1), event(2)]))
    assert woken.acquire(timeout=PATIENCE_S)
    store.append(batch([event(0, tenant_id="umbrella")]))
    assert woken.acquire(timeout=PATIENCE_S)
    assert heard == [("acme", 1), ("acme", 3), ("umbrella", 1)]
    closes()
    closes()
    rival.append(batch([event(3)]))
    assert not woken.acquire(timeout=0.3)


def test_who_listens_hears_again_after_the_connection_was_lost(
    store: PostgresStore, wired: PostgresStore, wire: Proxy
) -> None:
    ends, woken = dict[str, int](), threading.Semaphore(0)

    def hear(tenant_id: str, next_position: int) -> None:
        ends[tenant_id] = next_position
        woken.release()

    wired.listen(hear)
    store.append(batch([event(0)]))
    assert woken.acquire(timeout=PATIENCE_S)
    wire.cut_all()
    store.append(batch([event(1)]))
    while ends != {"acme": 2}:
        assert woken.acquire(timeout=PATIENCE_S)

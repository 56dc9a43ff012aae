"""The contract suite, and turns, on a real PostgreSQL."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import settings

from aegisd.core.errors import InvalidField, PositionConflict, StoreFailed
from aegisd.store.postgres import connection
from aegisd.store.postgres.store import PostgresStore
from tests import postgres
from tests.effort import times
from tests.patience import PATIENCE_S
from tests.store.contract import (
    TENANTS,
    EvidenceContract,
    StoreContract,
    StoreMachine,
    batch,
    checkpoint,
    event,
    growth,
)


class TestPostgresStore(StoreContract, EvidenceContract):
    # PostgreSQL's text holds no NUL. Real ids are ASCII without control characters; what a caller
    # names otherwise, a payload's pointers, lies in bytes.
    ids = tuple(name for name in TENANTS if "\0" not in name)

    def test_an_id_with_a_nul_is_refused_and_nothing_is_written(self, store: PostgresStore) -> None:
        for row in (event(0, tenant_id="a\0b"), event(0, "a\0b")):
            with pytest.raises(StoreFailed, match="NUL"):
                store.append(batch([row]))
        with pytest.raises(InvalidField, match="NUL"):
            store.next_position("a\0b")
        self.assert_holds(store, [])


class PostgresMachine(StoreMachine):
    def open_store(self) -> PostgresStore:
        self._database = postgres.database()
        return PostgresStore(self._database.__enter__())

    def teardown(self) -> None:
        super().teardown()
        self._database.__exit__(None, None, None)


TestPostgresMachine = PostgresMachine.TestCase
# Each step reads everything, in round trips to a server: fewer and shorter examples.
TestPostgresMachine.settings = settings(max_examples=times(4, 100), stateful_step_count=15)

# Long for a server that answers at once, short for a test that waits it out.
SHORT_MS = 1000


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

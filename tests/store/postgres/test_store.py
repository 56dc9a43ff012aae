"""The contract suite, and turns, on a real PostgreSQL."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import settings

from aegisd.core.errors import InvalidField, PositionConflict, StoreFailed
from aegisd.rows import Growth
from aegisd.store.postgres import connection
from aegisd.store.postgres import store as store_module
from aegisd.store.postgres.store import PostgresStore
from tests import postgres
from tests.effort import times
from tests.patience import PATIENCE_S, until
from tests.postgres_proxy import Proxy
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

GROWN = growth(checkpoint(1), blocks=["0"])

# How a host vanishes: its store, and the wire of that.
Silence = Callable[[PostgresStore, Proxy], None]


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


def vanished_in_its_turn(wired: PostgresStore, wire: Proxy) -> None:
    wired.begin("acme")
    wire.frozen.set()


def vanished_within(what: bytes, work: Callable[[PostgresStore], None]) -> Silence:
    """A host that got as far as these bytes of what it sent."""

    def vanish(wired: PostgresStore, wire: Proxy) -> None:
        wire.cut(what, "within")
        with pytest.raises(StoreFailed):
            work(wired)

    return vanish


SILENCES = {
    "in its turn": vanished_in_its_turn,
    "within its first statement": vanished_within(
        b"INSERT INTO aegis.events", lambda store: store.append(batch([event(1)]))
    ),
    "between its statements": vanished_within(
        b"UPDATE aegis.tenant_head", lambda store: store.append(batch([event(1)]))
    ),
    "within the growth of its tree": vanished_within(
        b"INSERT INTO aegis.checkpoints", lambda store: store.grow(GROWN)
    ),
    "before the growth of its tree was kept": vanished_within(
        b"SELECT 'block'", lambda store: store.grow(GROWN)
    ),
}


@pytest.mark.parametrize("silence", SILENCES.values(), ids=SILENCES)
def test_whoever_vanishes_loses_what_it_holds_of_a_known_tenant(
    silence: Silence, store: PostgresStore, dsn: str, wire: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bound in ("TURN_IDLE_MS_MAX", "TURN_WAIT_MS_MAX"):
        monkeypatch.setattr(connection, bound, SHORT_MS)
    monkeypatch.setattr(connection, "ANSWER_S_MAX", SHORT_MS / 1000)
    wired = PostgresStore(postgres.as_uri(dsn, port=wire.port))
    store.append(batch([event(0)]))
    silence(wired, wire)
    monkeypatch.setattr(connection, "ANSWER_S_MAX", PATIENCE_S)
    assert_goes_on(dsn)
    wired.close()


def test_a_process_that_is_stopped_loses_its_turn_of_a_known_tenant(
    store: PostgresStore, dsn: str
) -> None:
    code = (
        "import sys, time; from aegisd.store.postgres import connection, store; "
        f"connection.TURN_IDLE_MS_MAX = {SHORT_MS}; held = store.PostgresStore(sys.argv[1]); "
        "held.begin('acme'); print('begun', flush=True); time.sleep(600)"
    )
    store.append(batch([event(0)]))
    with subprocess.Popen([sys.executable, "-c", code, dsn], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"begun\n"
            process.send_signal(signal.SIGSTOP)
            assert_goes_on(dsn)
        finally:
            process.kill()


def assert_goes_on(dsn: str) -> None:
    """Whoever comes next to a log of one event appends to it and grows its tree."""
    rival = PostgresStore(dsn)
    until(lambda: succeeds(lambda: rival.append(batch([event(1)]))))
    until(lambda: succeeds(lambda: rival.grow(GROWN)))
    assert list(rival.events("acme")) == [event(0), event(1)]
    rival.close()


def succeeds(work: Callable[[], None]) -> bool:
    try:
        work()
    except StoreFailed:
        return False
    return True


@pytest.mark.parametrize("known", [False, True])
def test_a_turn_of_a_daemon_that_hangs_is_taken_away_and_nothing_of_it_is_written(
    store: PostgresStore, dsn: str, monkeypatch: pytest.MonkeyPatch, *, known: bool
) -> None:
    monkeypatch.setattr(connection, "TURN_IDLE_MS_MAX", SHORT_MS)
    # By the server alone, as for whoever may end nobody's session.
    monkeypatch.setattr(store_module, "end_silent", lambda _: False)
    hangs = PostgresStore(dsn)
    at = int(known)
    store.append(batch([event(0)][:at]))
    hangs.begin("acme")
    assert store.begin("acme").next_position == at
    store.append(batch([event(at)]))
    with pytest.raises(StoreFailed):
        hangs.append(batch([event(at)]))
    hangs.begin("acme")
    time.sleep(SHORT_MS / 3000)
    hangs.append(batch([event(at + 1)]))
    assert list(store.events("acme")) == list(map(event, range(at + 2)))
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


def test_the_trees_of_several_tenants_grow_in_one_commit(store: PostgresStore) -> None:
    points = [checkpoint(2, tenant_id=name) for name in ("beta", "acme")]
    store.grow(*(Growth(tenant_id=x.tenant_id, first_block=0, checkpoints=[x]) for x in points))
    assert [store.newest_checkpoint(each.tenant_id) for each in points] == points

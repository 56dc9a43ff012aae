"""Whoever listens hears of every commit, whoever makes it, also after a connection was lost."""

import threading

from aegisd.store.postgres.store import PostgresStore
from tests.patience import PATIENCE_S
from tests.postgres_proxy import Proxy
from tests.store.contract import batch, event


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

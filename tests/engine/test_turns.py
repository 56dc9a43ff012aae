"""Several processes on one log: in turns, on what the others left, at the database's time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing

import pytest
from msgspec.structs import replace

from aegisd.core.errors import (
    CheckpointUnknown,
    CommitUnknown,
    ConfigInvalid,
    LogUnavailable,
    StoreFailed,
)
from aegisd.engine import recovery, writer
from aegisd.engine.checkpoints import Signing
from aegisd.engine.engine import Engine
from aegisd.engine.recorded import Recorded
from aegisd.engine.waiting import BATCH_EVENTS_MAX
from aegisd.rows import Batch, Turn
from aegisd.signing.keyring import Keyring, SigningKey
from aegisd.store.memory import MemoryStore
from aegisd.store.postgres.store import PostgresStore
from tests.core.builders import START_MS
from tests.core.gate import ScriptedJudge, manifest, proposal, tool
from tests.effort import times
from tests.engine.world import (
    LOG_NAME,
    SNAPSHOTS,
    ManualClock,
    MemoryGuard,
    StubbornStore,
    codes,
    configured,
    evidence,
    live,
    log_of,
    outcome,
    run,
    running,
    said,
    signer,
    together,
    while_it_goes_on,
)
from tests.patience import PATIENCE_S

RACING_APPENDS = times(600, 10_000)


class SharedStore(StubbornStore):
    """A log in memory that says others append to it; `refusals` meet whoever begins a turn."""

    shared = True

    def __init__(self) -> None:
        super().__init__()
        self.held: set[str] = set()
        self.refusals: list[Exception] = []
        self.turns = 0
        self.now_ms = START_MS + 1

    def begin(self, tenant_id: str) -> Turn:
        if self.refusals:
            raise self.refusals.pop(0)
        assert tenant_id not in self.held
        self.held.add(tenant_id)
        self.turns += 1
        position, digest = self.recorded_head(tenant_id) or (0, b"")
        return Turn(
            tenant_id=tenant_id, next_position=position, head_hash=digest, now_ms=self.now_ms
        )

    def abandon(self, tenant_id: str) -> None:
        self.held.discard(tenant_id)

    def append(self, batch: Batch) -> None:
        self.held.discard(batch.tenant_id)
        super().append(batch)


# ── one process ──────────────────────────────────────────────────────────────────────────────────


def test_a_batch_is_decided_at_the_databases_time_not_the_daemons() -> None:
    async def story() -> str:
        store = SharedStore()
        async with running(store, clock=ManualClock(now_ms=START_MS * 2)) as engine:
            (answer,) = await engine.append((tool("read_file"),))
            assert answer.decision is not None
            return answer.decision.body.decode()

    assert f'"now_ms":{START_MS + 1},' in run(story())


def test_every_turn_ends_whether_events_came_of_it_or_not() -> None:
    async def story() -> None:
        store = SharedStore()
        async with running(store) as engine:
            await engine.append((said("opens"),))
            await engine.check(tool("read_file"))
            told = await together(engine, proposal("USER_MESSAGE", {"content": "x"}, seq=7))
            assert codes(told) == ["head_mismatch"]
            assert store.turns == 3
            assert store.held == set()

    run(story())


def test_a_commit_that_may_or_may_not_hold_says_so_and_the_next_turn_finds_out() -> None:
    class Lost(SharedStore):
        """The commit happens, and its answer is lost."""

        def append(self, batch: Batch) -> None:
            super().append(batch)
            if b"lost" in batch.events[-1].body:
                raise CommitUnknown("the line went dead")

    async def story() -> None:
        store = Lost()
        async with running(store) as engine:
            await engine.append((said("opens"),))
            asked = said("lost", idempotency_key="k1")
            with pytest.raises(LogUnavailable) as caught:
                await engine.append((asked,))
            assert caught.value.details == {"commit": "unknown"}
            (answer,) = await engine.append((asked,))
            assert answer.replayed
            (fresh,) = await engine.append((said("goes on"),))
            assert fresh.event.position == answer.event.position + 1
            assert len(log_of(store)) == 5

    run(story())


@pytest.mark.parametrize("begun", [True, False])
def test_a_lost_database_denies_everyone_who_waits_and_ends_nothing(
    begun: bool,
) -> None:
    async def story() -> None:
        store, fatal = SharedStore(), list[str]()
        async with running(store, on_fatal=fatal.append) as engine:
            await engine.append((said("opens"),))
            if begun:
                store.faults.append(StoreFailed("gone"))
            else:
                store.refusals.append(StoreFailed("gone"))
            told = await together(engine, *[said(str(number)) for number in range(600)])
            assert set(codes(told)) <= {"ok", "log_unavailable"}
            lost = codes(told).count("log_unavailable")
            assert (1 <= lost <= BATCH_EVENTS_MAX) if begun else (lost == 600)
            assert codes(await together(engine, said("again"))) == ["ok"]
            assert fatal == []
            log_of(store)

    run(story())


def test_a_log_that_is_not_what_was_seen_ends_the_process() -> None:
    async def story() -> None:
        store, fatal = SharedStore(), list[str]()
        async with running(store, on_fatal=fatal.append) as engine:
            await engine.append((said("one"),))
            await engine.append((said("two"),))
            log = store._tenants["acme"]
            gone = log.events.pop()
            log.sessions[gone.session_id].remove(gone)
            log.places.remove((gone.session_id, gone.seq))
            assert codes(await together(engine, said("three"))) == ["log_unavailable"]
            assert len(fatal) == 1
            assert "rolled back or forked" in fatal[0]
            assert store.held == set()

    run(story())


def test_a_turn_that_was_lost_unnoticed_is_no_rollback() -> None:
    class Losing(SharedStore):
        """Once: others append when a turn is given, as if its connection had just been ended."""

        between: asyncio.Event | None = None

        def begin(self, tenant_id: str) -> Turn:
            turn = super().begin(tenant_id)
            if self.between is not None:
                step, self.between = self.between, None
                self.abandon(tenant_id)
                asyncio.run_coroutine_threadsafe(rivals(step), loop).result(20)
                self.faults.append(StoreFailed("the connection is lost"))
            return turn

    loop: asyncio.AbstractEventLoop
    other: Engine

    async def rivals(step: asyncio.Event) -> None:
        await other.append((said("rival"),))
        step.set()

    async def story() -> None:
        nonlocal loop, other
        loop, store, fatal = asyncio.get_running_loop(), Losing(), list[str]()
        async with running(store, on_fatal=fatal.append) as one, running(store) as other:
            await one.append((said("opens"),))
            await other.append((said("missed"),))
            store.between = asyncio.Event()
            assert codes(await together(one, said("lost"))) == ["log_unavailable"]
            assert codes(await together(one, said("again"))) == ["ok"]
            assert fatal == []
            log_of(store)

    run(story())


@pytest.mark.parametrize(("more", "turns"), [(0, 1), (1, 2)])
def test_what_others_wrote_is_folded_in_the_turn_up_to_a_bound_and_before_it_past_that(
    monkeypatch: pytest.MonkeyPatch, more: int, turns: int
) -> None:
    monkeypatch.setattr(writer, "CATCH_UP_EVENTS_MAX", 8)

    async def story() -> None:
        store = SharedStore()
        async with running(store) as one, running(store) as other:
            await one.append((said("opens"),))
            await other.append(tuple(said(str(number)) for number in range(8 + more)))
            store.turns = 0
            (answer,) = await one.append((said("last"),))
            assert (store.turns, answer.event.seq) == (turns, 9 + more)
            assert store.held == set()

    run(story())


def test_a_key_used_elsewhere_while_the_turn_was_waited_for_is_seen() -> None:
    class Rival(SharedStore):
        """Lets the other engine in between the look-up of a key and the turn."""

        between: asyncio.Event | None = None

        def begin(self, tenant_id: str) -> Turn:
            if self.between is not None:
                step, self.between = self.between, None
                asyncio.run_coroutine_threadsafe(rivals(step), loop).result(20)
            return super().begin(tenant_id)

    asked = said("once", idempotency_key="k1")
    engines: list[Engine] = []
    loop = asyncio.new_event_loop()

    async def rivals(step: asyncio.Event) -> None:
        await engines[1].append((asked,))
        step.set()

    async def story() -> None:
        store = Rival()
        async with running(store) as one, running(store) as other:
            engines.extend((one, other))
            await one.append((said("opens"),))
            step = store.between = asyncio.Event()
            (answer,) = await one.append((asked,))
            assert step.is_set()
            assert answer.replayed
            assert len(log_of(store)) == 4

    try:
        loop.run_until_complete(asyncio.wait_for(story(), PATIENCE_S))
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


# ── several processes, as several engines on one PostgreSQL ──────────────────────────────────────


def test_racing_engines_leave_one_log_without_gap_or_fork_and_exact_counters(
    dsn: str,
) -> None:
    calls, engines, clients = RACING_APPENDS // 15, 2, 20
    each = RACING_APPENDS // (engines * clients)
    held = manifest(budgets={"tool_calls": calls, "steps": None, "wall_time_ms": None})
    answers: list[Recorded] = []

    async def client(engine: Engine, number: int) -> None:
        for count in range(each):
            session_id = f"s{(number + count) % 3}"
            asked = tool("read_file", session_id) if count % 4 == 0 else said("x", session_id)
            answers.extend(await engine.append((asked,)))

    async def story() -> None:
        stores = [PostgresStore(dsn) for _ in range(engines)]
        async with AsyncExitStack() as stack:
            running_ = [
                await stack.enter_async_context(running(store, told=configured(held)))
                for store in stores
            ]
            works = [client(engine, number) for engine in running_ for number in range(clients)]
            await asyncio.gather(*works)
            await _check_race(stores[0], running_, answers, calls)
        for store in stores:
            store.close()

    asyncio.run(while_it_goes_on(story(), lambda: len(answers)))


async def _check_race(
    store: PostgresStore, engines: list[Engine], answers: list[Recorded], calls: int
) -> None:
    events = log_of(store)
    assert [event.position for event in events] == list(range(len(events)))
    stored = {event.position: event.hash for event in events}
    assert len(answers) == RACING_APPENDS
    told = [row for answer in answers for row in (answer.event, answer.decision) if row]
    assert len({row.position for row in told}) == len(told) == len(events) - 2
    assert all(stored[row.position] == row.hash for row in told)
    outcomes = [outcome(answer) for answer in answers]
    assert outcomes.count("allow") == 3 * calls
    judged = sum(answer.decision is not None for answer in answers)
    assert outcomes.count("BUDGET_EXCEEDED") == judged - 3 * calls > 0
    for engine in engines:
        await engine.check(tool("read_file", "s0"))
        tenant, sessions = live(engine)
        assert tenant == recovery.tenant_state(store, "acme", SNAPSHOTS)
        for name in ("s0", "s1", "s2"):
            assert sessions[name] == recovery.session_state(store, "acme", name, SNAPSHOTS)


def test_one_key_asked_of_two_engines_at_once_is_recorded_once(dsn: str) -> None:
    async def story() -> None:
        stores = [PostgresStore(dsn) for _ in range(2)]
        async with running(stores[0]) as one, running(stores[1]) as other:
            for number in range(30):
                asked = said("once", idempotency_key=f"k{number}")
                (first,), (second,) = await asyncio.gather(
                    one.append((asked,)), other.append((asked,))
                )
                assert first.event == second.event
                assert {first.replayed, second.replayed} == {True, False}
            assert len(log_of(stores[0])) == 2 + 30
        for store in stores:
            store.close()

    run(story())


def test_what_one_engine_puts_in_force_the_others_judge_by_at_once(dsn: str) -> None:
    async def story() -> list[str]:
        stores = [PostgresStore(dsn) for _ in range(2)]
        judge = ScriptedJudge()
        async with running(stores[0], judge=judge) as one, running(stores[1], judge=judge) as other:
            (before,) = await other.append((tool("read_file"),))
            await one.register_manifest(
                "acme", manifest(budgets={"tool_calls": 1}), author="ann", reason="tighter"
            )
            (after,) = await other.append((tool("read_file"),))
            told = [outcome(before), outcome(after)]
        for store in stores:
            store.close()
        return told

    assert run(story()) == ["allow", "BUDGET_EXCEEDED"]


def test_an_engine_that_was_quiet_catches_up_before_it_decides(dsn: str) -> None:
    async def story() -> None:
        stores = [PostgresStore(dsn) for _ in range(2)]
        async with running(stores[0]) as one, running(stores[1]) as other:
            await other.append((said("early"),))
            for _ in range(6):
                await one.append(tuple(said("x", f"s{n % 5}") for n in range(400)))
            (answer,) = await other.append((said("late"),))
            assert answer.event.position == 2 + 1 + 2400
            log_of(stores[0])
        for store in stores:
            store.close()

    run(story())


def test_memory_takes_no_turns() -> None:
    with pytest.raises(StoreFailed):
        MemoryStore().begin("acme")


# ── signing what others appended ─────────────────────────────────────────────────────────────────


async def _signed(engine: Engine, size: int) -> int:
    """How far the newest checkpoint goes, once it goes so far."""
    while True:
        try:
            newest = await engine.signing().latest("acme")
        except CheckpointUnknown:
            newest = None
        if newest is not None and newest.size >= size:
            return newest.size
        await asyncio.sleep(0.002)


class HeardStore(SharedStore):
    """Tells whoever listens of every commit."""

    def __init__(self) -> None:
        super().__init__()
        self.listening: list[Callable[[str, int], None]] = []

    def listen(self, callback: Callable[[str, int], None]) -> Callable[[], None]:
        self.listening.append(callback)
        return lambda: self.listening.remove(callback)

    def append(self, batch: Batch) -> None:
        super().append(batch)
        for callback in list(self.listening):
            callback(batch.tenant_id, self.next_position(batch.tenant_id))


def test_a_process_signs_what_another_appended_and_did_not_sign() -> None:
    async def story() -> None:
        store = HeardStore()
        async with running(store) as dumb, running(store, evidence=evidence()) as engine:
            await dumb.append((said("hello"),))
            assert await _signed(engine, store.next_position("acme"))
        assert store.listening == []

    run(story())


def test_a_process_takes_the_checkpoint_that_another_made() -> None:
    async def story() -> None:
        store, first, second = HeardStore(), MemoryGuard(), MemoryGuard()
        patient = evidence(second, interval_ms=100)
        async with (
            running(store, evidence=evidence(first)) as one,
            running(store, evidence=patient) as other,
        ):
            await one.append((said("hello"),))
            size = store.next_position("acme")
            assert await _signed(one, size) == await _signed(other, size) == size
            assert other.newest_checkpoint("acme") == one.newest_checkpoint("acme")
        assert list(first.notes) == ["acme"]

    run(story())


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_daemon_with_other_keys_than_one_that_runs_is_refused_and_both_are_named(
    dsn: str,
) -> None:
    @asynccontextmanager
    async def daemon(signs: Signing) -> AsyncIterator[Engine]:
        with closing(PostgresStore(dsn)) as store:
            async with running(store, evidence=signs) as engine:
                yield engine

    async def story() -> None:
        async with daemon(evidence(seed=1)) as engine:
            await engine.append((said("hello"),))
            with pytest.raises(ConfigInvalid) as refused:
                async with daemon(evidence(seed=2)):
                    pass
            for seed in (1, 2):
                assert signer(seed).keys(0)[0].id.hex() in refused.value.message
            # The same keys, and a rotated file that still has the old one, are welcome.
            held = [SigningKey(seed=bytes([2]) * 32), SigningKey(seed=bytes([1]) * 32, until_ms=1)]
            rotated = replace(evidence(), signer=Keyring(LOG_NAME, held))
            for signs in (evidence(seed=1), rotated):
                async with daemon(signs):
                    pass

    run(story())

"""One seed, one history: engines that live and die on one log, under clients and weather."""

import asyncio
import hashlib
import logging
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from msgspec import Struct

from aegisd import compose
from aegisd.core.capabilities import Capabilities
from aegisd.core.errors import AegisError
from aegisd.core.log.canonical import encode
from aegisd.core.policy.input import PolicyInput
from aegisd.core.policy.verdict import Verdict
from aegisd.core.replay.session import derive_session
from aegisd.core.replay.tenant import derive_tenant
from aegisd.core.state.fold import fact
from aegisd.engine import batch as batch_module
from aegisd.engine import checkpoints as checkpoints_module
from aegisd.engine import engine as engine_module
from aegisd.engine import reads as reads_module
from aegisd.engine import reckoning as reckoning_module
from aegisd.engine import recovery
from aegisd.engine import resident as resident_module
from aegisd.engine import rollout as rollout_module
from aegisd.engine import signed_log as signed_log_module
from aegisd.engine import snapshots as snapshots_module
from aegisd.engine import waiting as waiting_module
from aegisd.engine import writers as writers_module
from aegisd.engine.configured import Configured
from aegisd.engine.engine import Engine
from aegisd.ports import EventReader
from tests.core.builders import START_MS
from tests.core.gate import BUNDLE, ScriptedJudge, base, digest
from tests.engine.world import SNAPSHOT_KEY, evidence
from tests.sim.client import Client
from tests.sim.disk import FaultyGuard, FaultyMemory, FaultySqlite, PowerOff, Weather
from tests.sim.ledger import Ledger, Violated, require
from tests.sim.loop import (
    SimulatedClock,
    SimulatedExecutor,
    SimulatedLoop,
    SimulatedTime,
    Simulation,
)

logging.getLogger("aegis.silent").disabled = True

CLIENTS = 5
# Processes one after another, and how much each client asks of each.
LIVES = 4
TURNS = 16
CALM_TURNS = 3

# Simulated seconds that a process lives at most; it has done all it was asked in one or two.
LIFE_S_MAX = 20

# What a start may name; the operators of `Client` know nothing of these.
BUNDLES = (BUNDLE, encode({"files": {"rules/base.py": "other"}}))

# Simulated seconds between two looks at the whole log.
WATCH_S = 0.01


class History(Struct, frozen=True, kw_only=True):
    """What happened under one seed. `digest` is over every byte of the log and every answer."""

    seed: int
    store: str
    events: int
    acknowledged: int
    lives: int
    met: dict[str, int]
    heard: dict[str, int]
    digest: str


class Judge(ScriptedJudge):
    """Rules in Python, found again by digest after a restart, as a real judge finds its own."""

    def __init__(self, store: EventReader, *, prompt: bool) -> None:
        super().__init__()
        self._store = store
        self.prompt = prompt

    def capabilities(self, manifest: str) -> Capabilities | None:
        self._fetch(manifest)
        return super().capabilities(manifest)

    def released(self, bundle: str) -> frozenset[str]:
        self._fetch(bundle)
        return super().released(bundle)

    def reads_time(self, bundle: str) -> bool:
        self._fetch(bundle)
        return super().reads_time(bundle)

    def judge(self, bundle: str, manifest: str, policy_input: PolicyInput) -> Verdict | None:
        self._fetch(bundle)
        self._fetch(manifest)
        return super().judge(bundle, manifest, policy_input)

    def _fetch(self, digest: str) -> None:
        if digest and digest not in self.documents:
            found = self._store.document(bytes.fromhex(digest))
            if found is not None:
                self.documents[digest] = found.body
        if digest in self.documents and self.documents[digest].startswith(b'{"files":'):
            self.rules.setdefault(digest, base)


class World:
    """Runs one seed. Everything random comes from it; no thread and no clock of the machine."""

    def __init__(self, seed: int, folder: Path | None) -> None:
        self.seed = seed
        chance = Random(seed)
        self.simulation = Simulation(Random(chance.random()))
        self._over = asyncio.Event()
        self._weather = Weather(Random(chance.random()), self._over.set)
        self._path = None if folder is None else folder / "0.db"
        self._store = self._open()
        self._guard = FaultyGuard(self._weather)
        self.ledger = Ledger(self._weather)
        self._heard: Counter[str] = Counter()
        self._clients = [
            Client(number, Random(chance.random()), self.ledger, self._heard)
            for number in range(CLIENTS)
        ]
        jumps = Simulation(Random(chance.random()))
        self._clock = SimulatedClock(jumps, START_MS, {"UTC": 0})
        self._prompt = chance.random() < 1 / 2
        self._configs = Random(chance.random())
        self._lives = 0

    async def run(self) -> History:
        """Live several lives, then one in calm weather, and hold everything to everything."""
        for _ in range(LIVES):
            await self._live(TURNS)
            self.ledger.check(self._store, anew=True)
        self._weather.calm()
        await self._live(CALM_TURNS)
        self.ledger.check(self._store, anew=True)
        self._check_replay()
        self._check_checkpoints()
        return self._history()

    async def _live(self, turns: int) -> None:
        """One process: started, used, and ended in order, by a fault, or by the power."""
        self._lives += 1
        self._over.clear()
        self._weather.begin()
        bundle, began = self._configs.choice(BUNDLES), None
        engine = compose.engine(
            self._store,
            Judge(self._store, prompt=self._prompt),
            Configured(bundle=bundle, policy_named=False, capabilities=None),
            clock=self._clock,
            on_fatal=lambda _reason: self._over.set(),
            signing=evidence(self._guard, interval_ms=20, events=40),
            snapshot_key=SNAPSHOT_KEY,
        )
        self._guard.store = self._store
        tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._over.wait())]
        try:
            await engine.start()
            with self._weather.held():
                began = {name: self._store.next_position(name) for name in self._store.tenants()}
        except (AegisError, PowerOff):
            # The log could not be read or written for now; the next start tries again.
            turns = 0
        clients = [asyncio.create_task(each.work(engine, turns)) for each in self._clients]
        done = asyncio.create_task(asyncio.wait(clients))
        await asyncio.wait({done, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        if not self._weather.off and not tasks[0].done():
            stopping = asyncio.create_task(self._stop(engine, done))
            await asyncio.wait({stopping, tasks[0]}, return_when=asyncio.FIRST_COMPLETED)
            tasks.append(stopping)
        if not self._weather.off and not tasks[0].done():
            with self._weather.held():
                self._check_state(engine)
        await self._end([*tasks, *clients])
        if began is not None:
            with self._weather.held():
                self._check_rules(began, bundle)

    async def _stop(self, engine: Engine, done: asyncio.Future[Any]) -> None:
        """An orderly end: everybody who waits is answered."""
        await engine.stop()
        if not self._weather.off:
            await done

    async def _watch(self) -> None:
        """Hold the log to every promise, again and again."""
        for _ in range(round(LIFE_S_MAX / WATCH_S)):
            await asyncio.sleep(WATCH_S)
            self.ledger.check(self._store)
        waiting = sorted(str(task.get_coro()) for task in asyncio.all_tasks())
        raise Violated(f"nobody gets on: {'; '.join(waiting)}")

    async def _end(self, told: list[asyncio.Task[Any]]) -> None:
        """The process is gone: nothing of it runs on. Raise what its tasks found broken."""
        self.simulation.end()
        mine = asyncio.current_task()
        for task in (others := [task for task in asyncio.all_tasks() if task is not mine]):
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for each in told:
            error = None if each.cancelled() else each.exception()
            if error is not None and not isinstance(error, AegisError | PowerOff):
                raise error
        if self._weather.off:
            self._find_again()

    # ── the disk ─────────────────────────────────────────────────────────────────────────────────

    def _open(self) -> FaultyMemory | FaultySqlite:
        if self._path is None:
            return FaultyMemory(self._weather)
        return FaultySqlite(str(self._path), self._weather)

    def _find_again(self) -> None:
        """A file is found as it was when the process died, not as closing it would leave it."""
        if self._path is None:
            return
        before, self._path = self._path, self._path.with_name(f"{self._lives}.db")
        for suffix in ("", "-wal"):
            shutil.copy(f"{before}{suffix}", f"{self._path}{suffix}")
        self._store.close()
        self._store = self._open()

    # ── what must hold ───────────────────────────────────────────────────────────────────────────

    def _check_state(self, engine: Engine) -> None:
        """What writers hold in memory, and what a start would read, is the fold of the log."""
        self.ledger.check(self._store)
        for tenant_id, followed in self.ledger.followed.items():
            state = recovery.tenant_state(self._store, tenant_id, engine._snapshots)
            require(holds=state == followed.tenant, law=f"{tenant_id}: the cache is not the fold")
            for session_id, folded in followed.sessions.items():
                cached = recovery.session_state(
                    self._store, tenant_id, session_id, engine._snapshots
                )
                where = f"{tenant_id}/{session_id}"
                require(holds=cached == folded, law=f"{where}: the cache is not the fold")
            writer = engine._writers.resident.get(tenant_id)
            if writer is None or writer._resident.tenant is None:
                continue
            held = writer._resident.tenant == followed.tenant
            require(holds=held, law=f"{tenant_id}: the state in memory is not the fold")
            for session_id, session in writer._resident.sessions.items():
                expected = followed.sessions.get(session_id, session)
                where = f"{tenant_id}/{session_id}"
                require(holds=session == expected, law=f"{where}: memory is not the fold")

    def _check_rules(self, began: dict[str, int], bundle: bytes) -> None:
        """Nothing was decided under what an earlier start named."""
        older = {digest(each) for each in BUNDLES} - {digest(bundle)}
        for tenant_id in self._store.tenants():
            for event in self._store.events(tenant_id, from_position=began.get(tenant_id, 0)):
                if event.event_type == "POLICY_DECISION":
                    law = f"{tenant_id}: decided at {event.position} under an earlier start's rules"
                    require(holds=fact(event).fields["bundle"] not in older, law=law)

    def _check_replay(self) -> None:
        """Every decision is derived again, byte for byte."""
        judge = Judge(self._store, prompt=True)
        for tenant_id, followed in self.ledger.followed.items():
            found = derive_tenant(self._store.events(tenant_id), judge).differences
            for session_id in followed.sessions:
                events = self._store.session_events(tenant_id, session_id)
                found += derive_session(events, judge).differences
            require(holds=not found, law=f"{tenant_id}: a replay differs: {found[:1]}")

    def _check_checkpoints(self) -> None:
        """Whatever was signed is a beginning of the log that there is now."""
        early = self._guard.early
        require(holds=not early, law=f"signed before it was stored: {early[:1]}")
        for tenant_id, followed in self.ledger.followed.items():
            rows = self._store.checkpoints(tenant_id)
            sizes = [row.size for row in rows]
            require(holds=sizes == sorted(set(sizes)), law=f"{tenant_id}: checkpoints {sizes}")
            said = [(row.size, row.root) for row in rows]
            said += [(h.size, h.root) for name, h in self._guard.published if name == tenant_id]
            for size, root in sorted(set(said)):
                told = f"{tenant_id}: a checkpoint of {size} of {len(followed.hashes)} events"
                require(holds=size <= len(followed.hashes), law=told)
                require(holds=root == tree_root(followed.hashes[:size]), law=f"{told}, other root")

    def _history(self) -> History:
        digest = hashlib.sha256(encode(dict(sorted(self._heard.items()))))
        for followed in self.ledger.followed.values():
            for each in followed.hashes:
                digest.update(each)
        fates = Counter(promise.fate for promise in self.ledger.promises.values())
        return History(
            seed=self.seed,
            store="memory" if self._path is None else "sqlite",
            events=sum(len(each.hashes) for each in self.ledger.followed.values()),
            acknowledged=fates["acknowledged"],
            lives=self._lives,
            met=dict(sorted(self._weather.met.items())),
            heard=dict(sorted(self._heard.items())),
            digest=digest.hexdigest(),
        )


def tree_root(hashes: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashlib.sha256(b"\0" + hashes[0]).digest()
    split = 1 << (len(hashes) - 1).bit_length() - 1
    left, right = tree_root(hashes[:split]), tree_root(hashes[split:])
    return hashlib.sha256(b"\1" + left + right).digest()


def simulate(seed: int, store: str = "memory") -> History:
    """One seed's history. Raises `Violated` where an invariant does not hold; same seed, same."""
    with TemporaryDirectory(prefix="aegis-sim-") as folder, _simulated_loop() as loop:
        where = Path(folder) if store == "sqlite" else None
        return loop.run_until_complete(_run(seed, where))


async def _run(seed: int, folder: Path | None) -> History:
    world = World(seed, folder)
    with _without_threads(world.simulation, Random(seed)):
        return await world.run()


@contextmanager
def _simulated_loop() -> Iterator[SimulatedLoop]:
    loop = SimulatedLoop()
    try:
        yield loop
    finally:
        loop.close()


@contextmanager
def _without_threads(simulation: Simulation, chance: Random) -> Iterator[None]:
    """Put stand-ins where the engine makes threads or reads a clock, and small bounds by chance."""

    def executor(*_: object) -> SimulatedExecutor:
        return SimulatedExecutor(simulation)

    bounds = (
        (waiting_module, "BATCH_EVENTS_MAX", chance.choice((1, 3, 256))),
        (snapshots_module, "SESSION_SNAPSHOT_EVENTS", chance.choice((2, 7, 128))),
        (snapshots_module, "TENANT_SNAPSHOT_EVENTS", chance.choice((4, 50))),
        (resident_module, "TAIL_EVENTS_MAX", chance.choice((1, 8))),
        (writers_module, "WRITERS_RESIDENT_MAX", chance.choice((1, 2, 64))),
        (rollout_module, "AT_START_MAX", chance.choice((0, 64))),
        (checkpoints_module, "AT_ONCE_MAX", chance.choice((1, 64))),
    )
    with ExitStack() as stack:
        put = stack.enter_context
        put(mock.patch.object(engine_module, "ThreadPoolExecutor", executor))
        put(mock.patch.object(reads_module, "ThreadPoolExecutor", executor))
        put(mock.patch.object(checkpoints_module, "ThreadPoolExecutor", executor))
        for module in (checkpoints_module, batch_module, reckoning_module):
            put(mock.patch.object(module, "_logger", logging.getLogger("aegis.silent")))
        put(mock.patch.object(checkpoints_module, "time", SimulatedTime(simulation)))
        put(mock.patch.object(signed_log_module, "time", SimulatedTime(simulation)))
        put(mock.patch.object(writers_module, "time", SimulatedTime(simulation)))
        put(mock.patch.object(rollout_module, "_logger", logging.getLogger("aegis.silent")))
        put(mock.patch.object(batch_module, "time", SimulatedTime(simulation)))
        for module, name, value in bounds:
            put(mock.patch.object(module, name, value))
        yield

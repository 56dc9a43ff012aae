"""The world around an engine under test: a clock set by hand, a store that fails when told to."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from aegisd import compose
from aegisd.core.capabilities import Capabilities
from aegisd.core.errors import ManifestInvalid, StoreFailed
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.merkle import Tree
from aegisd.core.proposal import Proposal
from aegisd.core.state.model import SessionState, TenantState
from aegisd.engine.checkpoints import Signing
from aegisd.engine.configured import Configured
from aegisd.engine.engine import Engine
from aegisd.engine.recorded import Recorded
from aegisd.engine.snapshots import Snapshots
from aegisd.ports import EventReader, EventStore
from aegisd.rows import Batch, SnapshotRow
from aegisd.signing.keyring import Keyring, SigningKey
from aegisd.store.memory import MemoryStore
from aegisd.store.sqlite.store import SqliteStore
from tests.core.builders import START_MS, verify
from tests.core.gate import BUNDLE, Json, ScriptedJudge, base, claim, manifest, proposal
from tests.patience import PATIENCE_S

OPEN = manifest()
STRICT = manifest(name="strict", tools={})
ANNS = {"rules/ann.py": "ann"}
OTHER = b'{"files":{"rules/other.py":"other"}}'

T = TypeVar("T")


class ManualClock:
    """A `ports.Clock` that stands where it is put. The zone Nowhere is not on this machine.

    What `jump` moves it by did not elapse.
    """

    def __init__(self, now_ms: int = START_MS) -> None:
        self.now, self.jumped = now_ms, 0

    def now_ms(self) -> int:
        return self.now

    def elapsed_ms(self) -> int:
        return self.now + self.jumped

    def jump(self, by_ms: int) -> None:
        self.now, self.jumped = self.now + by_ms, self.jumped - by_ms

    def utc_offset_s(self, zone: str, now_ms: int) -> int:
        if zone == "Nowhere":
            raise ManifestInvalid("zone: not on this machine")
        return 3600 if zone == "East" else 0


class StubbornStore(MemoryStore):
    """A store whose appends wait for `door` and then meet the next of `faults`."""

    waits = True

    def __init__(self) -> None:
        super().__init__()
        self.door = threading.Event()
        self.door.set()
        self.faults: deque[Exception | None] = deque()
        self.entered = threading.Semaphore(0)
        self.attempts = 0
        self.batches: list[Batch] = []

    def append(self, batch: Batch) -> None:
        self._meet()
        super().append(batch)
        self.batches.append(batch)

    def keep(self, rows: Sequence[SnapshotRow]) -> None:
        self._meet()
        super().keep(rows)

    def _meet(self) -> None:
        self.attempts += 1
        self.entered.release()
        if not self.door.wait(PATIENCE_S):
            raise TimeoutError("the test never opened the door")
        fault = self.faults.popleft() if self.faults else None
        if fault is not None:
            raise fault

    async def reached(self) -> None:
        """Wait until an append has begun."""
        await asyncio.to_thread(self.entered.acquire, timeout=PATIENCE_S)


class MemoryGuard:
    """A `ports.Guard` that is a dict; `full` makes it fail as a full disk does."""

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}
        self.aside: list[str] = []
        self.full = False

    def tenants(self) -> list[str]:
        return sorted(self.notes)

    def newest(self, tenant_id: str) -> str | None:
        return self.notes.get(tenant_id)

    def keep(self, tenant_id: str, note: str) -> None:
        if self.full:
            raise StoreFailed("the guard's disk is full")
        self.notes[tenant_id] = note

    def set_aside(self, tenant_id: str) -> str:
        self.aside.append(self.notes.pop(tenant_id))
        return "aside"


LOG_NAME = "aegis.example.com/test"


def signer(seed: int = 1) -> Keyring:
    """Keys that are the same in every run."""
    return Keyring(LOG_NAME, [SigningKey(seed=bytes([seed]) * 32)])


def evidence(
    guard: MemoryGuard | None = None, *, interval_ms: int = 5, events: int = 256, seed: int = 1
) -> Signing:
    """Checkpoints that come soon."""
    return Signing(
        signer=signer(seed), guard=guard or MemoryGuard(), interval_ms=interval_ms, events=events
    )


async def settled() -> None:
    """Let the loop come to everything that waits for nothing but the loop.

    By rounds and not by time: a busy machine may take all of that for one round.
    """
    for _ in range(50):
        await asyncio.sleep(0.001)


async def while_it_goes_on(story: Coroutine[object, object, T], done: Callable[[], int]) -> T:
    """Run a long story as long as `done` changes: what it has come to, and not how fast."""
    task, before = asyncio.create_task(story), -1
    while not (await asyncio.wait({task}, timeout=PATIENCE_S))[0]:
        assert done() != before, f"nothing came of it for {PATIENCE_S} s"
        before = done()
    return await task


def run(story: Coroutine[object, object, T]) -> T:
    """Run one test's story on a fresh loop, and not for ever."""
    return asyncio.run(asyncio.wait_for(story, PATIENCE_S))


def configured(
    capabilities: Capabilities | None = OPEN, *, bundle: bytes = BUNDLE, policy_named: bool = False
) -> Configured:
    """What a start names."""
    return Configured(bundle=bundle, policy_named=policy_named, capabilities=capabilities)


def ignore(_reason: str) -> None:
    """What happens in the process when it must end is another test's matter."""


# What the cached folds of these logs are believed under, from one engine to the next.
SNAPSHOT_KEY = bytes(range(32))
SNAPSHOTS = Snapshots(ScriptedJudge.rules_version, SNAPSHOT_KEY, signed=False)


@asynccontextmanager
async def running(
    store: EventStore,
    *,
    judge: ScriptedJudge | None = None,
    clock: ManualClock | None = None,
    told: Configured | None = None,
    on_fatal: Callable[[str], None] = ignore,
    evidence: Signing | None = None,
    accept_rollback: bool = False,
    keep_registered: bool = False,
) -> AsyncIterator[Engine]:
    """Start an engine on a store; stop it in an orderly way. A judge keeps its documents."""
    engine = compose.engine(
        store,
        judge or ScriptedJudge(),
        told or configured(),
        clock=clock or ManualClock(),
        on_fatal=on_fatal,
        signing=evidence,
        snapshot_key=SNAPSHOT_KEY,
    )
    try:
        await engine.start(accept_rollback=accept_rollback, keep_registered=keep_registered)
        yield engine
    finally:
        await engine.stop()


def open_sqlite(folder: Path) -> SqliteStore:
    """A file's store, made or opened again."""
    return SqliteStore(str(folder / "aegis.db"))


def close(store: EventStore) -> None:
    """Close a file; a log in memory stays what the next start finds."""
    if not isinstance(store, MemoryStore):
        store.close()


def outcome(answer: Recorded) -> str:
    """`allow`, or the reason why not, as the stored decision says it."""
    if answer.decision is None:
        return "recorded"
    body = answer.decision.body.decode()
    reason = body.partition('"reason":"')[2].partition('"')[0]
    return "allow" if '"outcome":"allow"' in body else reason


def log_of(reader: EventReader, tenant_id: str = "acme") -> list[StoredEvent]:
    """The tenant's whole log, which holds."""
    events = list(reader.events(tenant_id))
    assert list(verify(events, whole=True)) == []
    return events


def live(engine: Engine) -> tuple[TenantState | None, dict[str, SessionState]]:
    """What the writer holds in memory."""
    resident = engine._writers.resident["acme"]._resident
    return resident.tenant, dict(resident.sessions)


def codes(results: Iterable[object]) -> list[str]:
    """The code of each error, and `ok` for each answer."""
    return [
        str(getattr(r, "code", type(r).__name__)) if isinstance(r, Exception) else "ok"
        for r in results
    ]


def said(text: str, session_id: str = "s1", **fields: str) -> Proposal:
    """The user's words: recorded, judged by nobody here."""
    return proposal("USER_MESSAGE", {"content": text}, session_id=session_id, **fields)


async def together(engine: Engine, *asked: Proposal) -> list[object]:
    """Submit in one go; give each answer or error."""
    works = (engine.append((each,)) for each in asked)
    return list(await asyncio.gather(*works, return_exceptions=True))


def root_of(reader: EventReader, size: int, tenant_id: str = "acme") -> bytes:
    """The root over a log's first events, from its stored hashes alone."""
    tree = Tree()
    tree.extend([event.hash for event in reader.events(tenant_id, limit=size)])
    return tree.root()


def denying(given: Json, held: Json) -> Json:
    """The base rules, and one that denies."""
    said = base(given, held)
    said["deny"].append(claim("POLICY_DENY"))
    return said


def judge_of_both() -> ScriptedJudge:
    """A judge that knows `OTHER` too, which denies."""
    return ScriptedJudge({BUNDLE: base, OTHER: denying})

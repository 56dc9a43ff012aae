"""The one writer of a tenant: takes what waits, decides it in order, commits it in one go.

While one batch is being committed, the next is decided on the state the first will leave (depth
one). Nobody is answered before the commit that holds the answer has returned. When a commit fails,
everything staged is dropped, everyone waiting is told 503, and the state is read again.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from typing import NamedTuple

from aegisd.core.errors import (
    AegisError,
    EvaluatorStuck,
    LogUnavailable,
    PositionConflict,
    QueueFull,
    Stopping,
    StoreBroken,
    StoreFailed,
)
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.proposal import Proposal
from aegisd.core.state.model import SessionState, TenantState
from aegisd.core.state.snapshot import freeze
from aegisd.engine import recovery
from aegisd.engine.draft import Draft
from aegisd.engine.evaluation import Evaluation
from aegisd.engine.idempotency import key_of, recorded, replayed
from aegisd.engine.work import Answer, Append, Check, Control, Judged, OpenSession, Reply, Work
from aegisd.ports import Batch, Clock, Document, EventStore, LiveJudge, SnapshotRow

# Events per commit. At about 0.3 ms to judge one, a full batch holds others up for 80 ms.
BATCH_EVENTS_MAX = 256

# Milliseconds after which a batch takes nothing more and is committed. With a slow evaluator this
# lets the commit, the answers and the next requests happen while the next batch is decided.
BATCH_MS_MAX = 12

# Events waiting to be decided. Several seconds of work; beyond it, waiting longer helps nobody.
QUEUE_EVENTS_MAX = 8192

# Sessions whose state stays in memory per tenant, about 1.5 KB each.
SESSIONS_RESIDENT_MAX = 100_000

# Events of a session between its cached folds: the tail that a first touch has to read. Of a long
# session an eighth of its length or less, since its fold grows with it and is written each time.
SESSION_SNAPSHOT_EVENTS = 128

# Events of a tenant between its cached folds: the tail that a start has to read.
TENANT_SNAPSHOT_EVENTS = 4096

# A session of a batch in flight must never be the least recently used one.
if 4 * BATCH_EVENTS_MAX > SESSIONS_RESIDENT_MAX:
    raise ValueError("SESSIONS_RESIDENT_MAX is too small for two batches in flight")


class Waiting(NamedTuple):
    """Work in the queue, with whoever waits for it and how many events it may write."""

    work: Work
    reply: asyncio.Future[Reply]
    size: int


class Decided(NamedTuple):
    """A decided batch: what to commit, and what to tell once it is durable.

    Refusals wait for the commit too: they may rest on events of the same batch. `cache` holds
    snapshots of the state behind the batch, written once everybody is answered. `left` is what
    the batch had no time for.
    """

    batch: Batch
    cache: Batch
    left: Sequence[Waiting]
    replies: Sequence[tuple[asyncio.Future[Reply], Reply | Exception]]


class Writer:
    """Owns a tenant's state. All methods but `recover` are called on the event loop."""

    def __init__(
        self,
        tenant_id: str,
        *,
        store: EventStore,
        judge: LiveJudge,
        clock: Clock,
        evaluation: Evaluation,
        commits: Executor,
        opening: Callable[[], Sequence[Control]],
        on_fatal: Callable[[str], None],
    ) -> None:
        self.tenant_id = tenant_id
        self._store, self._judge, self._clock = store, judge, clock
        self._evaluation, self._commits = evaluation, commits
        self._opening, self._on_fatal = opening, on_fatal
        self._queue: deque[Waiting] = deque()
        self._queued_events = 0
        self._wake = asyncio.Event()
        self._stopping: AegisError | None = None
        self._broken: AegisError | None = None
        self._task: asyncio.Task[None] | None = None
        self._tenant: TenantState | None = None
        self._sessions: OrderedDict[str, SessionState] = OrderedDict()
        # Events with an idempotency key that are decided and not yet known to be durable.
        self._keyed: dict[str, list[Answer]] = {}

    async def submit(self, work: Work) -> Reply:
        """Queue work; return once it is durable. Raises `Unavailable` or what the work raises."""
        if self._stopping is not None:
            raise self._stopping
        size = len(work.proposals) if isinstance(work, Append) else 1
        if self._queued_events + size > QUEUE_EVENTS_MAX:
            raise QueueFull(
                f"{self._queued_events} events wait already, QUEUE_EVENTS_MAX is "
                f"{QUEUE_EVENTS_MAX}; try again shortly"
            )
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"writer {self.tenant_id}")
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._queue.append(Waiting(work, reply, size))
        self._queued_events += size
        self._wake.set()
        return await reply

    async def stop(self) -> None:
        """Answer what is queued, cache the tenant's fold, and end."""
        self._stopping = self._stopping or Stopping("the daemon is shutting down")
        self._wake.set()
        if self._task is not None:
            await self._task

    def recover(self) -> TenantState:
        """The tenant's state, read from the log where it is not in memory. Blocks on the store."""
        if self._tenant is None:
            state = recovery.tenant_state(self._store, self.tenant_id, self._judge.rules_version)
            recovery.check_head(self._store, state)
            self._tenant = state
        return self._tenant

    async def _run(self) -> None:
        commit: asyncio.Task[bool] | None = None
        while self._broken is None:
            while not self._queue and self._stopping is None:
                self._wake.clear()
                await self._wake.wait()
            if not self._queue:
                break
            taken = self._take()
            if commit is not None and commit.done():
                self._settle(held=commit.result())
                commit = None
            decided = await self._decide(taken)
            if decided is not None and decided.left:
                taken = self._put_back(taken, decided.left)
            if commit is not None and not self._settle(held=await commit):
                _fail_all(taken, _unavailable())
            elif decided is not None:
                commit = asyncio.create_task(self._commit(decided))
                continue
            commit = None
        if commit is not None:
            self._settle(held=await commit)
        if self._broken is not None:
            _fail_all(self._queue, self._broken)
        else:
            await self._cache_tenant()

    def _take(self) -> list[Waiting]:
        taken: list[Waiting] = []
        size = 0
        while self._queue and (not taken or size + self._queue[0].size <= BATCH_EVENTS_MAX):
            waiting = self._queue.popleft()
            size += waiting.size
            taken.append(waiting)
        self._queued_events -= size
        return taken

    def _put_back(self, taken: list[Waiting], left: Sequence[Waiting]) -> list[Waiting]:
        """Queue again, in order and in front, what was not decided; give what was."""
        self._queue.extendleft(reversed(left))
        self._queued_events += sum(waiting.size for waiting in left)
        return taken[: len(taken) - len(left)]

    async def _decide(self, taken: list[Waiting]) -> Decided | None:
        """Decide a batch; None when that failed as a whole.

        On the event loop where that is short, since each hop to a thread costs more than a decision
        does; else on the evaluator's thread, which is watched.
        """
        try:
            if self._is_short(taken):
                return self._decide_batch(taken)
            return await self._evaluation.run(lambda: self._decide_batch(taken))
        except EvaluatorStuck as stuck:
            self._break(stuck, stuck.message)
            _fail_all(taken, stuck)
        except Exception as error:  # noqa: BLE001 - supervisor: deny everyone and go on
            # The tenant's state cannot be read or staged: deny everyone, and read it anew.
            self._drop()
            _fail_all(taken, error)
        return None

    def _is_short(self, taken: Iterable[Waiting]) -> bool:
        """Whether a batch needs no log read from its start, no compiler, and only rules of ours."""
        tenant = self._tenant
        if tenant is None or tenant.bundle is None:
            return False
        if any(isinstance(waiting.work, Control) for waiting in taken):
            return False
        manifest = tenant.manifest.digest if tenant.manifest else ""
        return self._judge.is_prompt(tenant.bundle.digest, manifest)

    def _settle(self, *, held: bool) -> bool:
        """After a commit: keep going, or drop what was staged on it."""
        if not held:
            self._drop()
        return held

    def _drop(self) -> None:
        self._tenant = None
        self._sessions.clear()
        self._keyed.clear()

    def _break(self, error: AegisError, reason: str) -> None:
        """Nothing can be decided any more: refuse everything and end the process.

        `reason` is for the operator; callers hear nothing of files and disks.
        """
        self._broken = self._stopping = error
        self._wake.set()
        self._on_fatal(reason)

    async def _commit(self, decided: Decided) -> bool:
        """Make a batch durable and answer; False when it did not become so."""
        try:
            if decided.batch.events:
                await self._append(decided.batch)
        except (StoreFailed, PositionConflict):
            _refuse(decided)
            return False
        except Exception as error:  # noqa: BLE001 - supervisor: deny everyone and stop
            # Whatever else a store raises, nothing is known about the disk: deny and stop.
            _refuse(decided)
            reason = error.message if isinstance(error, StoreBroken) else repr(error)
            self._break(_unavailable(), f"the log cannot be written: {reason}")
            return False
        for event in decided.batch.events:
            if event.idempotency_key is not None:
                self._keyed.pop(event.idempotency_key, None)
        for reply, told in decided.replies:
            if isinstance(told, Exception):
                _fail(reply, told)
            elif not reply.done():
                reply.set_result(told)
        await self._keep(decided.cache)
        return True

    async def _append(self, batch: Batch) -> None:
        """One hop to one thread for a whole batch, and none where there is no disk to wait for."""
        if self._store.waits:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._commits, self._store.append, batch)
        else:
            self._store.append(batch)

    async def _keep(self, cache: Batch) -> None:
        """Write snapshots. A store that cannot now loses only time at the next start."""
        if not cache.snapshots:
            return
        try:
            await self._append(cache)
        except (StoreFailed, PositionConflict):
            return
        except Exception as error:  # noqa: BLE001 - supervisor: the disk is not to be trusted
            self._break(_unavailable(), f"the log cannot be written: {error!r}")

    def _decide_batch(self, taken: list[Waiting]) -> Decided:
        """Runs on the loop or the evaluator's thread; nobody else touches state meanwhile."""
        events = list[StoredEvent]()
        documents: list[Document] = []
        replies: list[tuple[asyncio.Future[Reply], Reply | Exception]] = []
        before = self.recover()
        now_ms = max(self._clock.now_ms(), before.last_now_ms)
        lengths: dict[str, int] = {}
        enough = time.perf_counter() + BATCH_MS_MAX / 1000
        for waiting in taken:
            if replies and time.perf_counter() > enough:
                break
            draft = Draft(self._tenant or before, self._session, self._judge, self._clock, now_ms)
            try:
                told = self._perform(draft, waiting.work)
            except Exception as error:  # noqa: BLE001 - supervisor: deny this caller
                # A refusal, or a failure of ours: an answer to one caller, never a lost writer.
                replies.append((waiting.reply, error))
                continue
            self._tenant = draft.tenant
            for session_id, state in draft.sessions.items():
                lengths.setdefault(session_id, self._session(session_id).next_seq)
                self._sessions[session_id] = state
            events += draft.events
            documents += draft.documents
            replies.append((waiting.reply, told))
        batch = Batch(
            tenant_id=self.tenant_id,
            first_position=before.next_position,
            events=events,
            documents=documents,
        )
        cache = self._cache(before.next_position + len(events), self._snapshots(before, lengths))
        while len(self._sessions) > SESSIONS_RESIDENT_MAX:
            self._sessions.popitem(last=False)
        return Decided(batch, cache, taken[len(replies) :], replies)

    def _perform(self, draft: Draft, work: Work) -> Reply:
        if draft.tenant.next_position == 0:
            for control in self._opening():
                draft.control(control)
        if isinstance(work, Check):
            return Judged(verdict=draft.check(work.proposal))
        if isinstance(work, Control):
            return (draft.control(work),)
        key = key_of(work)
        if key is not None:
            before = self._recorded(key)
            if before:
                return replayed(work, before)
        if isinstance(work, OpenSession):
            answers: tuple[Answer, ...] = (draft.open(work),)
        else:
            answers = tuple(_propose(draft, work.proposals))
        if key is not None:
            self._keyed[key] = list(answers)
        return answers

    def _session(self, session_id: str) -> SessionState:
        state = self._sessions.get(session_id)
        if state is None:
            state = recovery.session_state(
                self._store, self.tenant_id, session_id, self._judge.rules_version
            )
            self._sessions[session_id] = state
        self._sessions.move_to_end(session_id)
        return state

    def _recorded(self, key: str) -> list[Answer]:
        """What was answered under a key before, from the log or from what is on its way there."""
        staged = self._keyed.get(key)
        if staged is not None:
            return staged
        return recorded(self._store, self.tenant_id, key)

    def _snapshots(self, before: TenantState, lengths: dict[str, int]) -> list[SnapshotRow]:
        """Folds worth caching behind this batch."""
        rows = []
        for session_id, length in lengths.items():
            state = self._sessions[session_id]
            every = _snapshot_spacing(state.next_seq)
            if state.next_seq // every != length // every:
                rows.append(self._row(session_id, state.next_seq - 1, state))
        after = self._tenant or before
        if (
            after.next_position // TENANT_SNAPSHOT_EVENTS
            != before.next_position // TENANT_SNAPSHOT_EVENTS
        ):
            rows.append(self._row("", after.next_position - 1, after))
        return rows

    def _row(self, session_id: str, head: int, state: SessionState | TenantState) -> SnapshotRow:
        return SnapshotRow(
            tenant_id=self.tenant_id,
            session_id=session_id,
            rules_version=self._judge.rules_version,
            head=head,
            head_hash=state.head_hash,
            body=freeze(state),
        )

    def _cache(self, position: int, snapshots: Sequence[SnapshotRow]) -> Batch:
        return Batch(
            tenant_id=self.tenant_id, first_position=position, events=(), snapshots=snapshots
        )

    async def _cache_tenant(self) -> None:
        """On an orderly end, leave the next start nothing to fold."""
        state = self._tenant
        if state is not None and state.next_position and isinstance(self._stopping, Stopping):
            row = self._row("", state.next_position - 1, state)
            await self._keep(self._cache(state.next_position, (row,)))


def _propose(draft: Draft, proposals: Sequence[Proposal]) -> Iterator[Answer]:
    """Stage proposals in order; a refusal tells which one it is about."""
    for index, proposal in enumerate(proposals):
        try:
            yield draft.propose(proposal)
        except AegisError as error:
            error.details["index"] = index
            raise


def _snapshot_spacing(length: int) -> int:
    """Events between the cached folds of a session of `length`: a power of two, so that they nest.

    With it all that is ever written of a session grows as its length does, not as the square.
    """
    return max(SESSION_SNAPSHOT_EVENTS, 1 << max(0, length.bit_length() - 4))


def _unavailable() -> LogUnavailable:
    return LogUnavailable("the events could not be made durable; nothing of them was decided")


def _refuse(decided: Decided) -> None:
    for reply, _told in decided.replies:
        _fail(reply, _unavailable())


def _fail_all(taken: Iterable[Waiting], error: Exception) -> None:
    for waiting in taken:
        _fail(waiting.reply, error)


def _fail(reply: asyncio.Future[Reply], error: Exception) -> None:
    if not reply.done():
        reply.set_exception(error)

"""A tenant's writer in this process: takes what waits, decides it in order, commits it in one go.

While one batch is being committed, the next is decided on the state the first will leave (depth
one). Nobody is answered before the commit that holds the answer has returned. When a commit fails,
everything staged is dropped, everyone waiting is told 503, and the state is read again.

Where other processes append to the same log, each batch has the tenant's turn from before it is
decided until it is committed: first what the others appended is folded, then the batch is decided
on that, at the database's time.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from typing import NamedTuple, TypeVar

from aegisd.core.activation import digest_of
from aegisd.core.errors import (
    AegisError,
    CommitUnknown,
    EvaluatorStuck,
    LogRolledBack,
    PositionConflict,
    QueueFull,
    Stopping,
    StoreBroken,
    StoreFailed,
)
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.proposal import Proposal
from aegisd.core.state.model import SessionState, TenantState
from aegisd.engine import folds, recovery
from aegisd.engine.draft import Draft
from aegisd.engine.evaluation import Evaluation
from aegisd.engine.idempotency import key_of, recorded, replayed
from aegisd.engine.waiting import Waiting, fail, fail_all, unavailable, unknown
from aegisd.engine.work import (
    Answer,
    Append,
    Check,
    Control,
    Erase,
    Judged,
    OpenSession,
    Reply,
    Work,
)
from aegisd.ports import Batch, Clock, Detached, Document, EventStore, LiveJudge, SnapshotRow, Turn

# Events per commit. At about 0.3 ms to judge one, a full batch holds others up for 80 ms.
BATCH_EVENTS_MAX = 256

# Milliseconds after which a batch takes nothing more and is committed. With a slow evaluator this
# lets the commit, the answers and the next requests happen while the next batch is decided.
BATCH_MS_MAX = 12

# Events waiting to be decided. Several seconds of work; beyond it, waiting longer helps nobody.
QUEUE_EVENTS_MAX = 8192

# Events that others appended and that are folded while the turn is held. More are folded before:
# a daemon that comes back after a while must not keep everybody else waiting for it.
CATCH_UP_EVENTS_MAX = 1024

# Sessions whose state stays in memory per tenant, about 1.5 KB each.
SESSIONS_RESIDENT_MAX = 100_000

# A session of a batch in flight must never be the least recently used one.
if 4 * BATCH_EVENTS_MAX > SESSIONS_RESIDENT_MAX:
    raise ValueError("SESSIONS_RESIDENT_MAX is too small for two batches in flight")


T = TypeVar("T")


class Threads(NamedTuple):
    """Where what blocks is done: judging, ending a turn or a batch, and waiting for a turn."""

    evaluation: Evaluation
    commits: Executor
    turns: Executor


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
        threads: Threads,
        opening: Callable[[], Sequence[Control]],
        on_commit: Callable[[Batch], None],
        on_fatal: Callable[[str], None],
    ) -> None:
        """`on_commit` is told of each batch, once it is durable."""
        self.tenant_id = tenant_id
        self._store, self._judge, self._clock = store, judge, clock
        self._evaluation, self._commits, self._turns = threads
        self._opening = opening
        self._on_commit, self._on_fatal = on_commit, on_fatal
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
            # Read first: what others append meanwhile makes the log longer, never shorter.
            recorded = self._store.recorded_head(self.tenant_id) if self._store.shared else None
            state = recovery.tenant_state(self._store, self.tenant_id, self._judge.rules_version)
            if self._store.shared:
                recovery.check_reached(self._store, state, recorded)
            else:
                recovery.check_head(self._store, state)
            self._tenant = state
        return self._tenant

    async def _run(self) -> None:
        await (self._run_in_turns() if self._store.shared else self._run_alone())
        if self._broken is not None:
            fail_all(self._queue, self._broken)
        else:
            await self._cache_tenant()

    async def _run_alone(self) -> None:
        """Decide a batch while the one before it is committed: nobody else appends."""
        commit: asyncio.Task[bool] | None = None
        while self._broken is None:
            while not self._queue and self._stopping is None:
                self._wake.clear()
                await self._wake.wait()
            if not self._queue:
                break
            taken = self._take()
            # What is erased is counted, so it must be there.
            if commit is not None and (commit.done() or isinstance(taken[0].work, Erase)):
                self._settle(held=await commit)
                commit = None
            decided = await self._decide(taken)
            if decided is not None and decided.left:
                taken = self._put_back(taken, decided.left)
            if commit is not None and not self._settle(held=await commit):
                fail_all(taken, unavailable())
            elif decided is not None:
                commit = asyncio.create_task(self._commit(decided))
                continue
            commit = None
        if commit is not None:
            self._settle(held=await commit)

    async def _run_in_turns(self) -> None:
        """Decide and commit each batch within a turn: others append between two of them."""
        while self._broken is None:
            while not self._queue and self._stopping is None:
                self._wake.clear()
                await self._wake.wait()
            if not self._queue:
                break
            taken = self._take()
            turn = await self._begin(taken)
            if turn is None:
                continue
            decided = await self._decide(taken, turn)
            if decided is not None and decided.left:
                self._put_back(taken, decided.left)
            if decided is None or not decided.batch.events:
                await self._off_loop(self._commits, lambda: self._store.abandon(self.tenant_id))
            if decided is not None:
                self._settle(held=await self._commit(decided))
            self._keyed.clear()

    async def _begin(self, taken: list[Waiting]) -> Turn | None:
        """Take the turn, with all that deciding this batch will read; None when nobody can."""
        try:
            return await self._off_loop(self._turns, lambda: self._prepare(taken))
        except LogRolledBack as error:
            self._drop()
            fail_all(taken, unavailable())
            self._break(unavailable(), error.message)
        except Exception as error:  # noqa: BLE001 - supervisor: deny everyone and go on
            self._drop()
            refused = unavailable() if isinstance(error, StoreFailed) else error
            fail_all(taken, refused)
            # Whoever waits behind them would only wait as long again for the same database.
            waiting, self._queued_events = list(self._queue), 0
            self._queue.clear()
            fail_all(waiting, refused)
        return None

    async def _off_loop(self, threads: Executor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    def _prepare(self, taken: Sequence[Waiting]) -> Turn:
        """Take the turn and bring the state up to it. Blocks; the loop touches nothing meanwhile.

        Keys are looked up before the turn, since that is most of the reading; those that others
        used in between are seen when their events are folded.
        """
        state = self.recover()
        keys = {waiting.key for waiting in taken if waiting.key is not None}
        for key in keys:
            self._keyed[key] = recorded(self._store, self.tenant_id, key)
        turn = self._store.begin(self.tenant_id)
        used = set[str]()
        if turn.next_position - state.next_position > CATCH_UP_EVENTS_MAX:
            self._store.abandon(self.tenant_id)
            used = self._catch_up(None)
            turn = self._store.begin(self.tenant_id)
        with ExitStack() as undo:
            undo.callback(self._store.abandon, self.tenant_id)
            for key in keys & (used | self._catch_up(turn)):
                self._keyed[key] = recorded(self._store, self.tenant_id, key)
            for session_id in {name for waiting in taken for name in waiting.session_ids()}:
                self._session(session_id)
            undo.pop_all()
        return turn

    def _catch_up(self, turn: Turn | None) -> set[str]:
        """Fold what others appended, up to the turn; give the idempotency keys they used."""
        behind = recovery.Follower(self.recover(), self._sessions)
        try:
            behind.follow(self._store, turn)
        finally:
            # What was folded so far holds, and the rest is folded from there.
            self._tenant = behind.tenant
            self._sessions.update(behind.sessions)
        return behind.keys

    def _take(self) -> list[Waiting]:
        taken: list[Waiting] = []
        size = 0
        while self._queue and (not taken or size + self._queue[0].size <= BATCH_EVENTS_MAX):
            # An erasure is a batch of its own: what is told after it is not erased.
            if taken and any(isinstance(each.work, Erase) for each in (taken[0], self._queue[0])):
                break
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

    async def _decide(self, taken: list[Waiting], turn: Turn | None = None) -> Decided | None:
        """Decide a batch; None when that failed as a whole.

        On the event loop where that is short, since each hop to a thread costs more than a decision
        does; else on the evaluator's thread, which is watched.
        """
        try:
            if self._is_short(taken):
                return self._decide_batch(taken, turn)
            return await self._evaluation.run(lambda: self._decide_batch(taken, turn))
        except EvaluatorStuck as stuck:
            self._break(stuck, stuck.message)
            fail_all(taken, stuck)
        except Exception as error:  # noqa: BLE001 - supervisor: deny everyone and go on
            # The tenant's state cannot be read or staged: deny everyone, and read it anew.
            self._drop()
            fail_all(taken, error)
        return None

    def _is_short(self, taken: Iterable[Waiting]) -> bool:
        """Whether a batch needs no log read from its start, no compiler, and only rules of ours."""
        tenant = self._tenant
        if tenant is None or tenant.activations.bundle is None:
            return False
        if any(isinstance(waiting.work, Control | Erase) for waiting in taken):
            return False
        active = tenant.activations
        return self._judge.is_prompt(digest_of(active.bundle), digest_of(active.manifest))

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
        except (StoreFailed, PositionConflict) as error:
            _refuse(decided, error)
            return False
        except Exception as error:  # noqa: BLE001 - supervisor: deny everyone and stop
            # Whatever else a store raises, nothing is known about the disk: deny and stop.
            _refuse(decided)
            reason = error.message if isinstance(error, StoreBroken) else repr(error)
            self._break(unavailable(), f"the log cannot be written: {reason}")
            return False
        for event in decided.batch.events:
            if event.idempotency_key is not None:
                self._keyed.pop(event.idempotency_key, None)
        for reply, told in decided.replies:
            if isinstance(told, Exception):
                fail(reply, told)
            elif not reply.done():
                reply.set_result(told)
        if decided.batch.events:
            self._on_commit(decided.batch)
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
            self._break(unavailable(), f"the log cannot be written: {error!r}")

    def _decide_batch(self, taken: list[Waiting], turn: Turn | None) -> Decided:
        """Runs on the loop or the evaluator's thread; nobody else touches state meanwhile."""
        events = list[StoredEvent]()
        documents: list[Document] = []
        detached: list[Detached] = []
        erased: list[str] = []
        replies: list[tuple[asyncio.Future[Reply], Reply | Exception]] = []
        before = self.recover()
        now_ms = max(self._clock.now_ms() if turn is None else turn.now_ms, before.last_now_ms)
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
            detached += draft.detached
            erased += draft.erased
            replies.append((waiting.reply, told))
        sessions = ((length, self._sessions[name]) for name, length in lengths.items())
        after = self._tenant or before
        snapshots = tuple(folds.due(before, after, sessions, self._judge.rules_version))
        # A cache is written behind the answers, but it is not worth another turn.
        at_once = self._store.shared
        batch = Batch(
            tenant_id=self.tenant_id,
            first_position=before.next_position,
            events=events,
            documents=documents,
            detached=detached,
            erased=erased,
            snapshots=snapshots if at_once else (),
        )
        end = before.next_position + len(events)
        cache = self._cache(end, () if at_once else snapshots)
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
        if isinstance(work, Erase):
            return (draft.erase(work, self._store.detached_of(self.tenant_id, work.subject)),)
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

    def _cache(self, position: int, snapshots: Sequence[SnapshotRow]) -> Batch:
        return Batch(
            tenant_id=self.tenant_id, first_position=position, events=(), snapshots=snapshots
        )

    async def _cache_tenant(self) -> None:
        """On an orderly end, leave the next start nothing to fold."""
        state = self._tenant
        if state is not None and state.next_position and isinstance(self._stopping, Stopping):
            row = folds.of_tenant(state, self._judge.rules_version)
            await self._keep(self._cache(state.next_position, (row,)))


def _propose(draft: Draft, proposals: Sequence[Proposal]) -> Iterator[Answer]:
    """Stage proposals in order; a refusal tells which one it is about."""
    for index, proposal in enumerate(proposals):
        try:
            yield draft.propose(proposal)
        except AegisError as error:
            error.details["index"] = index
            raise


def _refuse(decided: Decided, error: StoreFailed | PositionConflict | None = None) -> None:
    for reply, _told in decided.replies:
        fail(reply, unknown() if isinstance(error, CommitUnknown) else unavailable())

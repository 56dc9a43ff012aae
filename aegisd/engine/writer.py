"""A tenant's writer in this process: takes what waits, decides it in order, commits it in one go.

While one batch is being committed, the next is decided on the state the first will leave (depth
one), once as many callers wait as the first one has. Nobody is answered before the commit that
holds the answer has returned. When a commit fails, everything staged is dropped, everyone waiting
is told 503, and the state is read again.

Where other processes append to the same log, each batch has the tenant's turn from before it is
decided until it is committed: first what the others appended is folded, then the batch is decided
on that, at the database's time.
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple, TypeVar

from aegisd.core.activation import digest_of
from aegisd.core.errors import (
    AegisError,
    CommitUnknown,
    LogRolledBack,
    PositionConflict,
    Stopping,
    StoreBroken,
    StoreFailed,
)
from aegisd.engine.batch import Decided, Deciding, part
from aegisd.engine.commands.command import Command
from aegisd.engine.resident import Resident
from aegisd.engine.waiting import Queue, Waiting, fail, fail_all, unavailable, unknown
from aegisd.ports import EventStore, LiveJudge
from aegisd.rows import Batch, SnapshotRow, Turn

# Events that others appended and that are folded while the turn is held. More are folded before:
# a daemon that comes back after a while must not keep everybody else waiting for it.
CATCH_UP_EVENTS_MAX = 1024

# Seconds that an end gives to what waits to be decided. Who asked has had the server's time for it,
# and thousands of dear calls would take minutes; nothing of what is left is recorded.
DECIDING_SECONDS_MAX = 2.0

R = TypeVar("R")


class Threads(NamedTuple):
    """Where what blocks is done: judging, ending a turn or a batch, and waiting for a turn."""

    evaluation: Executor
    commits: Executor
    turns: Executor


class Writer:
    """Owns a tenant's state. All methods are called on the event loop."""

    def __init__(
        self,
        resident: Resident,
        *,
        store: EventStore,
        judge: LiveJudge,
        deciding: Deciding,
        threads: Threads,
        keep: Callable[[Sequence[SnapshotRow]], None],
        on_commit: Callable[[Batch], None],
        on_fatal: Callable[[str], None],
    ) -> None:
        """`resident` are its states, on which `deciding` decides; `keep` writes cached folds.

        `on_commit` is told of each batch, once it is durable.
        """
        self.tenant_id = resident.tenant_id
        self._store, self._judge = store, judge
        self._evaluation, self._commits, self._turns = threads
        self._keep, self._on_commit, self._on_fatal = keep, on_commit, on_fatal
        self._resident = resident
        self._deciding = deciding
        self._queue = Queue()
        self._current: list[Waiting] = []
        self._wake = asyncio.Event()
        self._stopping: AegisError | None = None
        self._finish_s = math.inf
        self._broken: AegisError | None = None
        self._task: asyncio.Task[None] | None = None
        self._commit_task: asyncio.Task[bool] | None = None
        # Who waits for that commit.
        self._committing = 0
        self._waits = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing is queued, being decided or being committed."""
        committed = self._commit_task is None or self._commit_task.done()
        rests = self._task is None or self._waits
        return rests and committed and not self._queue and self._stopping is None

    async def submit(self, command: Command[R]) -> R:
        """Queue a command; return once it is durable. Raises `Unavailable` or what it raises."""
        if self._stopping is not None:
            raise self._stopping
        reply: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._queue.add(Waiting(command, reply))
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"writer {self.tenant_id}")
        if self._is_due():
            self._wake.set()
        return await reply

    async def stop(self) -> None:
        """Answer what is queued, refuse what is not decided in time, and end."""
        self._stopping = self._stopping or Stopping("the daemon is shutting down")
        self._finish_s = time.monotonic() + DECIDING_SECONDS_MAX
        self._wake.set()
        if self._task is not None:
            await self._task

    def leave(self) -> SnapshotRow | None:
        """End a writer that is idle, or that was stopped; give what to cache of its state."""
        self._stopping = self._stopping or Stopping("this writer left")
        self._wake.set()
        if self._broken is not None:
            return None
        held = self._commit_task is None or self._commit_task.result()
        return self._resident.fold() if held else None

    async def _run(self) -> None:
        try:
            await (self._run_in_turns() if self._store.shared else self._run_alone())
        except Exception as error:  # noqa: BLE001 - supervisor: nobody waits for a writer that ended
            self._break(unavailable(), f"the writer of {self.tenant_id} failed: {error!r}")
            fail_all(self._current, unavailable())
        if self._broken is not None:
            self._queue.fail(self._broken)

    async def _run_alone(self) -> None:
        """Decide a batch while the one before it is committed: nobody else appends."""
        while self._broken is None and (taken := await self._taken()):
            commit = self._commit_task
            if commit is not None and (commit.done() or taken[0].command.is_alone):
                await self._settled(commit)
                commit = None
            decided = await self._decide(taken)
            if decided is not None and decided.left:
                self._queue.put_back(decided.left)
                taken = taken[: -len(decided.left)]
            if commit is not None and not await self._settled(commit):
                fail_all(taken, unavailable())
            elif decided is not None:
                self._committing = len(decided.replies)
                self._commit_task = asyncio.create_task(self._commit(decided))
                self._commit_task.add_done_callback(lambda _: self._wake.set())
        if self._commit_task is not None:
            await self._settled(self._commit_task)

    async def _settled(self, commit: asyncio.Task[bool]) -> bool:
        """Wait for a commit, and drop what was staged on it where it did not hold."""
        held = self._settle(held=await commit)
        self._commit_task = None
        return held

    async def _run_in_turns(self) -> None:
        """Decide and commit each batch within a turn: others append between two of them."""
        while self._broken is None and (taken := await self._taken()):
            turn = await self._begin(taken)
            if turn is None:
                continue
            decided = await self._decide(taken, turn)
            if decided is not None and decided.left:
                self._queue.put_back(decided.left)
            if decided is None or not decided.batch.events:
                await self._off_loop(self._commits, lambda: self._store.abandon(self.tenant_id))
            if decided is not None:
                self._settle(held=await self._commit(decided))
            self._resident.forget_keys()

    async def _taken(self) -> list[Waiting]:
        """The next batch, waited for; nothing at the end, or once nothing can be decided."""
        while self._stopping is None and not self._is_due():
            self._wake.clear()
            self._waits = True
            await self._wake.wait()
            self._waits = False
        self._current = [] if self._broken is not None else self._queue.take()
        return self._current

    def _is_due(self) -> bool:
        """Whether what is queued is decided now, and not with those who come during a commit."""
        commits = self._commit_task is not None and not self._commit_task.done()
        return len(self._queue) >= (self._committing if commits else 1)

    async def _begin(self, taken: list[Waiting]) -> Turn | None:
        """Take the turn, with all that deciding this batch will read; None when nobody can."""
        try:
            return await self._off_loop(self._turns, lambda: self._prepare(taken))
        except LogRolledBack as error:
            self._resident.drop()
            fail_all(taken, unavailable())
            self._break(unavailable(), error.message)
        except Exception as error:  # noqa: BLE001 - supervisor: deny everyone and go on
            self._resident.drop()
            refused = unavailable() if isinstance(error, StoreFailed) else error
            fail_all(taken, refused)
            # Whoever waits behind them would only wait as long again for the same database.
            self._queue.fail(refused)
        return None

    async def _off_loop(self, threads: Executor, work: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    def _prepare(self, taken: Sequence[Waiting]) -> Turn:
        """Take the turn and bring the state up to it. Blocks; the loop touches nothing meanwhile.

        Keys are looked up before the turn, since that is most of the reading; those that others
        used in between are seen when their events are folded.
        """
        resident = self._resident
        state = resident.recover()
        keys = {key for key in (waiting.command.key for waiting in taken) if key is not None}
        resident.look_up(keys)
        turn = self._store.begin(self.tenant_id)
        used = set[str]()
        if turn.next_position - state.next_position > CATCH_UP_EVENTS_MAX:
            self._store.abandon(self.tenant_id)
            used = resident.catch_up(None)
            turn = self._store.begin(self.tenant_id)
        with ExitStack() as undo:
            undo.callback(self._store.abandon, self.tenant_id)
            resident.look_up(keys & (used | resident.catch_up(turn)))
            for session_id in {name for waiting in taken for name in waiting.command.sessions}:
                resident.session(session_id)
            undo.pop_all()
        return turn

    async def _decide(self, taken: list[Waiting], turn: Turn | None = None) -> Decided | None:
        """Decide a batch; None when that failed as a whole.

        On the event loop where that is short, since each hop to a thread costs more than a decision
        does; else on the evaluator's thread, where others have their turn between two parts.
        """
        steps = self._deciding.decide(taken, turn)
        try:
            decided, is_short = None, self._is_short(taken)
            while decided is None:
                self._check_end()
                if is_short:
                    decided, is_short = part(steps), False
                else:
                    decided = await self._off_loop(self._evaluation, partial(part, steps))
        except Exception as error:  # noqa: BLE001 - supervisor: deny everyone and go on
            # The tenant's state cannot be read or staged: deny everyone, and read it anew.
            self._resident.drop()
            fail_all(taken, error)
            return None
        return decided

    def _check_end(self) -> None:
        if time.monotonic() > self._finish_s:
            raise Stopping("the daemon is shutting down")

    def _is_short(self, taken: Iterable[Waiting]) -> bool:
        """Whether a batch needs no log read from its start, no compiler, and only rules of ours."""
        tenant = self._resident.tenant
        if tenant is None or not self._deciding.is_settled(tenant):
            return False
        if not all(waiting.command.is_short for waiting in taken):
            return False
        active = tenant.activations
        return self._judge.is_prompt(digest_of(active.bundle), digest_of(active.manifest))

    def _settle(self, *, held: bool) -> bool:
        """After a commit: keep going, or drop what was staged on it."""
        if not held:
            self._resident.drop()
        return held

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
        self._resident.forget(event.idempotency_key for event in decided.batch.events)
        for reply, told in decided.replies:
            if isinstance(told, Exception):
                fail(reply, told)
            elif not reply.done():
                reply.set_result(told)
        if decided.batch.events:
            self._on_commit(decided.batch)
        if decided.cache:
            self._keep(decided.cache)
        return True

    async def _append(self, batch: Batch) -> None:
        """One hop to one thread for a whole batch, and none where there is no disk to wait for."""
        if self._store.waits:
            await self._off_loop(self._commits, lambda: self._store.append(batch))
        else:
            self._store.append(batch)


def _refuse(decided: Decided, error: StoreFailed | PositionConflict | None = None) -> None:
    for reply, _told in decided.replies:
        fail(reply, unknown() if isinstance(error, CommitUnknown) else unavailable())

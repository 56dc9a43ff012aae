"""The engine: what every door asks. Decides through one writer per tenant."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import BinaryIO, TypeVar

from msgspec import Struct

from aegisd.core.activation import Activation
from aegisd.core.capabilities import Capabilities
from aegisd.core.clock import CLOCK_DRIFT_MS_MAX
from aegisd.core.errors import (
    CheckpointUnknown,
    ConfigInvalid,
    PositionConflict,
    Stopping,
    StoreBroken,
    StoreFailed,
)
from aegisd.core.policy.input import Snapshot
from aegisd.core.policy.verdict import Verdict
from aegisd.core.proposal import Proposal
from aegisd.engine import imports
from aegisd.engine.batch import Deciding
from aegisd.engine.checkpoints import Checkpoints, Signing
from aegisd.engine.commands.append import Append, Check
from aegisd.engine.commands.command import Command
from aegisd.engine.commands.control import (
    Control,
    CorrectClock,
    Erase,
    manifest_control,
    policy_control,
)
from aegisd.engine.commands.opening import OpenSession
from aegisd.engine.configured import Configured
from aegisd.engine.imports import Import, Keeping
from aegisd.engine.reads import Reads
from aegisd.engine.reckoning import Reckoning
from aegisd.engine.recorded import Recorded
from aegisd.engine.resident import Resident
from aegisd.engine.rollout import Rollout, RolloutProgress
from aegisd.engine.snapshots import Snapshots
from aegisd.engine.survey import Survey
from aegisd.engine.upgrade import Upgrade, upgrade
from aegisd.engine.what_if import WhatIfs
from aegisd.engine.writer import Threads, Writer
from aegisd.engine.writers import Writers
from aegisd.ports import Clock, EventStore, Follower, LiveJudge
from aegisd.rows import Batch

# Tenants whose turns are waited for, or ended, at once where the log is shared: each holds a
# connection to the database, of which a server has about a hundred.
TURN_THREADS_MAX = 16

# Seconds between two looks at whether the log is still where it was, while nothing is written.
WATCH_SECONDS = 1.0

_logger = logging.getLogger("aegisd.engine")

T = TypeVar("T")


class Start(Struct, frozen=True, kw_only=True):
    """What a start found: how many tenants, and what became of their rules.

    `upgraded` are those whose operator's rules stand on this build's base rules from now on,
    `broken` those of them whose rules do not load there, each with the reason, and `newer` those
    whose base rules are of a newer build, which are answered 503. `kept` says what tenants keep
    that somebody registered, where the start names another. `changing` counts those whose
    logs do not hold yet what the start names; each does before its next decision. `clock_ms` is
    what this machine's clock showed and `newest_ms` the newest time in the log, 0 in an empty one;
    `ahead` are the tenants whose log is ahead of that clock, by milliseconds. `refolded` counts
    cached folds that were not believed.
    """

    tenants: int
    changing: int = 0
    upgraded: tuple[str, ...] = ()
    broken: Mapping[str, str] = {}
    newer: tuple[str, ...] = ()
    kept: Mapping[str, str] = {}
    clock_ms: int = 0
    newest_ms: int = 0
    ahead: Mapping[str, int] = {}
    refolded: int = 0


class Engine:
    """One per process. Coroutines run on one event loop; `stop` ends what `start` began.

    `reads` answers what is durable; everything that is written goes through a writer.
    """

    def __init__(
        self,
        *,
        store: EventStore,
        judge: LiveJudge,
        clock: Clock,
        configured: Configured,
        on_fatal: Callable[[str], None],
        snapshot_key: bytes,
        signing: Signing | None = None,
        followers: Sequence[Follower] = (),
    ) -> None:
        """Without `signing` nothing is signed; cached folds are believed under `snapshot_key`."""
        self._snapshots = Snapshots(judge.rules_version, snapshot_key, signed=signing is not None)
        self.reads = Reads(store, self._snapshots)
        self._store, self._judge, self._clock = store, judge, clock
        self._configured, self._on_fatal = configured, on_fatal
        self._reckoning = Reckoning(clock, shared=store.shared)
        self._ended = False
        self._rollout = Rollout(configured, judge, store)
        # One thing at a time: a judge is asked by one thread.
        self._evaluation = ThreadPoolExecutor(1, "evaluator")
        # What no decision waits for: rules are tried there, and cached folds made ready.
        self._beside = ThreadPoolExecutor(1, "beside")
        self._what_ifs = WhatIfs(judge, clock, configured)
        # In a shared log the turns of several tenants are waited for, and ended, side by side.
        self._commits = ThreadPoolExecutor(TURN_THREADS_MAX if store.shared else 1, "commit")
        self._turns = ThreadPoolExecutor(TURN_THREADS_MAX, "turn")
        threads = self._beside, self._commits
        self._writers = Writers(self._writer, store, self._snapshots, threads, self._end)
        self._refusal: Stopping | None = None
        self._checkpoints: Checkpoints | None = None
        self._followers = list(followers)
        self._deafen: Callable[[], None] = _nothing
        self._watching: asyncio.Task[None] | None = None
        if signing is not None:
            self._checkpoints = Checkpoints(
                signing, store=store, clock=clock, commits=self._commits, on_fatal=self._end
            )
            self._followers.append(self._checkpoints)
        # Those that are still told; one that failed is stopped with the others all the same.
        self._told = list(self._followers)

    async def start(self, *, accept_rollback: bool = False, keep_registered: bool = False) -> Start:
        """Recover every tenant, and put the configuration and this build's base rules in force.

        What somebody registered instead stays in force with `keep_registered`; else it raises
        `ConfigInvalid` before anything is written. Raises `LogCorrupt` where the log does not hold,
        and `LogRolledBack` where it is not the one that was signed; with `accept_rollback` a log
        older than that goes on, and says so.
        """
        self._configured.tell(self._judge)
        self._configured.check_zone(self._clock)
        tenants = await self.reads.tenants()
        acts: list[tuple[str, Control]] = []
        if self._checkpoints is not None:
            acts = await self._checkpoints.start(tenants, accept_rollback=accept_rollback)
        found = Survey(
            self.reads,
            self._configured,
            self._judge,
            self._writers.recall,
            self._upgrade,
            shared=self._store.shared,
        )
        await found.look(tenants)
        if found.kept and not keep_registered:
            raise ConfigInvalid(f"{next(iter(found.kept.values()))}; or name none")
        # A start that is refused for one tenant has written nothing for another.
        for states in found.warm:
            self._writers.take(states)
        self._rollout.begin(found.due)
        for tenant_id, command in acts:
            if tenant_id not in found.newer:
                await self._submit(tenant_id, command)
        await self._rollout.write(self._submit)
        progress, clock_ms = self._rollout.progress, self._clock.now_ms()
        self._deafen = self._listen()
        if self._store.waits and not self._store.shared:
            self._watching = asyncio.create_task(self._watch(), name="watch")
        for follower in self._followers:
            await follower.resume(found.ends)
        gaps = ((name, last_ms - clock_ms) for name, last_ms in found.newest.items())
        return Start(
            tenants=len(tenants),
            changing=progress.tenants - progress.done,
            upgraded=tuple(found.upgrades),
            broken={name: each.problem for name, each in found.upgrades.items() if each.problem},
            newer=tuple(found.newer),
            kept=found.kept,
            clock_ms=clock_ms,
            newest_ms=max(found.newest.values(), default=0),
            ahead={name: by for name, by in gaps if by > CLOCK_DRIFT_MS_MAX},
            refolded=self._snapshots.refused,
        )

    async def _upgrade(self, active: Activation | None) -> Upgrade | None:
        work = partial(upgrade, active, self._judge, self._store.document)
        return await self._off_loop(self._beside, work)

    async def _watch(self) -> None:
        """See in time that the log was taken away, or that it takes events again."""
        loop = asyncio.get_running_loop()
        while not self._ended:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                await loop.run_in_executor(self._commits, self._store.probe)
            except StoreBroken as error:
                self._end(f"the log cannot be written: {error.message}")
            except StoreFailed:
                # `/readyz` says so, and every call that is refused.
                continue

    def _listen(self) -> Callable[[], None]:
        """Have commits of other processes followed too, for one that dies before it signs."""
        loop = asyncio.get_running_loop()

        def told(tenant_id: str, next_position: int) -> None:
            self._tell(lambda follower: follower.heard(tenant_id, next_position))

        def hear(tenant_id: str, next_position: int) -> None:
            # The loop may have ended while a last commit was being told.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(told, tenant_id, next_position)

        return self._store.listen(hear) if self._followers else _nothing

    async def stop(self) -> None:
        """Answer what is queued, make it durable, and end the writers."""
        self._refuse(Stopping("the daemon is shutting down"))
        if self._watching is not None:
            self._watching.cancel()
        await self._rollout.stop()
        await self._writers.stop()
        self._deafen()
        for follower in self._followers:
            await follower.stop()
        for threads in (self._evaluation, self._beside, self._commits, self._turns):
            threads.shutdown(wait=False, cancel_futures=True)
        self.reads.close()
        self._what_ifs.close()

    # ── writing ─────────────────────────────────────────────────────────────────────────────────

    async def append(self, proposals: tuple[Proposal, ...]) -> tuple[Recorded, ...]:
        """Judge and record events of one tenant, all or nothing."""
        return await self._submit(proposals[0].tenant_id, Append(proposals=proposals))

    async def check(self, proposal: Proposal) -> Verdict | None:
        """Judge an event on live state and record nothing. Raises `SessionUnknown`."""
        if proposal.tenant_id not in self._writers.resident:
            # A question about a tenant that nobody wrote to must not leave a writer behind.
            await self.reads.head(proposal.tenant_id, proposal.session_id)
        return await self._submit(proposal.tenant_id, Check(proposal=proposal))

    async def open_session(self, tenant_id: str, opening: OpenSession) -> Recorded:
        """Record SESSION_OPENED. Raises `SessionExists`."""
        return await self._submit(tenant_id, opening)

    async def control(self, tenant_id: str, act: Control) -> Recorded:
        """Record an operator's act in the tenant's `$control` session."""
        if act.document is not None:
            # The next batch may be judged by it while this one is still being committed.
            self._judge.keep(act.document)
        return await self._submit(tenant_id, act)

    async def register_manifest(
        self, tenant_id: str, capabilities: Capabilities, *, author: str, reason: str
    ) -> Recorded:
        """Put a manifest in force from the next decision on. Raises `ManifestInvalid`."""
        self._clock.utc_offset_s(capabilities.manifest.zone, self._clock.now_ms())
        return await self.control(tenant_id, manifest_control(capabilities, author, reason))

    async def activate_policy(
        self, tenant_id: str, files: Mapping[str, str], *, author: str, reason: str
    ) -> Recorded:
        """Put an operator's rules in force from the next decision on. Raises as the judge does."""
        judge = self._judge.of(tenant_id)
        bundle = await self._off_loop(self._beside, partial(judge.bundle, files))
        act = policy_control(bundle, author, reason, self._judge.generation)
        return await self.control(tenant_id, act)

    async def erase(
        self, tenant_id: str, subject: str, *, author: str, reason: str, must_find: bool = False
    ) -> Recorded:
        """Delete every value kept of a subject and record that; `NothingKept` if `must_find`."""
        kept = await self.reads.kept(tenant_id, subject)
        act = Erase(by=author, kept=kept, reason=reason, must_find=must_find)
        return await self._submit(tenant_id, act)

    async def correct_clock(self, tenant_id: str, *, author: str, reason: str) -> Recorded:
        """Let a tenant's time go on from what the clock shows, and record that it is right now.

        Raises `ClockNotOff` where there is nothing to correct.
        """
        done, reading = await self._submit(tenant_id, CorrectClock(by=author, reason=reason))
        self._reckoning.believe(reading)
        return done

    def clock_off_ms(self) -> int:
        """How far this process's wall clock jumped since it was believed; 0 within bounds."""
        return self._reckoning.off_ms()

    async def import_log(
        self, tenant_id: str, file: BinaryIO, *, author: str, reason: str
    ) -> tuple[Import, Recorded]:
        """Keep a foreign log, read from a file of our own, under an archive tenant.

        One batch after the other, so that commits of other tenants go between. Raises
        `ExportInvalid` or `StoreFailed`.
        """
        checked = await self.reads.apart(lambda: imports.check(file))
        loop = asyncio.get_running_loop()
        keeping = Keeping(self._store, file, checked)
        while (batch := await self.reads.apart(keeping.batch)) is not None:
            try:
                await loop.run_in_executor(self._commits, self._store.append, batch)
            except PositionConflict:
                # Somebody else imports the same file, and was quicker with this part.
                keeping = Keeping(self._store, file, checked)
        growth = keeping.growth()
        if growth is not None:
            await loop.run_in_executor(self._commits, self._store.grow, growth)
        return checked, await self.control(tenant_id, keeping.act(author=author, reason=reason))

    async def simulate(
        self, proposal: Proposal, counters: Snapshot, capabilities: Capabilities
    ) -> Verdict:
        """Judge a caller's own event, snapshot and manifest by the configured bundle. Pure."""
        if self._refusal is not None:
            raise self._refusal
        return await self._what_ifs.judge(proposal, counters, capabilities)

    async def _off_loop(self, threads: Executor, work: Callable[[], T]) -> T:
        if self._refusal is not None:
            raise self._refusal
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    def _end(self, reason: str) -> None:
        """Tell once that the process must end; what follows from the first reason is no news."""
        if not self._ended:
            self._ended = True
            self._refuse(Stopping(f"the daemon is ending: {reason}"))
            self._on_fatal(reason)

    def _refuse(self, refusal: Stopping) -> None:
        """Take nothing more; the first reason stays."""
        if self._refusal is None:
            self._refusal = refusal
            self.reads.refuse(refusal)

    async def _submit(self, tenant_id: str, command: Command[T]) -> T:
        if self._refusal is not None:
            raise self._refusal
        return await self._writers.of(tenant_id).submit(command)

    def _writer(self, states: Resident) -> Writer:
        judge = self._judge.of(states.tenant_id)
        return Writer(
            states,
            store=self._store,
            judge=judge,
            deciding=Deciding(states, judge, self._reckoning, self._rollout),
            threads=Threads(self._evaluation, self._commits, self._turns),
            keep=self._writers.keep,
            on_commit=self._committed,
            on_fatal=self._end,
        )

    def progress(self) -> RolloutProgress:
        """How far the logs have what the start put in force."""
        return self._rollout.progress

    def _committed(self, batch: Batch) -> None:
        """Tell those who follow the log what is durable now."""
        self._rollout.committed(batch.tenant_id)
        self._tell(lambda follower: follower.committed(batch))

    def _tell(self, told: Callable[[Follower], None]) -> None:
        """Tell every follower. One that fails is lost, and costs no call anything."""
        for follower in list(self._told):
            try:
                told(follower)
            except Exception:
                self._told.remove(follower)
                _logger.exception("%s failed and follows the log no more", type(follower).__name__)

    # ── evidence ────────────────────────────────────────────────────────────────────────────────

    def signing(self) -> Checkpoints:
        """What signs this log. Raises `CheckpointUnknown` for a log that nobody signs."""
        if self._checkpoints is None:
            raise CheckpointUnknown("this log ends with its process, so nothing of it is signed")
        return self._checkpoints

    def newest_checkpoint(self, tenant_id: str) -> str | None:
        """The newest signed note that is known without asking anybody."""
        return None if self._checkpoints is None else self._checkpoints.newest(tenant_id)


def _nothing() -> None:
    """End a listening that never began."""

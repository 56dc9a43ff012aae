"""Signed checkpoints: a follower of the log that signs how far each tenant's has grown.

All tree work, reading and signing happens on one thread of its own, so the writers wait for none of
it. A checkpoint that fails is made again later and denies nobody.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from msgspec import Struct

from aegisd.core.errors import AegisError, ConfigInvalid, SigningFailed, StoreFailed
from aegisd.core.log.note import Key
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX
from aegisd.engine.commands.control import Control
from aegisd.engine.rollback import RollbackCheck
from aegisd.engine.rounds import Rounds
from aegisd.engine.signed_log import Consistency, Inclusion, SignedLog, Uncovered, require
from aegisd.engine.tree import Fresh
from aegisd.ports import Clock, EventStore, Guard, Signer
from aegisd.rows import Batch, Checkpoint

# The window that no checkpoint covers yet, whichever ends first.
INTERVAL_MS_DEFAULT = 1000
EVENTS_DEFAULT = 256

# Milliseconds somebody may wait for a checkpoint that covers an event: many intervals.
WAIT_MS_MAX = 20_000

# Milliseconds between looks at a log that others sign, while somebody waits.
LOOK_MS = 100

# Milliseconds between two checkpoints of one tenant: at thousands of events a second, one per 256
# events would cost a tenth of the speed, and a window of 100 ms is as good.
PAUSE_MS = 100

# Hashes at hand for the next checkpoint, 2 MiB of them; what is older is read from the log.
FRESH_MAX = 65_536

# Tenants whose checkpoints are made in one commit, and so in one piece of work on the thread.
AT_ONCE_MAX = 64

# Seconds that the end gives to what is not signed and kept yet. The next start does the rest.
FINISH_SECONDS_MAX = 5.0

# Intervals that a process gives others to sign what they appended, before it does so itself.
OTHERS_INTERVALS = 3

_logger = logging.getLogger("aegisd.checkpoints")

T = TypeVar("T")


class _Following:
    """How far one tenant's log goes, and the task that signs it while it grows."""

    def __init__(self, signed: int) -> None:
        self.end = 0
        # Where the log ended after the last commit of this process.
        self.own = 0
        self.signed = signed
        # What this process appended last and did not sign yet.
        self.fresh: Fresh | None = None
        self.wake = asyncio.Event()
        self.task: asyncio.Task[None] | None = None


class Signing(Struct, frozen=True, kw_only=True):
    """Who signs, where the newest checkpoint is kept outside the database, and how often.

    Every `interval_ms` (0: only when asked), or sooner once `events` are not covered.
    """

    signer: Signer
    guard: Guard
    interval_ms: int = INTERVAL_MS_DEFAULT
    events: int = EVENTS_DEFAULT


class Checkpoints:
    """One per engine. Coroutines and `committed` run on the engine's event loop."""

    def __init__(
        self,
        evidence: Signing,
        *,
        store: EventStore,
        clock: Clock,
        commits: Executor,
        on_fatal: Callable[[str], None],
    ) -> None:
        self._evidence, self._store, self._clock = evidence, store, clock
        self._on_fatal = on_fatal
        self._log = SignedLog(
            store=store, signer=evidence.signer, guard=evidence.guard, clock=clock, commits=commits
        )
        self._thread = ThreadPoolExecutor(1, "checkpoint")
        self._following: dict[str, _Following] = {}
        self._waiting: dict[str, set[asyncio.Event]] = {}
        # Tenants whose newest checkpoint a start found stored and kept outside, and its size.
        self._settled: Mapping[str, int] = {}
        self._covers = Rounds[Uncovered](
            lambda asked: self._try(partial(self._log.cover, asked)), AT_ONCE_MAX
        )
        self._settles = Rounds[str](
            lambda told: self._try(partial(self._log.settle, told)), AT_ONCE_MAX
        )
        self._ended = self._stopping = False
        # What went wrong last, so that a disk that stays full is told once.
        self._said = ""

    async def start(
        self, tenants: Sequence[str], *, accept_rollback: bool
    ) -> list[tuple[str, Control]]:
        """Hold every log to what was signed of it; see `RollbackCheck.acts`.

        Raises `ConfigInvalid` as well where another daemon signs the same log with other keys.
        """
        evidence = self._evidence
        await self._run(self._refuse_other_keys)
        check = RollbackCheck(
            self._log, self._store, evidence.guard, evidence.signer, self._clock.now_ms()
        )
        acts = await self._run(lambda: check.acts(tenants, accept_rollback=accept_rollback))
        self._settled = check.settled
        unguarded = check.unguarded
        if unguarded:
            _logger.warning(
                "checkpoints.path has nothing of %d signed tenants, %s first: a rollback before "
                "this start would not show",
                len(unguarded),
                unguarded[0],
            )
        return acts

    def _refuse_other_keys(self) -> None:
        # At time 0 all keys sign: one that a rotation has ended still tells whose log this is.
        ours = [key.id for key in self._evidence.signer.keys(0)]
        for theirs in self._store.announce(ours):
            if not set(ours) & set(theirs):
                raise ConfigInvalid(
                    f"signing.key: a running daemon signs this log with key {_told(theirs)}, this "
                    f"one would with {_told(ours)}; give every daemon of one log the same key "
                    "file, after `aegisctl keys rotate` the rotated one, which holds both keys"
                )

    async def resume(self, ends: Mapping[str, int]) -> None:
        """Sign what a crash left uncovered, and give the guard what it lacks.

        `ends` are the tenants with the positions where their logs end.
        """
        settled, self._settled = self._settled, {}
        for tenant_id, end in ends.items():
            if settled.get(tenant_id, -1) < end:
                self._grown(tenant_id, end, 0 if self._store.shared else end)

    def newest(self, tenant_id: str) -> str | None:
        """The newest note that this process knows of, for a receipt. Reads nothing."""
        known = self._log.newest(tenant_id)
        return None if known is None else known.note

    # ── following ───────────────────────────────────────────────────────────────────────────────

    def committed(self, batch: Batch) -> None:
        """Take note that this process appended to a tenant's log, and of the hashes."""
        end = batch.first_position + len(batch.events)
        following = self._grown(batch.tenant_id, end, end)
        if following is None:
            return
        fresh, hashes = following.fresh, [event.hash for event in batch.events]
        if fresh is None or fresh.end != batch.first_position or len(fresh.hashes) > FRESH_MAX:
            following.fresh = Fresh(batch.first_position, hashes)
        else:
            fresh.hashes += hashes

    def heard(self, tenant_id: str, next_position: int) -> None:
        """Take note that some process did, which most likely signs it as well."""
        self._grown(tenant_id, next_position, 0)

    def _grown(self, tenant_id: str, end: int, own: int) -> _Following | None:
        if self._ended or not self._evidence.interval_ms or tenant_id.startswith(ARCHIVE_PREFIX):
            return None
        following = self._following.get(tenant_id)
        if following is None:
            known = self._log.newest(tenant_id)
            following = _Following(0 if known is None else known.size)
            self._following[tenant_id] = following
        following.end, following.own = max(following.end, end), max(following.own, own)
        if following.end - following.signed >= self._evidence.events:
            following.wake.set()
        if following.task is None:
            work = self._follow(tenant_id, following)
            following.task = asyncio.create_task(work, name=f"checkpoints {tenant_id}")
        return following

    async def _follow(self, tenant_id: str, following: _Following) -> None:
        """Sign as long as the log grows; once it stood still for an interval, settle and end."""
        while not self._ended and not self._stopping:
            await _either(following.wake, self._evidence.interval_ms)
            following.wake.clear()
            if following.end > following.signed:
                await self._cover(tenant_id, following)
                await asyncio.sleep(PAUSE_MS / 1000)
                continue
            settled = await self._settles.do(tenant_id)
            if settled and following.end == following.signed:
                del self._following[tenant_id]
                return
        following.task = None

    async def _cover(self, tenant_id: str, following: _Following) -> None:
        """Sign what is not covered, or see that another process did."""
        if following.own <= following.signed:
            await _either(following.wake, self._evidence.interval_ms * OTHERS_INTERVALS)
        end, fresh, following.fresh = following.end, following.fresh, None
        if await self._covers.do(Uncovered(tenant_id, end, fresh)):
            signed = self._log.newest(tenant_id)
            following.signed = following.signed if signed is None else signed.size
            self._tell(tenant_id)

    async def _try(self, work: Callable[[], object]) -> bool:
        """Whether something on the thread succeeded. What may pass is logged; else the end."""
        try:
            await self._run(work)
        except (StoreFailed, SigningFailed) as error:
            if error.message != self._said:
                _logger.warning("no checkpoint for now: %s", error.message)
            self._said = error.message
            return False
        except Exception as error:  # noqa: BLE001 - supervisor: a log that does not hold ends us
            if not self._ended:
                self._ended = True
                reason = error.message if isinstance(error, AegisError) else repr(error)
                self._on_fatal(f"the log cannot be signed: {reason}")
            return False
        self._said = ""
        return True

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _tell(self, tenant_id: str) -> None:
        for waiting in self._waiting.get(tenant_id, ()):
            waiting.set()

    async def stop(self) -> None:
        """Sign what is not covered yet, store what is signed, and end the thread."""
        # Besides the cancelling, which a wait that ends in the same moment swallows.
        self._stopping = True
        following = [each for each in self._following.values() if each.task is not None]
        tasks = [each.task for each in following if each.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for rounds in (self._covers, self._settles):
            await rounds.stop()
        await self._finish(
            [name for name, each in self._following.items() if each.end > each.signed]
        )
        self._ended = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _finish(self, grown: Sequence[str]) -> None:
        """Sign what is not covered, store it and keep it outside, as far as there is time."""
        enough = time.monotonic() + FINISH_SECONDS_MAX
        asked = [Uncovered(name, None, None) for name in grown]
        unsigned = await self._each(self._log.sign_all, asked, AT_ONCE_MAX, enough)
        unkept = self._log.unstored
        await self._each(self._log.store_notes, unkept, AT_ONCE_MAX, enough)
        left = await self._each(self._log.settle, unkept, 1, enough)
        if (unsigned or left) and not self._ended:
            _logger.warning(
                "the logs of %d tenants are not signed to their end, and %d checkpoints not kept "
                "in checkpoints.path: the next start does it",
                unsigned,
                left,
            )

    async def _each(
        self, work: Callable[[Sequence[T]], object], items: Sequence[T], most: int, enough: float
    ) -> int:
        """Do work on so many items at once, while there is time; give how many are left."""
        for first in range(0, len(items), most):
            # What fails for one, such as a vault that hangs, would fail for all.
            part = items[first : first + most]
            late = time.monotonic() > enough
            if late or self._ended or not await self._try(partial(work, part)):
                return len(items) - first
        return 0

    # ── what is asked ───────────────────────────────────────────────────────────────────────────

    async def latest(self, tenant_id: str) -> Checkpoint:
        """The newest signed checkpoint. Raises `CheckpointUnknown` before the first."""
        return require(await self._run(lambda: self._log.adopt(tenant_id)), tenant_id)

    async def sign_now(self, tenant_id: str) -> Checkpoint:
        """A signed checkpoint of all that is durable. Raises `CheckpointUnknown` for no events."""
        signed = require(await self._run(lambda: self._log.sign(tenant_id)), tenant_id)
        await self._run(lambda: self._log.keep_outside(tenant_id))
        self._tell(tenant_id)
        return signed

    def keys(self) -> tuple[str, tuple[Key, ...]]:
        """The log's name, and the public keys that sign now, the newest first."""
        signer = self._evidence.signer
        return signer.log_name, signer.keys(self._clock.now_ms())

    async def inclusion(
        self, tenant_id: str, position: int, *, size: int | None = None, wait_ms: int = 0
    ) -> Inclusion:
        """Prove that an event is in the newest checkpoint, or in the one of `size`.

        Waits up to `wait_ms` for one that covers it. Raises `EventUnknown`, `NotCovered`,
        `CheckpointUnknown`.
        """
        if size is None:
            # Nobody waits for an event that is not there.
            await self._run(lambda: self._log.event(tenant_id, position))
            await self._covered(tenant_id, position, wait_ms)
        return await self._run(lambda: self._log.inclusion(tenant_id, position, size))

    async def _covered(self, tenant_id: str, position: int, wait_ms: int) -> None:
        deadline = time.monotonic() + wait_ms / 1000
        waiting = asyncio.Event()
        self._waiting.setdefault(tenant_id, set()).add(waiting)
        try:
            while (left := deadline - time.monotonic()) > 0:
                known = await self._run(lambda: self._log.adopt(tenant_id))
                if known is not None and known.size > position:
                    return
                most_ms = min(left * 1000, LOOK_MS) if self._store.shared else left * 1000
                await _either(waiting, most_ms)
                waiting.clear()
        finally:
            self._waiting[tenant_id].discard(waiting)
            if not self._waiting[tenant_id]:
                del self._waiting[tenant_id]

    async def consistency(self, tenant_id: str, first: int, second: int | None) -> Consistency:
        """Prove that the tree of `second` events (None: the newest checkpoint) continues `first`.

        Raises `CheckpointUnknown` where the log was never signed or is shorter.
        """
        return await self._run(lambda: self._log.consistency(tenant_id, first, second))


def _told(key_ids: Sequence[bytes]) -> str:
    return ", ".join(key_id.hex() for key_id in key_ids)


async def _either(event: asyncio.Event, milliseconds: float) -> None:
    """Wait for an event, and no longer than that."""
    try:
        await asyncio.wait_for(event.wait(), milliseconds / 1000)
    except TimeoutError:
        return

"""A batch decided: commands staged one after the other, each whole or not at all."""

import asyncio
import logging
import time
from collections.abc import Generator, Sequence
from typing import Any, NamedTuple, cast

from aegisd.core.activation import digest_of
from aegisd.core.clock import CLOCK_DRIFT_MS_MAX
from aegisd.core.errors import Outdated
from aegisd.core.state.model import TenantState
from aegisd.engine.reckoning import Reckoning
from aegisd.engine.resident import Resident
from aegisd.engine.rollout import Rollout
from aegisd.engine.stage import Stage
from aegisd.engine.upgrade import is_current, is_newer
from aegisd.engine.waiting import Waiting
from aegisd.ports import LiveJudge
from aegisd.rows import Batch, SnapshotRow, Turn

_logger = logging.getLogger("aegisd.engine")

# Milliseconds after which a batch takes nothing more and is committed, and after which one request
# of many events lets others go before it. With a slow evaluator this lets the commit, the answers
# and the next requests happen while the next batch is decided.
BATCH_MS_MAX = 12


class Decided(NamedTuple):
    """A decided batch: what to commit, and what to tell once it is durable.

    Refusals wait for the commit too: they may rest on events of the same batch. `cache` holds
    snapshots of the state behind the batch, written once everybody is answered. `left` is what
    the batch had no time for.
    """

    batch: Batch
    cache: Sequence[SnapshotRow]
    left: Sequence[Waiting]
    replies: Sequence[tuple[asyncio.Future[Any], object]]


class Deciding:
    """Decides a tenant's batches on its resident states, which nobody else changes meanwhile."""

    def __init__(
        self,
        resident: Resident,
        judge: LiveJudge,
        time: Reckoning,
        rollout: Rollout,
    ) -> None:
        self._resident, self._judge, self._rollout = resident, judge, rollout
        self._reckoning, self._is_ahead = time, False
        # The bundle on older base rules in whose place there is nothing to put.
        self._left = ""

    def is_settled(self, tenant: TenantState) -> bool:
        """Whether the log holds the rules that this build judges by, as far as it can."""
        if tenant.next_position == 0 or self._rollout.awaits(tenant.tenant_id):
            return False
        active = tenant.activations.bundle
        return active is None or is_current(active, self._judge) or active.digest == self._left

    def decide(self, taken: Sequence[Waiting], turn: Turn | None) -> Generator[None, None, Decided]:
        """Stage what was taken, as much as there is time for, in steps that are short to wait for.

        Between two of them others are decided; one request is never left in the middle.
        """
        resident = self._resident
        before = resident.recover()
        reading = self._reckoning.read(None if turn is None else turn.now_ms)
        self._tell(before.last_now_ms - reading.now_ms)
        reading = reading.behind(before.last_now_ms)
        clock, staged = self._reckoning.clock, list[Stage]()
        touched: dict[str, int] = {}
        replies: list[tuple[asyncio.Future[Any], object]] = []
        enough = time.perf_counter() + BATCH_MS_MAX / 1000
        for waiting in taken:
            if replies and time.perf_counter() > enough:
                break
            stage = Stage(resident.tenant or before, resident, self._judge, clock, reading)
            try:
                told = yield from self._staged(stage, waiting)
            except Exception as error:  # noqa: BLE001 - supervisor: deny this caller
                # A refusal, or a failure of ours: an answer to one caller, never a lost writer.
                replies.append((waiting.reply, error))
                continue
            for session_id in stage.sessions:
                touched.setdefault(session_id, resident.session(session_id).next_seq)
            resident.take(stage)
            staged.append(stage)
            replies.append((waiting.reply, told))
        rows = self._cached(before.next_position, touched)
        resident.trim()
        batch = self._batch(before.next_position, staged)
        return Decided(batch, rows, taken[len(replies) :], replies)

    def _tell(self, ahead_ms: int) -> None:
        """Say once that the log is ahead of the clock, and once that it no longer is."""
        is_ahead = ahead_ms > CLOCK_DRIFT_MS_MAX
        if is_ahead is self._is_ahead:
            return
        self._is_ahead, tenant_id = is_ahead, self._resident.tenant_id
        if is_ahead:
            _logger.warning(
                "tenant %s: its log is %d ms ahead of the clock: calls that depend on the time are "
                "denied until then, or until `aegisctl clock correct`",
                tenant_id,
                ahead_ms,
            )
        else:
            _logger.warning("tenant %s: its log is no longer ahead of the clock", tenant_id)

    def _staged(self, stage: Stage, waiting: Waiting) -> Generator[None, None, object]:
        if is_newer(stage.tenant.activations.bundle, self._judge):
            raise Outdated(
                f"tenant {stage.tenant.tenant_id} has the base rules of a newer build, and this "
                "daemon is older; ask one that is not, or update this one"
            )
        if not self.is_settled(stage.tenant):
            acts = self._rollout.due(stage.tenant)
            for act in acts:
                act.stage(stage)
            self._left = "" if acts else digest_of(stage.tenant.activations.bundle)
        return (yield from waiting.command.steps(stage))

    def _cached(self, first: int, touched: dict[str, int]) -> list[SnapshotRow]:
        """The folds worth caching behind a batch that began at `first`."""
        resident = self._resident
        sessions = [(length, resident.sessions[name]) for name, length in touched.items()]
        after = resident.recover()
        rows = list(resident.snapshots.due(first, after, sessions))
        if any(not row.session_id for row in rows):
            resident.cached_to = after.next_position
        return rows

    def _batch(self, first: int, staged: Sequence[Stage]) -> Batch:
        return Batch(
            tenant_id=self._resident.tenant_id,
            first_position=first,
            events=[event for stage in staged for event in stage.events],
            documents=[document for stage in staged for document in stage.documents],
            detached=[value for stage in staged for value in stage.detached],
            erased=[place for stage in staged for place in stage.erased],
        )


def part(steps: Generator[None, None, Decided]) -> Decided | None:
    """Go on for as long as a batch may take; None where it is not decided by then."""
    enough = time.perf_counter() + BATCH_MS_MAX / 1000
    try:
        next(steps)
        while time.perf_counter() < enough:
            next(steps)
    except StopIteration as decided:
        return cast("Decided", decided.value)
    return None

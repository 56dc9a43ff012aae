"""A batch decided: commands staged one after the other, each whole or not at all."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from aegisd.core.activation import digest_of
from aegisd.core.errors import Outdated
from aegisd.core.state.model import TenantState
from aegisd.engine import snapshots
from aegisd.engine.commands.control import Control
from aegisd.engine.resident import Resident
from aegisd.engine.stage import Stage
from aegisd.engine.upgrade import is_newer
from aegisd.engine.waiting import Waiting
from aegisd.ports import Clock, LiveJudge
from aegisd.rows import Batch, SnapshotRow, Turn

# Milliseconds after which a batch takes nothing more and is committed. With a slow evaluator this
# lets the commit, the answers and the next requests happen while the next batch is decided.
BATCH_MS_MAX = 12


# What a tenant's log must hold before anything else is decided: a new one the rules in force, and
# one with older base rules those of this build. Nothing where it holds all that can be.
Due = Callable[[TenantState], Sequence[Control]]


class Decided(NamedTuple):
    """A decided batch: what to commit, and what to tell once it is durable.

    Refusals wait for the commit too: they may rest on events of the same batch. `cache` holds
    snapshots of the state behind the batch, written once everybody is answered. `left` is what
    the batch had no time for.
    """

    batch: Batch
    cache: Batch
    left: Sequence[Waiting]
    replies: Sequence[tuple[asyncio.Future[Any], object]]


class Deciding:
    """Decides a tenant's batches on its resident states, which nobody else changes meanwhile."""

    def __init__(
        self, resident: Resident, judge: LiveJudge, clock: Clock, due: Due, *, at_once: bool
    ) -> None:
        """`at_once`: snapshots go with the batch, where the log is shared and a commit costs."""
        self._resident, self._judge, self._clock, self._due = resident, judge, clock, due
        self._at_once = at_once
        # The bundle on older base rules in whose place there is nothing to put.
        self._left = ""

    def is_settled(self, tenant: TenantState) -> bool:
        """Whether the log holds the rules that this build judges by, as far as it can."""
        active = tenant.activations.bundle
        if tenant.next_position == 0 or active is None:
            return tenant.next_position != 0
        return active.generation >= self._judge.generation or active.digest == self._left

    def decide(self, taken: Sequence[Waiting], turn: Turn | None) -> Decided:
        """Stage what was taken, as much as there is time for."""
        resident = self._resident
        before = resident.recover()
        now_ms = self._clock.now_ms() if turn is None else turn.now_ms
        now_ms = max(now_ms, before.last_now_ms)
        staged: list[Stage] = []
        touched: dict[str, int] = {}
        replies: list[tuple[asyncio.Future[Any], object]] = []
        enough = time.perf_counter() + BATCH_MS_MAX / 1000
        for waiting in taken:
            if replies and time.perf_counter() > enough:
                break
            stage = Stage(resident.tenant or before, resident, self._judge, self._clock, now_ms)
            try:
                told = self._staged(stage, waiting)
            except Exception as error:  # noqa: BLE001 - supervisor: deny this caller
                # A refusal, or a failure of ours: an answer to one caller, never a lost writer.
                replies.append((waiting.reply, error))
                continue
            for session_id in stage.sessions:
                touched.setdefault(session_id, resident.session(session_id).next_seq)
            resident.take(stage)
            staged.append(stage)
            replies.append((waiting.reply, told))
        rows = self._snapshots(before.next_position, touched)
        resident.trim()
        batch = self._batch(before.next_position, staged, rows if self._at_once else ())
        cache = cached(resident.tenant_id, _end(batch), () if self._at_once else rows)
        return Decided(batch, cache, taken[len(replies) :], replies)

    def _staged(self, stage: Stage, waiting: Waiting) -> object:
        if is_newer(stage.tenant.activations.bundle, self._judge):
            raise Outdated(
                f"tenant {stage.tenant.tenant_id} has the base rules of a newer build, and this "
                "daemon is older; ask one that is not, or update this one"
            )
        if not self.is_settled(stage.tenant):
            acts = self._due(stage.tenant)
            for act in acts:
                act.stage(stage)
            self._left = "" if acts else digest_of(stage.tenant.activations.bundle)
        return waiting.command.stage(stage)

    def _snapshots(self, first: int, touched: dict[str, int]) -> tuple[SnapshotRow, ...]:
        """The folds worth caching behind a batch that began at `first`."""
        resident = self._resident
        sessions = [(length, resident.sessions[name]) for name, length in touched.items()]
        after = resident.recover()
        return tuple(snapshots.due(first, after, sessions, self._judge.rules_version))

    def _batch(self, first: int, staged: Sequence[Stage], rows: Sequence[SnapshotRow]) -> Batch:
        return Batch(
            tenant_id=self._resident.tenant_id,
            first_position=first,
            events=[event for stage in staged for event in stage.events],
            documents=[document for stage in staged for document in stage.documents],
            detached=[value for stage in staged for value in stage.detached],
            erased=[subject for stage in staged for subject in stage.erased],
            snapshots=rows,
        )


def cached(tenant_id: str, position: int, rows: Sequence[SnapshotRow]) -> Batch:
    """Snapshots alone, for a log that ends before `position`."""
    return Batch(tenant_id=tenant_id, first_position=position, events=(), snapshots=rows)


def _end(batch: Batch) -> int:
    return batch.first_position + len(batch.events)

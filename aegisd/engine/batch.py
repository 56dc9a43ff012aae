"""A batch decided: commands staged one after the other, each whole or not at all."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from aegisd.core.errors import Outdated
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


# What the log of a new tenant begins with.
Opening = Callable[[], Sequence[Control]]


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
    """Decides a tenant's batches on its resident states. Nobody else touches those meanwhile."""

    def __init__(
        self, resident: Resident, judge: LiveJudge, clock: Clock, *, at_once: bool
    ) -> None:
        """`at_once`: snapshots go with the batch, where the log is shared and a commit costs."""
        self._resident, self._judge, self._clock = resident, judge, clock
        self._at_once = at_once

    def decide(self, taken: Sequence[Waiting], turn: Turn | None, opening: Opening) -> Decided:
        """Stage what was taken, as much as there is time for. `opening` begins an empty log."""
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
                told = self._staged(stage, waiting, opening)
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

    def _staged(self, stage: Stage, waiting: Waiting, opening: Opening) -> object:
        if is_newer(stage.tenant.activations.bundle, self._judge):
            raise Outdated(
                f"tenant {stage.tenant.tenant_id} has the base rules of a newer build, and this "
                "daemon is older; ask one that is not, or update this one"
            )
        if stage.tenant.next_position == 0:
            for act in opening():
                act.stage(stage)
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

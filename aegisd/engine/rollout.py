"""What must be in force before a tenant's next decision, and how far the logs have it.

A start may find tenants that have something else in force than it names. Each of them gets the acts
that are due before anything else is decided for it, in the same commit. Those whom nobody asks get
theirs in the background, so that a start with another manifest serves soon, however many there are.
What a crash leaves undone, the next start finds due again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

from msgspec import Struct

from aegisd.core.errors import Outdated, Stopping
from aegisd.core.state.model import TenantState
from aegisd.engine.commands.command import CONFIG, Command
from aegisd.engine.commands.control import Control, Replacement, Settle
from aegisd.engine.configured import Configured
from aegisd.engine.upgrade import is_current, upgrade
from aegisd.ports import EventStore, LiveJudge

# Tenants whose acts a start writes before it serves: a third of a second of commits.
AT_START_MAX = 64

# Tenants whose acts are written side by side where the log is shared: calls need turns, too. Where
# one connection writes, a call's commit never waits for more than one of these.
AT_ONCE_MAX = 4

# Seconds until a tenant is tried again whose acts could not be written, and between two lines that
# tell how far it is.
RETRY_SECONDS = 1.0
TELL_SECONDS = 10.0

_logger = logging.getLogger("aegisd.engine")

# Has a tenant's writer do a command. Raises what stands against it.
Submit = Callable[[str, Command[None]], Awaitable[None]]


class RolloutProgress(Struct, frozen=True, kw_only=True):
    """How many tenants the start had acts for, and how many of their logs hold them by now."""

    tenants: int
    done: int


class Rollout:
    """One per engine. Everything but `due` and `awaits` is called on the event loop."""

    def __init__(self, configured: Configured, judge: LiveJudge, store: EventStore) -> None:
        self._configured, self._judge, self._store = configured, judge, store
        self._pending: dict[str, Sequence[Replacement]] = {}
        self._tenants = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def progress(self) -> RolloutProgress:
        """How far it is."""
        return RolloutProgress(tenants=self._tenants, done=self._tenants - len(self._pending))

    # ── before a decision ───────────────────────────────────────────────────────────────────────

    def awaits(self, tenant_id: str) -> bool:
        """Whether the start found something due for a tenant that its log may not hold yet."""
        return tenant_id in self._pending

    def due(self, tenant: TenantState) -> Sequence[Control]:
        """What a tenant's log must hold before anything else is decided.

        A new one the rules in force, one that the start found with others those that it names, and
        one with older base rules those of this build. Nothing where it holds all that can be.
        Blocks on the store and the compiler.
        """
        self._configured.tell(self._judge)
        if tenant.next_position == 0:
            return self._configured.opening(self._judge.generation)
        found = self._pending.get(tenant.tenant_id, ())
        acts = [each.act for each in found if each.is_due(tenant)]
        active = tenant.activations.bundle
        if (
            active is not None
            and not is_current(active, self._judge)
            and not any(each.is_bundle and each.is_due(tenant) for each in found)
        ):
            upgraded = upgrade(active, self._judge, self._store.document)
            acts += self._configured.renewal(active, upgraded, self._judge.generation)
        for act in acts:
            if act.document is not None:
                # What comes behind it in the same commit is judged by it.
                self._judge.keep(act.document)
        return acts

    def committed(self, tenant_id: str) -> None:
        """Take note of a tenant's commit: whatever it holds, what was due went before that."""
        self._pending.pop(tenant_id, None)

    # ── in the background ───────────────────────────────────────────────────────────────────────

    def begin(self, due: Mapping[str, Sequence[Replacement]]) -> None:
        """Take what a start found to be due, by tenant. Nothing is decided around it from now."""
        self._pending = dict(due)
        self._tenants = len(due)

    async def write(self, submit: Submit) -> None:
        """Have it written: all of it where that is little, and else in the background."""
        if self._tenants <= AT_START_MAX:
            for tenant_id in list(self._pending):
                await submit(tenant_id, Settle(by=CONFIG))
            self._pending.clear()
        else:
            self._task = asyncio.create_task(self._write(submit), name="rollout")

    async def stop(self) -> None:
        """End. What is not written yet is due at the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._pending:
            _logger.warning(
                "what this start put in force is in %d of %d logs; the next start goes on",
                self.progress.done,
                self._tenants,
            )

    async def _write(self, submit: Submit) -> None:
        # The engine takes nothing more, for whatever reason.
        with suppress(Stopping):
            await self._work(submit)

    async def _work(self, submit: Submit) -> None:
        loop = asyncio.get_running_loop()
        at_once = AT_ONCE_MAX if self._store.shared else 1
        told = loop.time()
        while self._pending:
            names = list(self._pending)
            for first in range(0, len(names), at_once):
                # Those who were asked meanwhile have theirs.
                left = [name for name in names[first : first + at_once] if name in self._pending]
                await asyncio.gather(*(self._settle(submit, name) for name in left))
                if loop.time() - told > TELL_SECONDS:
                    told = loop.time()
                    self._tell()
        self._tell()

    async def _settle(self, submit: Submit, tenant_id: str) -> None:
        try:
            await submit(tenant_id, Settle(by=CONFIG))
        except Stopping:
            raise
        except Outdated:
            # A newer build was here meanwhile, and what this one names is of no use there.
            _logger.warning("tenant %s has the base rules of a newer build by now", tenant_id)
        except Exception as error:  # noqa: BLE001 - supervisor: its decisions are refused as long
            _logger.warning("tenant %s does not get what is due: %s", tenant_id, error)
            await asyncio.sleep(RETRY_SECONDS)
            return
        self._pending.pop(tenant_id, None)

    def _tell(self) -> None:
        _logger.warning(
            "what this start put in force is in %d of %d logs", self.progress.done, self._tenants
        )

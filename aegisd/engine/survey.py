"""What a start finds of every tenant, before anything is written."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from aegisd.core.activation import Activation
from aegisd.engine.commands.control import Replacement
from aegisd.engine.configured import Configured
from aegisd.engine.reads import READ_THREADS_MAX, Reads
from aegisd.engine.resident import Resident
from aegisd.engine.upgrade import Upgrade, is_kept, is_newer
from aegisd.engine.writers import WRITERS_RESIDENT_MAX
from aegisd.ports import LiveJudge

# What is due for one tenant.
Due = Sequence[Replacement]

# Tenants that one thread reads in one go.
RECOVER_AT_ONCE = 64


class Survey:
    """Reads every tenant's state and holds it to the configuration.

    By tenant: `ends` are where the logs end, `newest` their newest times, `due` the acts for those
    that have something else in force than the start names, and `upgrades` those of them that go on
    with an operator's rules. `kept` says what somebody put in force and the start leaves there.
    `newer` have base rules of a newer build, and `warm` are the first
    states, as many as stay in memory.
    """

    def __init__(
        self,
        reads: Reads,
        configured: Configured,
        judge: LiveJudge,
        recall: Callable[[str], Resident],
        upgrade: Callable[[Activation | None], Awaitable[Upgrade | None]],
        *,
        shared: bool,
    ) -> None:
        """`recall` gives a tenant's states, not read yet; `upgrade` is the one of that module.

        A `shared` log is far away, so several reads of it go side by side; of a file, two threads
        only wait for each other.
        """
        self.warm: list[Resident] = []
        self.ends: dict[str, int] = {}
        self.newest: dict[str, int] = {}
        self.due: dict[str, Due] = {}
        self.upgrades: dict[str, Upgrade] = {}
        self.kept: dict[str, str] = {}
        self.newer: list[str] = []
        self._reads, self._configured, self._judge = reads, configured, judge
        self._recall, self._upgrade = recall, upgrade
        self._at_once = RECOVER_AT_ONCE * (READ_THREADS_MAX if shared else 1)

    async def look(self, tenants: Sequence[str]) -> None:
        """Read them all. Raises `LogCorrupt`."""
        for first in range(0, len(tenants), self._at_once):
            shares = range(first, min(first + self._at_once, len(tenants)), RECOVER_AT_ONCE)
            work = [
                self._reads.apart(partial(self._recovered, tenants[at : at + RECOVER_AT_ONCE]))
                for at in shares
            ]
            for read in await asyncio.gather(*work):
                for states in read:
                    await self._look_at(states)

    def _recovered(self, tenants: Sequence[str]) -> list[Resident]:
        read = [self._recall(tenant_id) for tenant_id in tenants]
        for states in read:
            states.recover_whole()
        return read

    async def _look_at(self, states: Resident) -> None:
        state = states.recover()
        tenant_id, active = state.tenant_id, state.activations.bundle
        self.ends[tenant_id], self.newest[tenant_id] = state.next_position, state.last_now_ms
        if len(self.warm) < WRITERS_RESIDENT_MAX:
            self.warm.append(states)
        if is_newer(active, self._judge):
            self.newer.append(tenant_id)
            return
        upgraded = await self._upgrade(active) if is_kept(active) else None
        if upgraded is not None:
            self.upgrades[tenant_id] = upgraded
        if kept := self._configured.kept(state, upgraded):
            self.kept[tenant_id] = kept
        due = tuple(self._configured.due(state, upgraded, self._judge.generation))
        if due:
            self.due[tenant_id] = due

"""A tenant's states in memory: what its writer decides on, read from the log where missing."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from aegisd.core.state.model import SessionState, TenantState
from aegisd.engine import recovery
from aegisd.engine.recorded import Recorded, recorded
from aegisd.engine.snapshots import Snapshots
from aegisd.engine.stage import Stage
from aegisd.engine.waiting import BATCH_EVENTS_MAX
from aegisd.ports import EventStore
from aegisd.rows import SnapshotRow, Turn

# Sessions whose state stays in memory per tenant, about 1.5 KB each.
SESSIONS_RESIDENT_MAX = 100_000

# Events behind a tenant's cached fold that are as quickly read again as a fold is written.
TAIL_EVENTS_MAX = 8

# A session of a batch in flight must never be the least recently used one.
if 4 * BATCH_EVENTS_MAX > SESSIONS_RESIDENT_MAX:
    raise ValueError("SESSIONS_RESIDENT_MAX is too small for two batches in flight")


class Resident:
    """The states of one tenant, with all that is staged on them. Blocks on the store."""

    def __init__(self, tenant_id: str, store: EventStore, snapshots: Snapshots) -> None:
        self.tenant_id = tenant_id
        self.tenant: TenantState | None = None
        self.sessions: OrderedDict[str, SessionState] = OrderedDict()
        # Where the tenant's newest cached fold ends, as far as we know.
        self.cached_to = 0
        self._store = store
        self.snapshots = snapshots
        # Events with an idempotency key that are decided and not yet known to be durable.
        self._keyed: dict[str, Sequence[Recorded]] = {}

    def recover(self) -> TenantState:
        """The tenant's state, read from the log where it is not in memory."""
        if self.tenant is None:
            # Read first: what others append meanwhile makes the log longer, never shorter.
            head = self._store.recorded_head(self.tenant_id) if self._store.shared else None
            state = recovery.cached_tenant(self._store, self.tenant_id, self.snapshots)
            self.cached_to = state.next_position
            state = recovery.followed(self._store, state, self.snapshots)
            if self._store.shared:
                recovery.check_reached(self._store, state, head)
            else:
                recovery.check_head(self._store, state)
            self.tenant = state
        return self.tenant

    def recover_whole(self) -> TenantState:
        """The same for a start, which holds the tenant's sessions to it."""
        state = self.recover()
        recovery.check_sessions(self._store, state)
        return state

    def session(self, session_id: str) -> SessionState:
        """The fold of a session, which becomes the most recently used one."""
        state = self.sessions.get(session_id)
        if state is None:
            state = recovery.session_state(self._store, self.tenant_id, session_id, self.snapshots)
            self.sessions[session_id] = state
        self.sessions.move_to_end(session_id)
        return state

    def recorded(self, key: str) -> Sequence[Recorded]:
        """What was answered under a key before, from the log or from what is on its way there."""
        staged = self._keyed.get(key)
        return recorded(self._store, self.tenant_id, key) if staged is None else staged

    def take(self, stage: Stage) -> None:
        """Go on from what a command staged."""
        self.tenant = stage.tenant
        self.sessions.update(stage.sessions)
        self._keyed.update(stage.keyed)

    def look_up(self, keys: Iterable[str]) -> None:
        """Read what was answered under keys, so that a turn need not be held for it."""
        for key in keys:
            self._keyed[key] = recorded(self._store, self.tenant_id, key)

    def forget(self, keys: Iterable[str | None]) -> None:
        """Keys whose events are durable: the log tells them from now on."""
        for key in keys:
            if key is not None:
                self._keyed.pop(key, None)

    def forget_keys(self) -> None:
        """All keys, where others append to the log as well."""
        self._keyed.clear()

    def catch_up(self, turn: Turn | None) -> set[str]:
        """Fold what others appended, up to the turn; give the idempotency keys they used."""
        behind = recovery.CatchUp(self.recover(), self.sessions)
        try:
            behind.follow(self._store, turn)
        finally:
            # What was folded so far holds, and the rest is folded from there.
            self.tenant = behind.tenant
            self.sessions.update(behind.sessions)
        return behind.keys

    def trim(self) -> None:
        """Let the least recently used sessions go, past `SESSIONS_RESIDENT_MAX`."""
        while len(self.sessions) > SESSIONS_RESIDENT_MAX:
            self.sessions.popitem(last=False)

    def fold(self) -> SnapshotRow | None:
        """What to cache before the states leave; None where the log is as quickly read."""
        state = self.tenant
        if state is None or state.next_position - self.cached_to < TAIL_EVENTS_MAX:
            return None
        return self.snapshots.row(state)

    def drop(self) -> None:
        """Forget everything: what was staged did not become durable, so the log is read again."""
        self.tenant = None
        self.sessions.clear()
        self._keyed.clear()

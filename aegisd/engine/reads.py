"""What the engine can be asked: durable facts, read beside the writers and without a queue."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from aegisd.core.archive import body_tenant
from aegisd.core.errors import InvalidField, LogCorrupt, NotFound, SessionUnknown, Stopping
from aegisd.core.log.chain import Break, Chain
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.shapes.identifier import CONTROL_SESSION, check_id
from aegisd.core.state.model import SessionState, TenantState
from aegisd.engine import recovery
from aegisd.engine.kept import Kept
from aegisd.engine.snapshots import Snapshots
from aegisd.engine.waiting import unavailable
from aegisd.ports import EventStore
from aegisd.rows import Checkpoint, SessionHead

# Reads run beside the writer; more threads than this only wait for the same two cores.
READ_THREADS_MAX = 4

T = TypeVar("T")


class Reads:
    """Coroutines read on threads of their own; what is returned was durable when it was read.

    The other methods read where they are called: on such a thread, through `apart`.
    """

    def __init__(self, log: EventStore, snapshots: Snapshots) -> None:
        self._log, self._snapshots = log, snapshots
        self._threads = ThreadPoolExecutor(READ_THREADS_MAX, "read")
        self._refusal: Stopping | None = None

    async def apart(self, ask: Callable[[], T]) -> T:
        """Run what blocks on a reader's thread. Raises `Unavailable` at the end."""
        if self._refusal is not None:
            raise self._refusal
        return await asyncio.get_running_loop().run_in_executor(self._threads, ask)

    def refuse(self, refusal: Stopping) -> None:
        """Take no question more: the engine is ending."""
        self._refusal = refusal

    def close(self) -> None:
        """End the threads; nobody waits for a read that still runs."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def ready(self) -> None:
        """Return when the log can be read, and took what was written last.

        Raises what stands against it, `LogUnavailable` where no write has held since one failed.
        """
        await self.apart(lambda: self._log.next_position(CONTROL_SESSION))
        if self._log.fault:
            raise unavailable()

    async def kept(self, tenant_id: str, subject: str) -> Kept:
        """The values that are kept of a subject by now."""
        return await self.apart(lambda: Kept(self._log, tenant_id, subject))

    async def tenants(self) -> list[str]:
        """The tenants that are not the daemon's own, sorted by code point.

        Raises `LogCorrupt` for one that no door could have taken: files are named after tenants.
        """
        names = [name for name in await self.apart(self._log.tenants) if name[:1] != "$"]
        try:
            return [check_id(name, "tenant_id") for name in names]
        except InvalidField as error:
            raise LogCorrupt(f"the log names a tenant by no id: {error.message}") from None

    async def session(self, tenant_id: str, session_id: str) -> SessionState:
        """The durable fold of a session. Raises `SessionUnknown`."""
        state = await self.apart(
            lambda: recovery.session_state(self._log, tenant_id, session_id, self._snapshots)
        )
        if state.next_seq == 0:
            raise SessionUnknown(f"the log has no session {session_id}")
        return state

    async def tenant(self, tenant_id: str) -> TenantState:
        """The durable fold of a tenant; empty for one without events."""
        return await self.apart(
            lambda: recovery.tenant_state(self._log, tenant_id, self._snapshots)
        )

    async def head(self, tenant_id: str, session_id: str) -> SessionHead:
        """The durable head of a session. Raises `SessionUnknown`."""
        head = await self.apart(lambda: self._log.session_head(tenant_id, session_id))
        if head is None:
            raise SessionUnknown(f"the log has no session {session_id}")
        return head

    async def heads(self, tenant_id: str, *, after: str, limit: int) -> list[SessionHead]:
        """At most `limit` sessions of a tenant with id greater than `after`, by id."""
        return await self.apart(lambda: self._log.sessions(tenant_id, after=after, limit=limit))

    def rows(
        self, tenant_id: str, session_id: str | None, start: int, limit: int | None = None
    ) -> Iterable[StoredEvent]:
        """At most `limit` events of a tenant from a position, or of a session from a seq.

        Blocks, as it is read.
        """
        if session_id is None:
            return self._log.events(tenant_id, from_position=start, limit=limit)
        return self._log.session_events(tenant_id, session_id, from_seq=start, limit=limit)

    async def checkpoints(self, tenant_id: str, *, from_size: int, limit: int) -> list[Checkpoint]:
        """At most `limit` checkpoints of at least `from_size` events, by size."""
        return await self.apart(
            lambda: self._log.checkpoints(tenant_id, from_size=from_size, limit=limit)
        )

    async def verify(self, tenant_id: str, session_id: str) -> tuple[Chain, list[Break]]:
        """Hash a session again from stored bytes. Raises `SessionUnknown`."""
        await self.head(tenant_id, session_id)

        def check() -> tuple[Chain, list[Break]]:
            chain = Chain(whole=False, body_tenant=body_tenant(self._log.events, tenant_id))
            events = self._log.session_events(tenant_id, session_id)
            return chain, [broken for event in events for broken in chain.check(event)]

        return await self.apart(check)

    async def document(self, digest: str, kind: str) -> bytes:
        """The bytes of a `manifest` or `bundle` by hex digest. Raises `NotFound`."""
        found = await self.apart(lambda: self._log.document(bytes.fromhex(digest)))
        if found is None or found.kind != kind or hashlib.sha256(found.body).hexdigest() != digest:
            raise NotFound(f"no {kind} has the digest {digest}")
        return found.body

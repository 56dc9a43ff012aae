"""The writers in memory: those of the tenants asked last, no more than there is use for.

Whoever makes up the names of tenants makes a writer with each. So those that have nothing to do
leave, the least recently used first, and come back by recovery: what they held is in the log.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from itertools import islice

from aegisd.core.errors import StoreFailed
from aegisd.engine.resident import Resident
from aegisd.engine.snapshots import Snapshots
from aegisd.engine.writer import Writer
from aegisd.ports import EventStore
from aegisd.rows import SnapshotRow

# Writers that stay in memory though they have nothing to do, about 20 KB each with a session.
WRITERS_RESIDENT_MAX = 1024

# Writers that are looked at for one that can leave, when another comes.
LOOKS_MAX = 8

# Cached folds of one commit.
ROWS_AT_ONCE = 64

# Seconds that the end gives to cached folds. Without them the next start has more to read.
CACHE_SECONDS_MAX = 2.0


class Writers:
    """One per engine, on its event loop. At most `WRITERS_RESIDENT_MAX`, and those at work."""

    def __init__(
        self,
        make: Callable[[Resident], Writer],
        store: EventStore,
        snapshots: Snapshots,
        threads: tuple[Executor, Executor],
        on_fatal: Callable[[str], None],
    ) -> None:
        """Cached folds are made ready on the first of `threads` and written on the second."""
        self.resident: OrderedDict[str, Writer] = OrderedDict()
        self._make = make
        self._store, self._snapshots = store, snapshots
        self._beside, self._commits = threads
        self._on_fatal = on_fatal
        # What those who left are cached as, and is not written yet.
        self._rows: list[SnapshotRow] = []
        self._keeping: set[asyncio.Task[None]] = set()

    def of(self, tenant_id: str) -> Writer:
        """A tenant's writer. A command must be given to it before anything is awaited."""
        writer = self.resident.get(tenant_id)
        if writer is None:
            return self._add(self.recall(tenant_id))
        self.resident.move_to_end(tenant_id)
        return writer

    def recall(self, tenant_id: str) -> Resident:
        """The states of a tenant that nobody has in memory, not read yet."""
        return Resident(tenant_id, self._store, self._snapshots)

    def take(self, recovered: Resident) -> None:
        """Have a writer for states that a start has read."""
        self._add(recovered)

    def _add(self, states: Resident) -> Writer:
        writer = self.resident[states.tenant_id] = self._make(states)
        if len(self.resident) > WRITERS_RESIDENT_MAX:
            self._make_room(writer)
        return writer

    def _make_room(self, newest: Writer) -> None:
        for writer in list(islice(self.resident.values(), LOOKS_MAX)):
            if len(self.resident) <= WRITERS_RESIDENT_MAX:
                return
            if writer is not newest and writer.is_idle:
                # Nothing of it is on its way, so the log is all that whoever comes next needs.
                del self.resident[writer.tenant_id]
                self._put_by(writer.leave())

    def _put_by(self, row: SnapshotRow | None) -> None:
        if row is None:
            return
        self._rows.append(row)
        if len(self._rows) >= ROWS_AT_ONCE:
            rows, self._rows = self._rows, []
            self.keep(rows)

    async def stop(self) -> None:
        """Answer what is queued, cache what would be long to read, and end the writers."""
        writers = list(self.resident.values())
        await asyncio.gather(*(writer.stop() for writer in writers))
        await asyncio.gather(*self._keeping)
        rows = self._rows + [row for writer in writers if (row := writer.leave()) is not None]
        enough = time.monotonic() + CACHE_SECONDS_MAX
        for first in range(0, len(rows), ROWS_AT_ONCE):
            if time.monotonic() > enough:
                return
            await self._keep(rows[first : first + ROWS_AT_ONCE])

    def keep(self, rows: Sequence[SnapshotRow]) -> None:
        """Write cached folds, for which nobody waits. A store that cannot loses only time later."""
        keeping = asyncio.create_task(self._keep(rows))
        self._keeping.add(keeping)
        keeping.add_done_callback(self._keeping.discard)

    async def _keep(self, rows: Sequence[SnapshotRow]) -> None:
        def seal() -> list[SnapshotRow]:
            return [self._snapshots.sealed(row, self._store) for row in rows]

        try:
            if self._store.waits:
                loop = asyncio.get_running_loop()
                # Which reads the log and hashes it: the thread of commits is for commits.
                sealed = await loop.run_in_executor(self._beside, seal)
                await loop.run_in_executor(self._commits, self._store.keep, sealed)
            else:
                self._store.keep(seal())
        except StoreFailed:
            return
        except Exception as error:  # noqa: BLE001 - supervisor: the disk is not to be trusted
            self._on_fatal(f"the log cannot be written: {error!r}")

"""What a program said is in its log, and what the log says about that."""

import hashlib
from collections.abc import Iterable, Mapping

from msgspec import Struct

from aegisd.core.log.chain import Chain
from aegisd.ports import EventReader
from aegisd.store.sqlite.reader import SqliteReader


class Acknowledged:
    """Events that somebody was told are in the log: (tenant, position) to hex hash."""

    def __init__(self) -> None:
        self.hashes: dict[tuple[str, int], str] = {}
        # Two answers that name one place with two hashes; each is a fork shown to a client.
        self.forks: list[str] = []

    def add(self, tenant_id: str, position: int, hash_hex: str) -> None:
        """Somebody was told that this event is at this position."""
        known = self.hashes.setdefault((tenant_id, position), hash_hex)
        if known != hash_hex:
            self.forks.append(f"{tenant_id}/{position} was acknowledged as two events")

    def __len__(self) -> int:
        return len(self.hashes)


class Breach(Struct, frozen=True, kw_only=True):
    """What is wrong with a log: acknowledged events that it lost, and everything else."""

    lost: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lost or self.broken)

    def text(self) -> str:
        """The first of each, in one line."""
        parts = [f"lost {len(self.lost)}: {self.lost[0]}"] if self.lost else []
        return "; ".join([*parts, *self.broken[:1]])


def examine(
    reader: EventReader,
    acknowledged: Acknowledged,
    borders: Mapping[str, Iterable[int]] | None = None,
) -> Breach:
    """Hold a log to what was acknowledged of it, and to itself.

    `borders` are the positions after which a batch of a tenant can end, where that is known.
    """
    lost: list[str] = []
    broken = list(acknowledged.forks)
    stored: dict[tuple[str, int], str] = {}
    for tenant_id in reader.tenants():
        ends = None if borders is None else {0, *borders.get(tenant_id, ())}
        broken += _tenant(reader, tenant_id, stored, ends)
    for place, hash_hex in acknowledged.hashes.items():
        if stored.get(place) != hash_hex:
            what = "is gone" if place not in stored else "has another hash"
            lost.append(f"{place[0]}/{place[1]} {what}")
    if isinstance(reader, SqliteReader):
        broken += (f"SQLite: {fault}" for fault in reader.faults())
    return Breach(lost=tuple(lost), broken=tuple(broken))


def _tenant(
    reader: EventReader,
    tenant_id: str,
    stored: dict[tuple[str, int], str],
    ends: set[int] | None,
) -> list[str]:
    """What does not hold in one tenant's log; its events go to `stored`."""
    chain = Chain(whole=True)
    broken: list[str] = []
    head = (0, b"")
    for event in reader.events(tenant_id):
        broken += (f"{tenant_id}/{b.position} {b.rule}: {b.detail}" for b in chain.check(event))
        stored[tenant_id, event.position] = hashlib.sha256(event.body).hexdigest()
        head = (event.position + 1, event.hash)
    if (reader.recorded_head(tenant_id) or (0, b"")) != head:
        broken.append(f"{tenant_id}: the log ends elsewhere than its last commit said")
    if ends is not None and head[0] not in ends:
        broken.append(f"{tenant_id}: the log ends at {head[0]}, inside a batch")
    return broken

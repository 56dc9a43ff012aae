"""Sealed events for a store alone: chained in sessions, about 600 bytes each, nothing judged."""

from collections.abc import Iterator, Sequence

import msgspec

from aegisd.core.log.envelope import Envelope, StoredEvent, seal
from aegisd.rows import Batch

EVENTS_PER_SESSION = 40

_TEXT = "Keep each line short, and name what changed for whoever reads it. " * 5


def sealed(tenant: str, count: int) -> Sequence[StoredEvent]:
    """The first `count` events of a tenant."""
    events: list[StoredEvent] = []
    for position in range(count):
        seq = position % EVENTS_PER_SESSION
        args = {"content": _TEXT, "path": f"/workspace/out/{position}.md"}
        envelope = Envelope(
            agent_id="agent-1",
            event_type="TOOL_CALL_PROPOSED",
            payload=msgspec.Raw(
                msgspec.json.encode({"args": args, "call_id": f"c{seq}", "tool_name": "write_file"})
            ),
            seq=seq,
            session_id=f"s{position // EVENTS_PER_SESSION}",
            tenant_id=tenant,
            ts_unix_ms=1_700_000_000_000 + position,
            user_id="u1",
        )
        events.append(seal(envelope, position, events[-1].hash if seq else b""))
    return events


def batches(events: Sequence[StoredEvent], size: int) -> Iterator[Batch]:
    """The events in commits of `size`."""
    for first in range(0, len(events), size):
        yield Batch(
            tenant_id=events[0].tenant_id,
            first_position=first,
            events=events[first : first + size],
        )

"""A row of `events` as it is read: the column types, and the event it makes if they hold."""

from itertools import product
from typing import get_args

from msgspec.structs import fields

from aegisd.core.errors import LogCorrupt
from aegisd.core.log.envelope import StoredEvent
from aegisd.store.tables import Row

COLUMN_TYPES: dict[str, tuple[type, ...]] = {
    field.name: get_args(field.type) or (field.type,) for field in fields(StoredEvent)
}
ROW_TYPES = frozenset(product(*COLUMN_TYPES.values()))


def event_of(path: str, columns: Row) -> StoredEvent:
    """Build the event of a row in the order of `COLUMN_TYPES`; believe nothing of it."""
    if tuple(map(type, columns)) not in ROW_TYPES:
        raise _wrong_type(path, columns)
    tenant_id, position, session_id, seq, event_type, ts_unix_ms = columns[:6]
    user_id, agent_id, idempotency_key, prev_hash, digest, body = columns[6:]
    # Each named, because a dict of them takes five times as long.
    return StoredEvent(
        tenant_id=tenant_id,
        position=position,
        session_id=session_id,
        seq=seq,
        event_type=event_type,
        ts_unix_ms=ts_unix_ms,
        user_id=user_id,
        agent_id=agent_id,
        idempotency_key=idempotency_key,
        prev_hash=prev_hash,
        hash=digest,
        body=body,
    )


def _wrong_type(path: str, columns: Row) -> LogCorrupt:
    """Name the row by what of its name can be read, and the columns that cannot."""
    row = dict(zip(COLUMN_TYPES, columns, strict=True))
    wrong = [name for name, kinds in COLUMN_TYPES.items() if not isinstance(row[name], kinds)]
    name = {
        key: value
        for key in ("tenant_id", "position", "session_id", "seq")
        if isinstance(value := row[key], str | int) and key not in wrong
    }
    where = ", ".join(f"{key} {value!r}" for key, value in name.items())
    return LogCorrupt(
        f"{path}: the row of {where} holds a value of the wrong type in {', '.join(wrong)}",
        **name,
    )

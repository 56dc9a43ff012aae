"""Cached folds: when a state is worth keeping, and the row it is kept as."""

from collections.abc import Iterable, Iterator

from aegisd.core.state.model import SessionState, TenantState
from aegisd.core.state.snapshot import freeze
from aegisd.rows import SnapshotRow

# Events of a session between its cached folds: the tail that a first touch has to read. Of a long
# session an eighth of its length or less, since its fold grows with it and is written each time.
SESSION_SNAPSHOT_EVENTS = 128

# Events of a tenant between its cached folds: the tail that a start has to read.
TENANT_SNAPSHOT_EVENTS = 4096


def due(
    first: int, after: TenantState, sessions: Iterable[tuple[int, SessionState]], rules_version: str
) -> Iterator[SnapshotRow]:
    """Folds worth caching behind a batch.

    `first` is the position where it began and `after` the tenant's state behind it; `sessions` are
    those it changed, each with its length before.
    """
    for length, state in sessions:
        every = _spacing(state.next_seq)
        if state.next_seq // every != length // every:
            yield row(state, rules_version)
    every = TENANT_SNAPSHOT_EVENTS
    if after.next_position // every != first // every:
        yield row(after, rules_version)


def row(state: SessionState | TenantState, rules_version: str) -> SnapshotRow:
    """The row of a session's fold, or of a tenant's."""
    if isinstance(state, SessionState):
        session_id, length = state.session_id, state.next_seq
    else:
        session_id, length = "", state.next_position
    return SnapshotRow(
        tenant_id=state.tenant_id,
        session_id=session_id,
        rules_version=rules_version,
        head=length - 1,
        head_hash=state.head_hash,
        body=freeze(state),
    )


def _spacing(length: int) -> int:
    """Events between the cached folds of a session of `length`: a power of two, so that they nest.

    With it all that is ever written of a session grows as its length does, not as the square.
    """
    return max(SESSION_SNAPSHOT_EVENTS, 1 << max(0, length.bit_length() - 4))

"""Folds are cached often enough to start from, and ever less often as a session grows."""

from msgspec.structs import replace

from aegisd.core.state.model import SessionState, TenantState
from aegisd.engine.snapshots import SESSION_SNAPSHOT_EVENTS, TENANT_SNAPSHOT_EVENTS, due


def kept(length: int, *, before: int, first: int = 0, end: int = 1) -> list[tuple[str, int]]:
    """The session and head of each fold worth caching behind a batch."""
    tenant = TenantState(tenant_id="acme", next_position=end)
    session = replace(SessionState(tenant_id="acme", session_id="s"), next_seq=length)
    return [(row.session_id, row.head) for row in due(first, tenant, [(before, session)], "r")]


def test_a_fold_is_cached_where_a_batch_crosses_a_multiple_of_its_spacing() -> None:
    every = SESSION_SNAPSHOT_EVENTS
    assert kept(every - 1, before=0) == []
    assert kept(every, before=every - 1) == [("s", every - 1)]
    assert kept(every + 1, before=every) == []
    every = TENANT_SNAPSHOT_EVENTS
    assert kept(1, before=0, first=every - 1, end=every) == [("", every - 1)]
    assert kept(1, before=0, first=every, end=every + 1) == []


def test_a_long_session_is_cached_at_most_once_in_a_sixteenth_of_its_length() -> None:
    for length in (4096, 65_536):
        heads = [at for at in range(length, 2 * length) if kept(at + 1, before=at)]
        assert 8 <= len(heads) <= 16, length

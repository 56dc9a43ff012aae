"""Folds are cached often enough to start from, and ever less often as a session grows."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aegisd.core.state.model import SessionState, TenantState
from aegisd.engine.snapshots import SESSION_SNAPSHOT_EVENTS, TENANT_SNAPSHOT_EVENTS, Snapshots
from aegisd.rows import SnapshotRow
from aegisd.store.memory import MemoryStore

KEY = bytes(32)


def kept(length: int, *, before: int, first: int = 0, end: int = 1) -> list[tuple[str, int]]:
    """The session and head of each fold worth caching behind a batch."""
    tenant = TenantState(tenant_id="acme", next_position=end)
    session = replace(SessionState(tenant_id="acme", session_id="s"), next_seq=length)
    return [
        (row.session_id, row.head)
        for row in Snapshots("r", KEY, signed=True).due(first, tenant, [(before, session)])
    ]


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


@given(st.data())
def test_a_fold_is_believed_as_it_was_kept_and_in_no_other_way(data: st.DataObject) -> None:
    state = TenantState(tenant_id="acme", next_position=7, head_hash=b"h" * 32)
    snapshots, reader = Snapshots("r", KEY, signed=True), MemoryStore()
    row = snapshots.sealed(snapshots.row(state), reader)
    assert snapshots.state(row, TenantState, reader) == state
    name = data.draw(st.sampled_from(SnapshotRow.__struct_fields__))
    kind = type(getattr(row, name))
    other = data.draw(st.from_type(kind).filter(lambda value: value != getattr(row, name)))
    changed = replace(row, **{name: other})
    assert snapshots.state(changed, TenantState, reader) is None
    assert snapshots.refused == (name != "rules_version")
    others = Snapshots("r", b"k" * 32, signed=True)
    assert others.state(row, TenantState, reader) is None

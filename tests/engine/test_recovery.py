"""State from the log: a cache never changes it, and a log that does not hold is said so."""

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aegisd.core.errors import LogCorrupt
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.merkle import BLOCK_LEAVES
from aegisd.core.state.fold import fact, fold_session, fold_tenant
from aegisd.core.state.model import SessionState, TenantState
from aegisd.engine.recovery import check_head, check_sessions, session_state, tenant_state
from aegisd.engine.snapshots import MAC_BYTES, Snapshots
from aegisd.engine.tree import TenantTree
from aegisd.rows import Batch, SnapshotRow
from aegisd.store.memory import MemoryStore
from tests.core.gate import Gate, proposal, tool
from tests.engine.world import OPEN


def ours(key: bytes = b"k") -> Snapshots:
    """The cached folds of one signed log."""
    return Snapshots("rules 1", key * 32, signed=True)


def worked(first: int = 0) -> Gate:
    """A log of a few events in two sessions; another one for each `first`."""
    gate = Gate(held=OPEN)
    for number in range(first, first + 4):
        gate.propose(tool("read_file", f"s{number % 2}"))
        gate.propose(proposal("USER_MESSAGE", {"content": number}, session_id="s0"))
    return gate


def kept(events: list[StoredEvent], *rows: SnapshotRow) -> MemoryStore:
    """A store that holds the events, and caches that nobody checked."""
    store = MemoryStore()
    store.append(Batch(tenant_id="acme", first_position=0, events=events))
    store.keep(rows)
    return store


def altered(events: list[StoredEvent], at: int, **changes: object) -> MemoryStore:
    """A store where somebody changed one row."""
    store = kept(events)
    row = replace(events[at], **changes)
    log = store._tenants["acme"]
    log.events[at] = row
    log.sessions[row.session_id] = [
        row if event.position == at else event for event in log.sessions[row.session_id]
    ]
    return store


def folds(events: list[StoredEvent], session_id: str) -> tuple[SessionState, TenantState]:
    """Both states after the events."""
    session = SessionState(tenant_id="acme", session_id=session_id)
    tenant = TenantState(tenant_id="acme")
    for event in events:
        tenant = fold_tenant(tenant, fact(event))
        if event.session_id == session_id:
            session = fold_session(session, fact(event))
    return session, tenant


def caches(events: list[StoredEvent], upto: int) -> tuple[SnapshotRow, SnapshotRow]:
    """What a writer would have cached when the log had `upto` events: session s0 and tenant."""
    session, tenant = folds(events[:upto], "s0")
    store = kept(events)
    made = ours()
    return made.sealed(made.row(session), store), made.sealed(made.row(tenant), store)


@given(st.integers(3, 14))
def test_a_cache_of_any_age_gives_the_fold_from_the_beginning(upto: int) -> None:
    events = worked().events
    session, tenant = folds(events, "s0")
    for rows in ((), caches(events, upto)):
        store = kept(events, *rows)
        assert session_state(store, "acme", "s0", ours()) == session
        assert tenant_state(store, "acme", ours()) == tenant


def test_what_nobody_wrote_has_an_empty_state() -> None:
    store = kept(worked().events)
    assert session_state(store, "acme", "nobody", ours()) == SessionState(
        tenant_id="acme", session_id="nobody"
    )
    assert tenant_state(store, "nobody", ours()) == TenantState(tenant_id="nobody")
    check_head(store, TenantState(tenant_id="nobody"))


def test_a_session_that_is_new_costs_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    for more in ("snapshot", "session_events"):
        monkeypatch.delattr(MemoryStore, more)
    assert session_state(kept(worked().events), "acme", "nobody", ours()).next_seq == 0


def counted(row: SnapshotRow) -> SnapshotRow:
    """A row of somebody who would like other counters, and has no key."""
    body = row.body.replace(b'"violations":0', b'"violations":9').replace(
        b'"denied":', b'"denied":1'
    )
    return replace(row, body=body)


Spoil = Callable[[SnapshotRow], SnapshotRow]

OTHERS, HERE = ours(b"l"), kept(worked().events)

# How a row may come to lie, and whether that is told of: other rules are no news.
SPOILS: dict[str, tuple[Spoil, bool]] = {
    "counters": (counted, True),
    "no code": (lambda row: replace(row, body=row.body[MAC_BYTES:]), True),
    "no body": (lambda row: replace(row, body=b""), True),
    "one bit": (lambda row: replace(row, body=row.body[:-1] + bytes([row.body[-1] ^ 1])), True),
    "another head": (lambda row: replace(row, head_hash=b"\1" * 32), True),
    "earlier": (lambda row: replace(row, head=row.head - 1), True),
    "later": (lambda row: replace(row, head=row.head + 1), True),
    "another's": (lambda row: OTHERS.sealed(replace(row, body=row.body[MAC_BYTES:]), HERE), True),
    "other rules": (lambda row: replace(row, rules_version="rules 2"), False),
}


@pytest.mark.parametrize("name", sorted(SPOILS))
def test_a_cache_that_its_key_does_not_speak_for_is_computed_from_the_log_and_counted(
    name: str,
) -> None:
    spoil, told = SPOILS[name]
    events = worked().events
    session, tenant = folds(events, "s0")
    places = [(row.session_id, spoil(row)) for row in caches(events, 9)]
    rows = [replace(row, tenant_id="acme", session_id=place) for place, row in places]
    snapshots = ours()
    store = kept(events, *rows)
    assert session_state(store, "acme", "s0", snapshots) == session
    assert tenant_state(store, "acme", snapshots) == tenant
    assert snapshots.refused == 2 * told


def test_a_cache_of_an_event_that_the_log_does_not_hold_is_not_used() -> None:
    events, others = worked().events, worked(5).events
    session, tenant = folds(events[:7], "s0")
    for rows in (caches(events, 9), caches(others, 7)):
        store = kept(events[:7], *rows)
        assert session_state(store, "acme", "s0", ours()) == session
        assert tenant_state(store, "acme", ours()) == tenant


def said(*contents: str) -> list[StoredEvent]:
    """A log in which each but the last was said in a session of its own."""
    gate = Gate(held=OPEN)
    for number, content in enumerate(contents, 1):
        session_id = f"s{number % len(contents)}"
        gate.propose(proposal("USER_MESSAGE", {"content": content}, session_id=session_id))
    return gate.events


def test_a_cache_of_another_history_with_the_same_last_event_is_not_used() -> None:
    events, others = said("ours", "bye"), said("theirs", "bye")
    assert [events[at].hash == others[at].hash for at in (-2, -1)] == [False, True]
    snapshots = ours()
    _session, tenant = folds(events, "s0")
    assert tenant_state(kept(events, *caches(others, len(others))), "acme", snapshots) == tenant
    assert snapshots.refused == 1


@pytest.mark.parametrize("cached", [0, 2])
def test_events_that_are_folded_are_those_of_the_tree_that_is_kept(cached: int) -> None:
    """What a start holds to the signature is the tree; the fold must be of the same events."""
    events = said(*map(str, range(BLOCK_LEAVES)), "end")
    _head, growth = TenantTree(kept(events), "acme").grow()
    assert len(growth.blocks) == 1
    changed = said("other", *map(str, range(1, BLOCK_LEAVES)), "end")
    store = kept(changed, *caches(events, BLOCK_LEAVES + 1)[:cached])
    store.grow(growth)
    if cached:
        # The fold is of what was signed, whatever the rows say by now.
        assert tenant_state(store, "acme", ours()) == folds(events, "s0")[1]
        return
    with pytest.raises(LogCorrupt, match="events from position 0 on are not those"):
        tenant_state(store, "acme", ours())


@pytest.mark.parametrize("at", range(2, 9))
def test_a_log_whose_bytes_were_changed_gives_no_state(at: int) -> None:
    events = worked().events
    own = events[at].session_id
    changed = events[at].body.replace(b'"tenant_id":"acme"', b'"tenant_id":"bcme"')
    stores = [
        altered(events, at, body=changed),
        altered(events, at, hash=b"\1" * 32),
        altered(events, at, body=b"{}", hash=hashlib.sha256(b"{}").digest()),
        altered(events, at, event_type="FROM_THE_FUTURE"),
        altered(events, at, agent_id="somebody"),
        altered(events, at, idempotency_key="k"),
        altered(events, at, prev_hash=b"\1" * 32),
    ]
    for store in stores:
        with pytest.raises(LogCorrupt, match=f"position {at}"):
            tenant_state(store, "acme", ours())
    for store in stores:
        with pytest.raises(LogCorrupt, match=f"session {own}"):
            session_state(store, "acme", own, ours())


def test_a_log_with_a_row_gone_gives_no_state() -> None:
    events = worked().events
    for at in range(2, len(events) - 1):
        store = kept(events)
        log = store._tenants["acme"]
        own = log.sessions[events[at].session_id]
        log.events.pop(at)
        with pytest.raises(LogCorrupt, match=f"position {at} is missing"):
            tenant_state(store, "acme", ours())
        own.remove(events[at])
        if own and own[-1].seq > events[at].seq:
            with pytest.raises(LogCorrupt, match="does not continue"):
                session_state(store, "acme", events[at].session_id, ours())


def test_a_session_that_lost_a_row_to_another_name_or_place_stops_the_start() -> None:
    events = worked().events
    tenant = folds(events, "s0")[1]
    check_sessions(kept(events), tenant)
    for own in ("s0", "s1"):
        for change in ("session_id", "seq", "gone"):
            store = kept(events)
            sessions = store._tenants["acme"].sessions
            row = sessions[own].pop()
            if change == "session_id":
                sessions["elsewhere"] = [replace(row, session_id="elsewhere")]
            elif change == "seq":
                sessions[own].append(replace(row, seq=row.seq + 1))
            with pytest.raises(LogCorrupt, match="its sessions do not hold all events"):
                check_sessions(store, tenant)


def test_a_log_cut_or_lengthened_behind_the_daemons_back_is_not_its_own() -> None:
    events = worked().events
    store = kept(events)
    check_head(store, folds(events, "s0")[1])
    for upto in (0, 3, len(events) - 1):
        with pytest.raises(LogCorrupt, match="last commit"):
            check_head(store, folds(events[:upto], "s0")[1])

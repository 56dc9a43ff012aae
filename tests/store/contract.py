"""What `aegisd.ports.EventStore` promises, as tests that every store inherits.

A store's own test module makes `class TestSomeStore(StoreContract)` with a fixture `store`, and a
`StoreMachine` with `open_store`.
"""

import hashlib
import itertools
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from aegisd.core.errors import LogCorrupt, PositionConflict, StoreFailed
from aegisd.core.log.envelope import StoredEvent, seal
from aegisd.ports import EventStore
from aegisd.rows import (
    Batch,
    Checkpoint,
    Detached,
    Document,
    Growth,
    Place,
    SessionHead,
    SnapshotRow,
)
from tests.core.builders import envelope

# Ids of the log are ASCII; the store must not be what relies on it. Sorted by code point.
TENANTS = ("$t", "A", "a", "a\0b", "é", "\uffff", "\U0001f511")


def event(
    position: int, session_id: str = "s", seq: int | None = None, *, tenant_id: str = "acme"
) -> StoredEvent:
    """Make a row unlike any other; its session's seq is its position unless told."""
    seq = position if seq is None else seq
    body = f"{tenant_id}/{session_id}/{seq}@{position}".encode()
    return StoredEvent(
        tenant_id=tenant_id,
        position=position,
        session_id=session_id,
        seq=seq,
        event_type="TOOL_RESULT",
        ts_unix_ms=1_700_000_000_000 + position,
        user_id="" if position % 2 else "u1",
        agent_id=None if position % 3 else "g1",
        idempotency_key=None,
        prev_hash=b"" if seq == 0 else hashlib.sha256(b"before" + body).digest(),
        hash=hashlib.sha256(body).digest(),
        body=body,
    )


def batch(
    events: Sequence[StoredEvent],
    *,
    first_position: int | None = None,
    tenant_id: str = "acme",
    documents: Sequence[Document] = (),
) -> Batch:
    """Make a batch that begins at its first event unless told."""
    if first_position is None:
        first_position = events[0].position if events else 0
    return Batch(
        tenant_id=events[0].tenant_id if events else tenant_id,
        first_position=first_position,
        events=events,
        documents=documents,
    )


def document(body: bytes, kind: str = "manifest") -> Document:
    """Make a document named by its digest."""
    return Document(digest=hashlib.sha256(body).digest(), kind=kind, body=body)


def snapshot(body: bytes, session_id: str = "s", head: int = 0) -> SnapshotRow:
    """Make a snapshot of tenant acme."""
    return SnapshotRow(
        tenant_id="acme",
        session_id=session_id,
        rules_version="r1",
        head=head,
        head_hash=hashlib.sha256(body).digest(),
        body=body,
    )


class StoreContract:
    """The promises. `store` is an empty, open store."""

    # A store that cannot hold one of these says so in a test of its own.
    ids: ClassVar[tuple[str, ...]] = TENANTS

    def test_an_empty_store_knows_nobody(self, store: EventStore) -> None:
        assert store.tenants() == []
        assert store.next_position("acme") == 0
        assert store.recorded_head("acme") is None
        assert store.sessions("acme") == []
        assert store.session_head("acme", "s") is None
        assert list(store.events("acme")) == list(store.session_events("acme", "s")) == []
        assert store.by_idempotency_key("acme", "k") == []
        assert store.document(b"d" * 32) is None
        assert store.snapshot("acme", "s") is None

    def test_rows_come_back_unchanged_in_every_field(self, store: EventStore) -> None:
        rows = [event(0), replace(event(1), idempotency_key="k", body=bytes(range(256)), hash=b"")]
        store.append(batch(rows))
        assert list(store.events("acme")) == list(store.session_events("acme", "s")) == rows
        assert store.by_idempotency_key("acme", "k") == rows[1:]

    def test_integers_at_both_ends_of_64_bits_come_back(self, store: EventStore) -> None:
        rows = [replace(event(i), ts_unix_ms=ts) for i, ts in enumerate((-(2**63), 2**63 - 1))]
        store.append(batch(rows))
        assert list(store.events("acme")) == rows

    def test_ids_are_compared_by_code_point_and_nothing_else(self, store: EventStore) -> None:
        for tenant_id in reversed(self.ids):
            rows = [event(i, s, 0, tenant_id=tenant_id) for i, s in enumerate(reversed(self.ids))]
            store.append(batch(rows))
        assert store.tenants() == list(self.ids)
        for tenant_id in self.ids:
            assert [head.session_id for head in store.sessions(tenant_id)] == list(self.ids)
            for session_id in self.ids:
                (row,) = store.session_events(tenant_id, session_id)
                assert (row.tenant_id, row.session_id) == (tenant_id, session_id)
        assert store.tenants() == sorted(self.ids)

    @pytest.mark.parametrize("size", [1, 2, 127, 128, 129, 257, 600])
    def test_a_batch_of_any_size_is_kept_whole(self, store: EventStore, size: int) -> None:
        rows = [event(i, f"s{i % 7}", i // 7) for i in range(size)]
        store.append(batch(rows))
        assert list(store.events("acme")) == rows
        assert (store.next_position("acme"), store.in_sessions("acme")) == (size, size)
        assert store.recorded_head("acme") == (size, rows[-1].hash)
        store.append(batch([event(size, "gap", 1)]))
        assert (store.in_sessions("acme"), store.in_sessions("other")) == (None, 0)

    def test_a_body_of_a_mebibyte_comes_back(self, store: EventStore) -> None:
        rows = [replace(event(i), body=bytes([i]) * (1 << 20)) for i in range(5)]
        store.append(batch(rows))
        assert list(store.events("acme")) == rows
        assert list(store.session_events("acme", "s", from_seq=3)) == rows[3:]

    @pytest.mark.parametrize("first_position", [1, 3, 100])
    def test_a_batch_that_does_not_begin_where_the_log_ends_is_refused_whole(
        self, store: EventStore, first_position: int
    ) -> None:
        store.append(batch([event(0), event(1)]))
        rows = [event(first_position + i, "other", i) for i in range(3)]
        extra = document(b"m")
        with pytest.raises(PositionConflict) as caught:
            store.append(batch(rows))
        assert caught.value.details == {"tenant_id": "acme", "next_position": 2}
        with pytest.raises(PositionConflict):
            store.append(batch(rows, documents=[extra]))
        with pytest.raises(PositionConflict):
            store.append(batch([], first_position=first_position))
        self.assert_holds(store, [event(0), event(1)])
        assert store.document(extra.digest) is None

    @pytest.mark.parametrize("size", [3, 130])
    @pytest.mark.parametrize("where", [0, -1])
    def test_a_batch_with_one_row_that_exists_is_refused_whole(
        self, store: EventStore, size: int, where: int
    ) -> None:
        store.append(batch([event(0), event(1)]))
        rows = [event(2 + i, "other", i) for i in range(size)]
        rows[where] = replace(rows[where], session_id="s", seq=1)
        with pytest.raises(PositionConflict):
            store.append(batch(rows))
        with pytest.raises(PositionConflict):
            store.append(batch(rows, documents=[document(b"m")]))
        self.assert_holds(store, [event(0), event(1)])
        assert store.document(document(b"m").digest) is None

    def test_a_batch_that_holds_one_seq_twice_is_refused_whole(self, store: EventStore) -> None:
        with pytest.raises(PositionConflict):
            store.append(batch([event(0), event(1), event(2, seq=1)]))
        self.assert_holds(store, [])

    @pytest.mark.parametrize(
        "rows",
        [
            [event(0), event(2)],
            [event(1), event(0)],
            [event(0), event(0, "other")],
            [event(0), event(1, tenant_id="other")],
        ],
    )
    def test_a_batch_that_is_not_one_tenants_events_in_order_is_refused_whole(
        self, store: EventStore, rows: list[StoredEvent]
    ) -> None:
        with pytest.raises(StoreFailed):
            store.append(batch(rows))
        self.assert_holds(store, [])
        assert store.tenants() == []

    def test_a_refused_batch_leaves_the_way_free_for_the_next(self, store: EventStore) -> None:
        with pytest.raises(PositionConflict):
            store.append(batch([event(5)]))
        store.append(batch([event(0)]))
        self.assert_holds(store, [event(0)])

    def test_tenants_do_not_see_one_another(self, store: EventStore) -> None:
        store.append(batch([event(0)]))
        store.append(batch([event(0, tenant_id="acm"), event(1, tenant_id="acm")]))
        self.assert_holds(store, [event(0)])
        assert store.next_position("acm") == 2
        assert store.next_position("ac%") == 0

    def test_a_read_begins_and_ends_where_it_was_told(self, store: EventStore) -> None:
        rows = [event(i) for i in range(300)]
        store.append(batch(rows))
        starts = -1, 0, 1, 255, 256, 257, 299, 300, 2**63, 2**70
        for start, limit in itertools.product(starts, (None, 0, 1, 256, 257, 2**40)):
            wanted = rows[max(start, 0) :][:limit]
            assert list(store.events("acme", from_position=start, limit=limit)) == wanted
            assert list(store.session_events("acme", "s", from_seq=start, limit=limit)) == wanted

    def test_sessions_are_read_in_pages_without_a_gap(self, store: EventStore) -> None:
        rows = [event(i, f"s{i % 50:02}", i // 50) for i in range(150)]
        store.append(batch(rows))
        found: list[SessionHead] = []
        while page := store.sessions("acme", after=found[-1].session_id if found else "", limit=7):
            assert len(page) <= 7
            found += page
        assert [(head.session_id, head.seq, head.hash) for head in found] == [
            (row.session_id, 2, row.hash) for row in rows[100:]
        ]
        assert store.sessions("acme", limit=0) == []
        assert store.sessions("acme", after="s49") == []

    def test_a_key_finds_all_its_events_in_the_order_of_the_log(self, store: EventStore) -> None:
        rows = [
            replace(event(i, f"s{9 - i}", 0), idempotency_key="k" if i % 2 else "K")
            for i in range(6)
        ]
        store.append(batch(rows))
        assert store.by_idempotency_key("acme", "k") == rows[1::2]
        assert store.by_idempotency_key("acme", "") == []
        assert store.by_idempotency_key("other", "k") == []

    def test_a_document_is_kept_once_and_never_replace(self, store: EventStore) -> None:
        first = document(b"\x00bytes", "bundle")
        again = Document(digest=first.digest, kind="manifest", body=b"forged")
        store.append(batch([event(0)], documents=[first, first, document(b"two")]))
        store.append(batch([event(1)], documents=[again]))
        assert store.document(first.digest) == first
        assert store.document(document(b"two").digest) == document(b"two")

    def test_a_snapshot_replaces_the_one_of_its_session_only(self, store: EventStore) -> None:
        store.append(batch([event(0)]))
        store.keep([snapshot(b"1"), snapshot(b"t", "")])
        store.keep([snapshot(b"2", head=7), replace(snapshot(b"t", ""), tenant_id="other")])
        assert store.snapshot("acme", "s") == snapshot(b"2", head=7)
        assert store.snapshot("acme", "") == snapshot(b"t", "")
        assert [store.snapshot("other", name) is None for name in ("s", "")] == [True, False]
        self.assert_holds(store, [event(0)])

    def test_an_empty_batch_changes_nothing(self, store: EventStore) -> None:
        store.append(batch([]))
        assert store.tenants() == []
        store.append(batch([event(0)]))
        store.append(batch([], first_position=1))
        self.assert_holds(store, [event(0)])

    def test_a_closed_store_takes_nothing(self, store: EventStore) -> None:
        store.close()
        store.close()
        with pytest.raises(StoreFailed, match="closed"):
            store.append(batch([event(0)]))

    def test_readers_see_whole_batches_while_others_are_appended(self, store: EventStore) -> None:
        """Each batch puts one event into each of four sessions; nobody sees part of one."""
        done = threading.Event()

        def read_on() -> int:
            reads = 0
            while not done.is_set():
                rows = list(store.events("acme"))
                assert [row.position for row in rows] == list(range(len(rows)))
                assert len(rows) % 4 == 0
                heads = [head.seq for head in store.sessions("acme")]
                assert len(heads) in {0, 4}
                assert len(set(heads)) <= 1
                reads += 1
            return reads

        with ThreadPoolExecutor(4) as pool:
            readers = [pool.submit(read_on) for _ in range(4)]
            try:
                for turn in range(100):
                    rows = [event(turn * 4 + i, f"s{i}", turn) for i in range(4)]
                    store.append(batch(rows))
                    assert store.next_position("acme") == turn * 4 + 4
            finally:
                done.set()
            assert all(reader.result() > 0 for reader in readers)

    def test_a_half_read_stream_goes_on_in_another_thread_with_what_came_since(
        self, store: EventStore
    ) -> None:
        store.append(batch([event(i) for i in range(300)]))
        stream = store.events("acme")
        read = [next(stream) for _ in range(10)]
        store.append(batch([event(300)]))
        with ThreadPoolExecutor(1) as pool:
            read += pool.submit(list[StoredEvent], stream).result()
        assert read == [event(i) for i in range(301)]

    @staticmethod
    def assert_holds(store: EventStore, rows: list[StoredEvent]) -> None:
        """Every read agrees that these are the tenant's events."""
        assert list(store.events("acme")) == rows
        assert store.next_position("acme") == len(rows)
        assert store.recorded_head("acme") == ((len(rows), rows[-1].hash) if rows else None)
        ids = sorted({row.session_id for row in rows})
        assert [head.session_id for head in store.sessions("acme")] == ids


def root(name: str) -> bytes:
    """Make the root of a tree or a block, 32 bytes."""
    return hashlib.sha256(name.encode()).digest()


def checkpoint(size: int, note: str = "", *, tenant_id: str = "acme") -> Checkpoint:
    """Make the checkpoint of a size, the same root for the same size."""
    return Checkpoint(tenant_id=tenant_id, size=size, root=root(f"tree {size}"), note=note)


def growth(*checkpoints: Checkpoint, first_block: int = 0, blocks: Sequence[str] = ()) -> Growth:
    """Make a growth of tenant acme."""
    roots = [root(name) for name in blocks]
    return Growth(tenant_id="acme", first_block=first_block, blocks=roots, checkpoints=checkpoints)


def said(position: int, user_id: str, session_id: str) -> StoredEvent:
    """Make a row whose bytes say whose it is, and whose columns say something else."""
    told = envelope(0, "USER_MESSAGE", None, session_id=session_id, user_id=user_id)
    return replace(event(position), body=seal(told, position, b"").body)


def value(position: int, pointer: str, subject: str = "u1", *, tenant_id: str = "acme") -> Detached:
    """Make a value that stands beside its event, unlike any other."""
    name = f"{tenant_id} {position} {pointer}"
    return Detached(
        tenant_id=tenant_id,
        position=position,
        pointer=pointer,
        subject=subject,
        salt=root(name),
        value=f'"{name}"'.encode(),
    )


def with_values(
    rows: Sequence[StoredEvent], *values: Detached, erased: Sequence[Place] = ()
) -> Batch:
    """Make a batch of events and values, which erases others."""
    return replace(batch(rows), detached=values, erased=erased)


class EvidenceContract:
    """The promises about trees, checkpoints and detached values. `store` is empty and open."""

    def test_an_empty_store_has_no_evidence(self, store: EventStore) -> None:
        assert store.hashes("acme", from_position=0, limit=10) == []
        assert store.blocks("acme") == []
        assert store.checkpoints("acme") == []
        assert store.newest_checkpoint("acme") is None
        assert store.detached("acme", 0) == []
        assert store.values_of("acme", "u1") == []

    def test_hashes_are_the_leaves_in_position_order(self, store: EventStore) -> None:
        rows = [event(i) for i in range(300)]
        store.append(batch(rows))
        store.append(batch([event(0, tenant_id="other")]))
        starts = 0, 1, 299, 300, 2**63, 2**70
        for start, limit in itertools.product(starts, (0, 1, 256, 257, 2**40)):
            wanted = [row.hash for row in rows[start:][:limit]]
            assert store.hashes("acme", from_position=start, limit=limit) == wanted

    def test_blocks_are_kept_as_far_as_they_have_no_gap(self, store: EventStore) -> None:
        store.grow(growth(blocks=["0", "1"]))
        store.grow(growth(first_block=3, blocks=["3"]))
        assert store.blocks("acme") == [root("0"), root("1")]
        store.grow(growth(first_block=1, blocks=["1", "2"]))
        assert store.blocks("acme") == [root("0"), root("1"), root("2"), root("3")]
        assert store.blocks("acme", first=2) == [root("2"), root("3")]
        assert store.blocks("other") == store.blocks("acme", first=4) == []

    def test_checkpoints_come_by_size_and_the_newest_is_the_largest(
        self, store: EventStore
    ) -> None:
        kept = [checkpoint(size, f"note {size}") for size in (1, 5, 7, 300)]
        store.grow(growth(kept[2], kept[0]))
        store.grow(growth(kept[3]))
        store.grow(growth(kept[1]))
        assert store.checkpoints("acme") == kept
        assert store.checkpoints("acme", from_size=5) == kept[1:]
        assert store.checkpoints("acme", from_size=6, limit=1) == kept[2:3]
        assert store.checkpoints("acme", from_size=301) == []
        assert store.checkpoints("acme", from_size=2**70) == []
        assert store.checkpoints("acme", limit=0) == []
        assert store.newest_checkpoint("acme") == kept[3]
        assert store.newest_checkpoint("other") is None

    def test_a_checkpoint_is_kept_unsigned_and_gets_its_note_once(self, store: EventStore) -> None:
        store.grow(growth(checkpoint(3)))
        assert store.newest_checkpoint("acme") == checkpoint(3)
        store.grow(growth(checkpoint(3, "signed")))
        assert store.newest_checkpoint("acme") == checkpoint(3, "signed")
        store.grow(growth(checkpoint(3)))
        store.grow(growth(checkpoint(3, "signed again")))
        assert store.checkpoints("acme") == [checkpoint(3, "signed")]

    def test_another_root_is_corruption_and_nothing_of_that_growth_is_kept(
        self, store: EventStore
    ) -> None:
        store.grow(growth(checkpoint(3), blocks=["0", "1"]))
        other = Checkpoint(tenant_id="acme", size=3, root=root("forged"), note="signed")
        with pytest.raises(LogCorrupt):
            store.grow(growth(checkpoint(9), other, first_block=2, blocks=["2"]))
        with pytest.raises(LogCorrupt):
            store.grow(growth(checkpoint(9), first_block=1, blocks=["forged", "2"]))
        with pytest.raises(LogCorrupt):
            store.grow(growth(checkpoint(9), replace(other, size=9)))
        assert store.checkpoints("acme") == [checkpoint(3)]
        assert store.blocks("acme") == [root("0"), root("1")]
        store.grow(growth(checkpoint(9), first_block=2, blocks=["2"]))
        assert store.newest_checkpoint("acme") == checkpoint(9)

    def test_a_tree_grows_beside_the_log_and_changes_nothing_of_it(self, store: EventStore) -> None:
        store.append(batch([event(0)]))
        store.grow(growth(checkpoint(1)), growth(blocks=["0"]))
        store.append(batch([event(1)]))
        StoreContract.assert_holds(store, [event(0), event(1)])

    def test_values_are_kept_with_their_events_and_found_by_pointer(
        self, store: EventStore
    ) -> None:
        values = [value(0, "/args/b"), value(0, "/args/a\0", "u2"), value(1, "")]
        store.append(with_values([event(0), event(1)], *values))
        assert store.detached("acme", 0) == [values[1], values[0]]
        assert store.detached("acme", 1) == [values[2]]
        assert store.detached("other", 0) == []
        more = [value(2, f"/{at:03}") for at in range(40)]
        store.append(with_values([event(2)], *reversed(more)))
        assert list(store.kept("acme")) == [values[1], values[0], values[2], *more]
        assert list(store.kept("other")) == []

    def test_whose_a_value_is_its_events_bytes_tell_and_no_column(self, store: EventStore) -> None:
        # The columns say u1 and nobody in turn.
        rows = [said(0, "u2", "s"), said(1, "", "u2"), said(2, "u3", "u2"), said(3, "u1", "s")]
        store.append(with_values(rows, *(value(at, f"/{at}\0", "u9") for at in range(4))))
        places = [Place(at, f"/{at}\0") for at in range(4)]
        for subject, wanted in (("u2", places[:2]), ("u3", places[2:3]), ("u9", []), ("s", [])):
            assert store.values_of("acme", subject) == wanted

    def test_a_refused_batch_keeps_no_value_and_erases_none(self, store: EventStore) -> None:
        store.append(with_values([event(0)], value(0, "/a")))
        for row, gone in ((event(5), ()), (event(1, seq=0), ()), (event(1), (Place(0, "/b"),))):
            refused = with_values([row], value(row.position, "/a"), erased=[Place(0, "/a"), *gone])
            with pytest.raises(StoreFailed if gone else PositionConflict):
                store.append(refused)
        assert list(store.kept("acme")) == [value(0, "/a")]
        StoreContract.assert_holds(store, [event(0)])

    def test_erasing_deletes_values_and_no_event(self, store: EventStore) -> None:
        store.append(with_values([event(0)], value(0, "/a"), value(0, "/b", "u2")))
        theirs = value(0, "/a", tenant_id="other")
        store.append(with_values([event(0, tenant_id="other")], theirs))
        erased = [Place(1, "/a"), Place(0, "/a")]
        store.append(with_values([event(1)], value(1, "/a"), erased=erased))
        assert store.detached("acme", 0) == [value(0, "/b", "u2")]
        assert store.detached("acme", 1) == []
        assert store.detached("other", 0) == [theirs]
        StoreContract.assert_holds(store, [event(0), event(1)])


IDS = st.sampled_from(["a", "b", "B", "b.1"])
KEYS = st.sampled_from([None, None, "k1", "k2"])


class StoreMachine(RuleBasedStateMachine):
    """Any sequence of appends, beside a model that is one list of rows and nothing clever."""

    def open_store(self) -> EventStore:
        """Open the store under test; the first time it is empty."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.store = self.open_store()
        self.rows: list[StoredEvent] = []
        self.documents: dict[bytes, Document] = {}
        self.snapshots: dict[tuple[str, str], SnapshotRow] = {}

    def teardown(self) -> None:
        """Close the store."""
        self.store.close()

    def of(self, tenant_id: str) -> list[StoredEvent]:
        """The model's rows of a tenant, in position order."""
        rows = [row for row in self.rows if row.tenant_id == tenant_id]
        return sorted(rows, key=lambda row: row.position)

    @rule(
        tenant_id=IDS,
        sessions=st.lists(st.tuples(IDS, KEYS), max_size=5),
        gap=st.sampled_from([0, 0, 0, 0, 1, -1]),
        seq_gap=st.sampled_from([0, 0, 0, 0, -1]),
        body=st.binary(max_size=3),
    )
    def append(
        self,
        tenant_id: str,
        sessions: list[tuple[str, str | None]],
        gap: int,
        seq_gap: int,
        body: bytes,
    ) -> None:
        """Append a batch; one that overlaps or leaves a gap is refused and changes nothing."""
        known = self.of(tenant_id)
        first = max(0, len(known) + gap)
        rows: list[StoredEvent] = []
        for index, (session_id, key) in enumerate(sessions):
            seq = sum(row.session_id == session_id for row in known + rows) + seq_gap
            row = event(first + index, session_id, max(0, seq), tenant_id=tenant_id)
            rows.append(replace(row, idempotency_key=key) if key else row)
        kept = document(body)
        state = SnapshotRow(
            tenant_id=tenant_id,
            session_id=sessions[0][0] if sessions else "",
            rules_version="r",
            head=first,
            head_hash=b"h",
            body=body,
        )
        new = Batch(
            tenant_id=tenant_id,
            first_position=first,
            events=rows,
            documents=[kept] if body else [],
        )
        taken = [(row.session_id, row.seq) for row in known + rows]
        if first != len(known) or len(set(taken)) < len(taken):
            with pytest.raises(PositionConflict):
                self.store.append(new)
            return
        self.store.append(new)
        self.rows += rows
        self.documents.update((row.digest, row) for row in new.documents)
        if len(body) > 1:
            self.store.keep([state])
            self.snapshots[state.tenant_id, state.session_id] = state

    @precondition(lambda self: self.rows)
    @rule(after=IDS, limit=st.integers(0, 4), start=st.integers(0, 5))
    def read_parts(self, after: str, limit: int, start: int) -> None:
        """Read from somewhere, so far."""
        for tenant_id in {row.tenant_id for row in self.rows}:
            known = self.of(tenant_id)
            part = self.store.events(tenant_id, from_position=start, limit=limit)
            assert list(part) == known[start:][:limit]
            ids = sorted({row.session_id for row in known if row.session_id > after})
            heads = self.store.sessions(tenant_id, after=after, limit=limit)
            assert [head.session_id for head in heads] == ids[:limit]

    @invariant()
    def every_read_is_what_the_list_says(self) -> None:
        """Compare each read of the store with the model."""
        assert self.store.tenants() == sorted({row.tenant_id for row in self.rows})
        for tenant_id in ("a", "b", "B", "b.1"):
            known = self.of(tenant_id)
            assert list(self.store.events(tenant_id)) == known
            assert self.store.next_position(tenant_id) == len(known)
            end = (len(known), known[-1].hash) if known else None
            assert self.store.recorded_head(tenant_id) == end
            for session_id in ("a", "b", "B", "b.1", ""):
                rows = [row for row in known if row.session_id == session_id]
                assert list(self.store.session_events(tenant_id, session_id)) == rows
                head = self.store.session_head(tenant_id, session_id)
                assert (head and (head.seq, head.hash)) == (
                    (rows[-1].seq, rows[-1].hash) if rows else None
                )
                state = self.snapshots.get((tenant_id, session_id))
                assert self.store.snapshot(tenant_id, session_id) == state
            for key in ("k1", "k2"):
                rows = [row for row in known if row.idempotency_key == key]
                assert self.store.by_idempotency_key(tenant_id, key) == rows
        for digest, kept in self.documents.items():
            assert self.store.document(digest) == kept

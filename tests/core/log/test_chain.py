"""Whatever is done to a stored log, the first break is where it was done.

The log under attack is small enough to try every byte, every column and every pair of rows.
"""

import hashlib
from collections.abc import Sequence

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from aegisd.core.log.chain import Break, Chain
from aegisd.core.log.envelope import StoredEvent, restore, seal
from aegisd.core.log.form import STORED_DEPTH_MAX
from tests.core.builders import PROPOSED, chain, envelope, small_log, verify
from tests.table import each

LOG = small_log()
POSITIONS = range(len(LOG))
# Positions with a later event of the same session, which names their hash.
CONTINUED = [
    e.position for e in LOG if any(n.session_id == e.session_id for n in LOG[e.position + 1 :])
]


def breaks(rows: Sequence[StoredEvent]) -> list[Break]:
    return list(verify(rows, whole=True))


def places(rows: Sequence[StoredEvent]) -> list[tuple[int, str]]:
    return [(broken.position, broken.rule) for broken in breaks(rows)]


def edited(at: int, **columns: object) -> list[StoredEvent]:
    """The log with columns of one row changed."""
    return [replace(row, **columns) if row.position == at else row for row in LOG]


def rehashed(position: int, body: bytes) -> list[StoredEvent]:
    """The log with one row's bytes changed, and its hash and columns made to agree."""
    return [restore(body, position) if row.position == position else row for row in LOG]


def next_of_session(position: int) -> int:
    session = LOG[position].session_id
    return next(row.position for row in LOG[position + 1 :] if row.session_id == session)


def test_an_untouched_log_holds() -> None:
    assert breaks(LOG) == []
    for session in ("s1", "s2"):
        rows = [row for row in LOG if row.session_id == session]
        assert list(verify(rows, whole=False)) == []
    assert list(verify([], whole=True)) == []


def test_the_chain_tells_what_it_has_seen() -> None:
    checked = Chain(whole=True)
    for row in LOG:
        checked.check(row)
    assert checked.events == 7
    assert checked.heads == {"s1": (2, LOG[4].hash), "s2": (3, LOG[6].hash)}


@each("first", range(len(LOG) + 1))
@each("second", range(len(LOG) + 1))
def test_behind_events_that_are_known_to_hold_all_is_found_that_is_found_behind_checked_ones(
    first: int, second: int
) -> None:
    known = max(first, second)
    for rest in (
        LOG[known:],
        LOG[known + 1 :],
        *(edited(at, hash=b"")[known:] for at in POSITIONS),
    ):
        checked, went_on = Chain(whole=True), Chain(whole=True)
        for row in LOG[:known]:
            checked.check(row)
        for start, end in ((0, min(first, second)), (min(first, second), known)):
            heads = {row.session_id: (row.seq, row.hash) for row in LOG[:end]}
            went_on.go_on(heads, end - start)
        assert (went_on.events, went_on.heads) == (checked.events, checked.heads)
        assert [went_on.check(row) for row in rest] == [checked.check(row) for row in rest]
        assert (went_on.events, went_on.heads) == (checked.events, checked.heads)


@each("position", POSITIONS)
@each("flip", [0x01, 0x20, 0x80])
def test_any_flipped_byte_of_any_stored_event_is_found_where_it_is(
    position: int, flip: int
) -> None:
    body = LOG[position].body
    for at in range(len(body)):
        flipped = bytes([*body[:at], body[at] ^ flip, *body[at + 1 :]])
        found = places(edited(position, body=flipped))
        assert found[0] == (position, "hash"), f"byte {at}"
        assert {place for place, _ in found} == {position}, f"byte {at}"


@pytest.mark.parametrize("position", CONTINUED)
@pytest.mark.parametrize("flip", [0x01, 0x02, 0x20])
def test_a_flipped_byte_with_the_hash_made_to_agree_is_found_in_the_link(
    position: int, flip: int
) -> None:
    body = LOG[position].body
    tried = 0
    for at in range(len(body)):
        flipped = bytes([*body[:at], body[at] ^ flip, *body[at + 1 :]])
        try:
            rows = rehashed(position, flipped)
        except (msgspec.MsgspecError, ValueError):
            continue
        tried += 1
        assert places(rows), f"byte {at}"
        if rows[position].session_id == LOG[position].session_id:
            assert (next_of_session(position), "prev_hash") in places(rows), f"byte {at}"
    assert tried > 30  # Most flips leave an envelope that reads.


@given(
    position=st.sampled_from(POSITIONS),
    cut=st.tuples(st.integers(0, 300), st.integers(0, 20)),
    inserted=st.binary(max_size=20),
)
def test_stored_bytes_changed_in_any_way_are_found_where_they_are(
    position: int, cut: tuple[int, int], inserted: bytes
) -> None:
    body = LOG[position].body
    start, length = cut
    changed = body[:start] + inserted + body[start + length :]
    found = places(edited(position, body=changed))
    assert (found == []) == (changed == body)
    assert all(place == position for place, _ in found)


@each("position", POSITIONS)
@each(
    ("column", "value"),
    [
        ("tenant_id", "acmf"),
        ("session_id", "s9"),
        ("seq", 17),
        ("event_type", "HANDOFF_COMPLETED"),
        ("ts_unix_ms", 1),
        ("user_id", "u2"),
        ("agent_id", ""),
        ("agent_id", "a2"),
        ("idempotency_key", ""),
        ("idempotency_key", "i2"),
        ("prev_hash", b"\1" * 32),
        ("prev_hash", b"\1"),
    ],
)
def test_any_index_column_that_contradicts_the_bytes_is_found(
    position: int, column: str, value: object
) -> None:
    found = breaks(edited(position, **{column: value}))
    assert found[0].position == position
    assert (found[0].rule, column in found[0].detail) == ("column", True)


@pytest.mark.parametrize("column", ["agent_id", "idempotency_key", "prev_hash"])
def test_an_index_column_emptied_is_found(column: str) -> None:
    for row in LOG:
        empty = b"" if column == "prev_hash" else None
        if getattr(row, column) != empty:
            assert (row.position, "column") in places(edited(row.position, **{column: empty}))


@pytest.mark.parametrize("position", POSITIONS)
def test_a_changed_hash_column_is_found(position: int) -> None:
    flipped = bytes([LOG[position].hash[0] ^ 1]) + LOG[position].hash[1:]
    for digest in (flipped, b"", bytes(32)):
        assert places(edited(position, hash=digest))[0] == (position, "hash")


@pytest.mark.parametrize("position", POSITIONS[:-1])
def test_a_deleted_row_is_found_at_the_next_one(position: int) -> None:
    rows = LOG[:position] + LOG[position + 1 :]
    assert places(rows)[0] == (position + 1, "position")
    if position in CONTINUED:
        successor = next_of_session(position)
        assert {(successor, "seq"), (successor, "prev_hash")} <= set(places(rows))


@pytest.mark.parametrize("position", CONTINUED)
def test_a_deleted_row_is_found_though_positions_were_closed_up(position: int) -> None:
    rows = LOG[:position] + LOG[position + 1 :]
    closed_up = [replace(row, position=at) for at, row in enumerate(rows)]
    successor = next_of_session(position) - 1
    assert places(closed_up) == [(successor, "seq"), (successor, "prev_hash")]


def test_a_deleted_tail_shows_in_the_heads_only() -> None:
    checked = Chain(whole=True)
    assert [broken for row in LOG[:-1] for broken in checked.check(row)] == []
    assert checked.heads["s2"] == (2, LOG[5].hash)


@each("first", POSITIONS)
@each("second", POSITIONS)
def test_two_rows_in_each_others_place_are_found_at_the_first(first: int, second: int) -> None:
    rows = list(LOG)
    rows[first], rows[second] = rows[second], rows[first]
    found = breaks(rows)
    assert bool(found) == (first != second)
    if found:
        assert found[0].rule == "position"
        assert found[0].position == max(first, second)
        assert f"expected position {min(first, second)}" in found[0].detail


@pytest.mark.parametrize("position", POSITIONS)
def test_a_row_given_twice_is_found_at_the_second(position: int) -> None:
    rows = [*LOG[: position + 1], LOG[position], *LOG[position + 1 :]]
    assert [rule for place, rule in places(rows) if place == position] == [
        "position",
        "seq",
        "prev_hash",
    ]


@pytest.mark.parametrize("position", CONTINUED)
def test_a_forked_session_is_found_at_the_second_branch(position: int) -> None:
    parent = LOG[position]
    other = envelope(
        parent.seq + 1, "USER_MESSAGE", {"content": "fork"}, session_id=parent.session_id
    )
    fork = seal(other, len(LOG), parent.hash)
    assert places([*LOG, fork]) == [(len(LOG), "seq"), (len(LOG), "prev_hash")]


@pytest.mark.parametrize("position", POSITIONS)
def test_a_position_is_part_of_the_log(position: int) -> None:
    assert (99, "position") in places(edited(position, position=99))


def test_a_sessions_own_events_need_no_positions() -> None:
    rows = [replace(row, position=5) for row in LOG if row.session_id == "s1"]
    assert list(verify(rows, whole=False)) == []
    assert [broken.rule for broken in verify(rows[1:], whole=False)] == ["seq", "prev_hash"]


def test_a_first_event_may_not_continue_anything() -> None:
    orphan = seal(envelope(0, "USER_MESSAGE", {"content": "x"}), 0, b"\1" * 32)
    assert places([orphan]) == [(0, "prev_hash")]


BODY = seal(envelope(0, "TOOL_CALL_PROPOSED", PROPOSED), 0, b"").body


@pytest.mark.parametrize(
    "body",
    [
        BODY.replace(b'"seq":0', b'"seq": 0'),
        BODY + b" ",
        BODY.replace(b'"args":{}', b'"args":{"x":1.0}'),
        BODY.replace(b'"args":{}', b'"args":{"x":1,"x":1}'),
        BODY.replace(b'"args":{}', b'"args":{"b":1,"a":1}'),
        BODY.replace(b'"args":{}', b'"args":{"b":9007199254740992}'),
        BODY.replace(b'"args":{}', rb'"args":{"b":"\u0061"}'),
        BODY.replace(b'"seq":0', b'"seq":0,"seq":0'),
        BODY.replace(b'"user_id":"u1"', b'"user_id":"x","user_id":"u1"'),
        BODY.replace(b'"args":{}', b'"args":' + b"[" * STORED_DEPTH_MAX + b"]" * STORED_DEPTH_MAX),
    ],
)
def test_bytes_that_are_not_canonical_are_found_though_all_hashes_agree(body: bytes) -> None:
    row = replace(restore(BODY, 0), body=body, hash=hashlib.sha256(body).digest())
    assert places([row]) == [(0, "canonical")]


def test_what_the_daemon_wraps_around_a_callers_depth_still_verifies() -> None:
    def rows(levels: int) -> list[StoredEvent]:
        nested = Raw(b"[" * levels + b"]" * levels)
        return chain([replace(envelope(0, "POLICY_DECISION", None), payload=nested)])

    assert places(rows(STORED_DEPTH_MAX - 1)) == []  # The envelope is a level of its own.
    assert places(rows(STORED_DEPTH_MAX)) == [(0, "canonical")]
    assert places(rows(100_000))[0] == (0, "envelope")


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b"[" * 100_000, b'{"$kind":"x"}'])
def test_bytes_that_are_no_envelope_are_a_break_and_not_a_crash(body: bytes) -> None:
    assert places(edited(2, body=body)) == [(2, "hash"), (2, "envelope")]


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b"0", b'{"seq":0}', b'{"$kind":"x"}'])
def test_what_is_no_envelope_is_found_though_it_is_canonical_and_all_hashes_agree(
    body: bytes,
) -> None:
    row = replace(restore(BODY, 0), body=body, hash=hashlib.sha256(body).digest())
    assert places([row]) == [(0, "envelope")]


def test_each_break_is_named_once_and_not_again_for_every_event_behind_it() -> None:
    body = rfc8785.dumps({**msgspec.json.decode(LOG[0].body), "user_id": "mallory"})
    assert places(rehashed(0, body)) == [(2, "prev_hash")]


def test_an_archive_keeps_the_foreign_tenants_bytes() -> None:
    rows = [replace(row, tenant_id="archive") for row in LOG]
    checked = Chain(whole=True, body_tenant="acme")
    assert [broken for row in rows for broken in checked.check(row)] == []
    for body_tenant in (None, "archive", "other"):
        refused = Chain(whole=True, body_tenant=body_tenant)
        assert {broken.rule for row in rows for broken in refused.check(row)} == {"column"}


def test_a_break_names_tenant_session_seq_and_position() -> None:
    assert breaks(edited(3, hash=b"")) == [
        Break(
            tenant_id="acme",
            position=3,
            session_id="s2",
            seq=1,
            rule="hash",
            detail="the stored bytes do not have the stored hash",
        ),
        Break(
            tenant_id="acme",
            position=5,
            session_id="s2",
            seq=2,
            rule="prev_hash",
            detail="does not continue the hash of seq 1",
        ),
    ]

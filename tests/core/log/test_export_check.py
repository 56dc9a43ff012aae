"""Evidence in an export: every way it can lie is a break, and what it covers is said."""

import io
from collections.abc import Iterable, Sequence

import pytest
from msgspec.structs import replace

from aegisd.core.errors import ExportInvalid
from aegisd.core.log import detached, note
from aegisd.core.log.chain import NOWHERE, Break
from aegisd.core.log.checkpoint import TreeHead, origin
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.export import (
    Evidence,
    ExportedCheckpoint,
    ExportedDetached,
    ExportedDocument,
    ExportedProof,
    Scope,
    Trailer,
)
from aegisd.core.log.export_check import ExportCheck, announced, holding
from aegisd.core.log.export_reading import read
from aegisd.core.log.foreign import decoder
from aegisd.core.log.merkle import Tree
from aegisd.core.log.note import Key
from aegisd.signing import ed25519
from tests.conformance.evidence_files import ended
from tests.core.builders import chain, envelope, export_lines, small_log

SEED, THIEF = b"\1" * 32, b"\2" * 32
KEY = Key(name="log.example", public=ed25519.public_key(SEED))
SALT, VALUE = b"\3" * 32, b'"secret"'


def kept_beside() -> list[StoredEvent]:
    """A log whose second event commits to a value beside it."""
    commitment = detached.commitment(SALT, VALUE)
    told = {"call_id": "c1", "result": {"a/b": [commitment]}}
    return chain(
        [
            envelope(0, "TOOL_CALL_PROPOSED", {"tool_name": "t", "args": {}}),
            envelope(1, "TOOL_RESULT", told),
        ]
    )


LOG = small_log()
WHOLE, SESSION = Scope(tenant_id="acme"), Scope(tenant_id="acme", session_id="s2")
S2 = [row for row in LOG if row.session_id == "s2"]
LEAVES = [row.hash for row in LOG]
VALUE_LINE = ExportedDetached(
    position=1, pointer="/result/a~1b/0", subject="u1", salt=SALT, value=VALUE.decode()
)


def tree(leaves: Sequence[bytes] = LEAVES) -> Tree:
    grown = Tree()
    grown.extend(leaves)
    return grown


def signed(
    size: int = len(LOG),
    *,
    leaves: Sequence[bytes] = LEAVES,
    seed: bytes = SEED,
    tenant_id: str = "acme",
) -> ExportedCheckpoint:
    root = tree(leaves).root_at(size, lambda at, count: leaves[at : at + count])
    head = TreeHead(origin=origin("log.example", tenant_id), size=size, root=root)
    key = Key(name=head.origin, public=ed25519.public_key(seed))
    return ExportedCheckpoint(
        note=note.write(head.text, [(key, ed25519.signing(seed)(head.text.encode()))])
    )


def proofs(size: int = len(LOG), events: Sequence[StoredEvent] = S2) -> list[ExportedProof]:
    grown = tree()
    return [
        ExportedProof(
            index=row.position,
            hashes=tuple(
                grown.inclusion(row.position, size, lambda at, count: LEAVES[at : at + count])
            ),
        )
        for row in events
        if row.position < size
    ]


def looked_at(
    scope: Scope,
    events: Iterable[StoredEvent],
    evidence: Iterable[Evidence],
    keys: Sequence[Key] = (KEY,),
) -> tuple[ExportCheck, list[str]]:
    """The check of such an export, and the rules that broke."""
    data = b"".join(export_lines(scope, [], events, evidence))
    check = ExportCheck(keys, ed25519.check, sizes=announced(data))
    rules = [each.rule for part in read(io.BytesIO(data)) for each in check.check(part)]
    return check, rules


@pytest.mark.parametrize("size", range(1, len(LOG) + 1))
def test_a_whole_tenant_leads_to_the_root_that_was_signed(size: int) -> None:
    check, rules = looked_at(WHOLE, LOG, [signed(size)])
    assert (rules, check.signed, check.covered) == ([], True, size)


@pytest.mark.parametrize("size", range(1, len(LOG) + 1))
def test_of_a_session_each_covered_event_leads_to_the_root(size: int) -> None:
    evidence: list[Evidence] = [signed(size), *proofs(size)]
    check, rules = looked_at(SESSION, S2, evidence)
    covered = sum(row.position < size for row in S2)
    assert (rules, check.signed, check.covered) == ([], True, covered)


def after_proven(
    scope: Scope, rows: Sequence[StoredEvent], hashes: Sequence[bytes]
) -> tuple[ExportCheck, list[str]]:
    """The check of an export whose first events are taken as proven, and the rules that broke."""
    evidence: list[Evidence] = [signed(), *(proofs() if scope.session_id else [])]
    first, *parts = read(export_lines(scope, [], rows, evidence))
    check = ExportCheck((KEY,), ed25519.check, sizes=[len(LOG)])
    check.check(first)
    proven = rows[: len(hashes)]
    check.proven({row.session_id: (row.seq, row.hash) for row in proven}, hashes)
    return check, [each.rule for part in parts[len(proven) :] for each in check.check(part)]


@pytest.mark.parametrize(("scope", "rows"), [(WHOLE, LOG), (SESSION, S2)])
def test_an_export_whose_first_events_are_proven_elsewhere_holds_as_one_that_was_checked(
    scope: Scope, rows: Sequence[StoredEvent]
) -> None:
    hashes = [row.hash for row in rows]
    for proven in range(len(rows) + 1):
        check, rules = after_proven(scope, rows, hashes[:proven])
        assert (rules, check.signed, check.chain.events) == ([], True, len(rows))
        assert check.covered == len(rows)


@pytest.mark.parametrize(("scope", "rows", "rule"), [(WHOLE, LOG, "root"), (SESSION, S2, "proof")])
def test_events_proven_elsewhere_are_held_to_the_evidence_as_checked_ones_are(
    scope: Scope, rows: Sequence[StoredEvent], rule: str
) -> None:
    hashes = [row.hash for row in rows]
    for at in range(len(rows)):
        _, rules = after_proven(scope, rows, [*hashes[:at], bytes(32), *hashes[at + 1 :]])
        assert rules == [rule]


def test_without_a_key_nothing_is_said_of_the_signature() -> None:
    check, rules = looked_at(WHOLE, LOG, [signed(seed=THIEF)], keys=())
    assert (rules, check.signed, check.covered) == ([], False, len(LOG))


def test_an_export_without_evidence_is_covered_by_nothing() -> None:
    check, rules = looked_at(WHOLE, LOG, [])
    assert (rules, check.signed, check.covered, check.head) == ([], False, 0, None)


def other_events() -> list[StoredEvent]:
    """The same log with its last event another one, hashed and linked as it should be."""
    return chain(
        [
            *(envelope(row.seq, "USER_MESSAGE", {"content": "x"}, session_id=row.session_id)
              for row in LOG[:-1]),
            envelope(3, "TERMINATION", {"reason": "other"}, session_id="s2"),
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("events", "evidence", "rule"),
    [
        (LOG, signed(seed=THIEF), "signature"),
        (LOG, signed(leaves=[*LEAVES[:-1], LEAVES[0]]), "root"),
        (other_events(), signed(), "root"),
        (LOG[:-1], signed(), "checkpoint"),
        (LOG, signed(tenant_id="other"), "checkpoint"),
        (LOG, ExportedCheckpoint(note="not a note\n"), "checkpoint"),
        (LOG, proofs()[0], "proof"),
    ],
)
def test_each_lie_about_a_whole_tenant_breaks_its_rule(
    events: list[StoredEvent], evidence: Evidence, rule: str
) -> None:
    _, rules = looked_at(WHOLE, events, [evidence])
    assert rule in rules


@pytest.mark.parametrize(
    "lies",
    [
        [proofs()[1], proofs()[0], *proofs()[2:]],
        [*proofs(), proofs()[-1]],
        [replace(proofs()[0], index=2), *proofs()[1:]],
        [replace(proofs()[0], hashes=proofs()[0].hashes[:-1]), *proofs()[1:]],
        [replace(proofs()[0], hashes=(b"\0" * 32, *proofs()[0].hashes[1:])), *proofs()[1:]],
        proofs()[1:],
        [replace(proofs()[0], index=-1)],
    ],
)
def test_each_lie_about_a_session_breaks_its_proof(lies: list[ExportedProof]) -> None:
    _, rules = looked_at(SESSION, S2, [signed(), *lies])
    assert set(rules) == {"proof"}


def test_a_proof_without_a_checkpoint_proves_nothing() -> None:
    assert set(looked_at(SESSION, S2, proofs())[1]) == {"proof"}


def test_an_index_that_runs_back_is_no_proof_though_its_path_leads_to_the_root() -> None:
    twice = chain([envelope(0, "TERMINATION", None), envelope(1, "TERMINATION", None)])
    leaves = [row.hash for row in reversed(twice)]
    grown = tree(leaves)
    paths = [
        ExportedProof(
            index=1 - row.position,
            hashes=tuple(grown.inclusion(1 - row.position, 2, lambda at, n: leaves[at : at + n])),
        )
        for row in twice
    ]
    scope = Scope(tenant_id="acme", session_id="s1")
    assert looked_at(scope, twice, [signed(2, leaves=leaves), *paths])[1] == ["proof"]


def test_a_value_beside_its_event_is_the_one_the_event_commits_to() -> None:
    assert looked_at(WHOLE, kept_beside(), [VALUE_LINE])[1] == []
    assert looked_at(WHOLE, kept_beside(), [])[1] == []


def test_a_checkpoint_is_announced_by_the_end_of_the_file_and_nowhere_else() -> None:
    data = b"".join(export_lines(WHOLE, [], LOG, [signed(3)]))
    assert announced(data) == [3]
    assert announced(data[-700:]) == [3]
    assert announced(b"".join(export_lines(WHOLE, [], LOG))) == []
    for end in (b"", b"\n", b"\xff\n\xff\n", b'{"note":1}\n{}\n', b'{"note":"x"}\n{}\n'):
        assert announced(end) == []


def test_a_cut_tail_is_called_one() -> None:
    data = b"".join(export_lines(WHOLE, [], LOG[:-1], [signed()]))
    check = ExportCheck(sizes=announced(data))
    (found,) = [each for part in read(io.BytesIO(data)) for each in check.check(part)]
    assert (found.rule, "its tail was cut" in found.detail) == ("checkpoint", True)


def test_an_event_missing_from_the_middle_is_a_gap_and_no_cut_tail() -> None:
    data = b"".join(export_lines(WHOLE, [], [*LOG[:2], *LOG[3:]], [signed()]))
    check = ExportCheck(sizes=announced(data))
    found = [each for part in read(io.BytesIO(data)) for each in check.check(part)]
    assert [each.rule for each in found] == ["seq", "prev_hash", "checkpoint"]
    assert "events are missing, see the gap" in found[-1].detail


def edited(at: int, documents: Sequence[tuple[str, bytes]] = ()) -> list[Break]:
    """The breaks of an export whose event was edited, under the trailer of the honest one."""
    lines = list(export_lines(WHOLE, documents, LOG))
    number = 1 + len(documents) + at
    lines[number] = lines[number].replace(b'_ms":17', b'_ms":18')
    trailer = decoder(Trailer)(lines[-1])
    parts = read(iter(ended(b"".join(lines[:-1])).splitlines(keepends=True)))
    check = ExportCheck()
    found = [each for part in parts if not isinstance(part, Trailer) for each in check.check(part)]
    return [*found, *check.check(trailer)]


def test_an_edited_event_is_named_where_it_is_and_by_the_link_to_it() -> None:
    (found,) = edited(len(LOG) - 1)
    last = LOG[-1]
    assert (found.rule, found.position, found.seq) == ("head", last.position, last.seq)
    assert f"(line {len(LOG) + 1})" in found.detail
    (found,) = edited(1)
    assert (found.rule, found.position) == ("prev_hash", 3)
    assert "that event (line 3, position 1) was changed, or this link (line 5)" in found.detail


def test_a_document_with_other_bytes_is_named_by_its_line() -> None:
    data = b"".join(export_lines(WHOLE, [("bundle", b"{}"), ("manifest", b"{}")], LOG))
    check = ExportCheck()
    part = ExportedDocument(kind="manifest", body="{ }", digest="00" * 32)
    parts = [*read(io.BytesIO(data))][:2]
    assert [each for held in parts for each in check.check(held)] == []
    (found,) = check.check(part)
    assert (found.position, found.detail[:17]) == (NOWHERE, "line 3: manifest ")


@pytest.mark.parametrize(
    "lie",
    [
        replace(VALUE_LINE, value='"public"'),
        replace(VALUE_LINE, value='"secrets"'),
        replace(VALUE_LINE, salt=b"\4" * 32),
        replace(VALUE_LINE, pointer="/result/a~1b/1"),
        replace(VALUE_LINE, pointer="/result"),
        replace(VALUE_LINE, position=0),
        replace(VALUE_LINE, position=-1),
        replace(VALUE_LINE, subject="u2"),
    ],
)
def test_each_lie_about_a_value_breaks_its_rule(lie: ExportedDetached) -> None:
    assert looked_at(WHOLE, kept_beside(), [lie])[1] == ["detached"]
    assert "detached" in looked_at(WHOLE, kept_beside(), [VALUE_LINE, lie])[1]
    assert looked_at(WHOLE, kept_beside(), [VALUE_LINE, VALUE_LINE])[1] == ["detached"]


def test_only_an_export_that_holds_is_read_to_its_end() -> None:
    lines = list(export_lines(WHOLE, [], LOG, [signed(seed=THIEF)]))
    sizes = announced(b"".join(lines))
    assert len(list(holding(ExportCheck(sizes=sizes), lines))) == len(lines)
    with pytest.raises(ExportInvalid, match="rule signature"):
        list(holding(ExportCheck((KEY,), ed25519.check, sizes=sizes), lines))


def test_a_checkpoint_that_was_not_announced_is_a_break_and_not_believed() -> None:
    check = ExportCheck((KEY,), ed25519.check)
    rules = [each.rule for part in read(export_lines(WHOLE, [], LOG, [signed(3)]))
             for each in check.check(part)]  # fmt: skip
    assert rules == ["checkpoint"]

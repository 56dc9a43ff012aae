"""Every kind of tampering does what it says to a real export, and nothing more."""

import json
from collections.abc import Mapping
from contextlib import closing

import msgspec
import pytest

from aegisd.audit.anchors import Anchors
from aegisd.conformance import replaying, tampering
from aegisd.conformance.embedded import Embedded
from aegisd.conformance.replaying import Replays
from aegisd.conformance.step import Tampering
from aegisd.core.errors import ExportInvalid
from aegisd.core.log import checkpoint
from aegisd.core.log.note import read_key

EDIT = {"seq": 1, "from": '"outcome":"deny"', "to": '"outcome":"allow"'}


@pytest.fixture(scope="module")
def export(gate: Embedded) -> bytes:
    """Two sessions of a tenant in which everything is denied."""
    for session in ("s1", "s2", "s1", "s1"):
        event = {"tenant_id": "tampered", "session_id": session, "payload": {"tool_name": "x"}}
        body = json.dumps({**event, "event_type": "TOOL_CALL_PROPOSED"}).encode()
        assert gate.append(body, ndjson=False, key=None).refusal is None
    log = gate.log()
    try:
        return replaying.export(log, "tampered")
    finally:
        log.close()


@pytest.fixture(scope="module")
def signed(gate: Embedded, export: bytes) -> bytes:
    """The same log, with a checkpoint of all of it. `export` is there for its events."""
    answer = gate.checkpoint("tampered").value
    assert isinstance(answer, dict)
    with closing(gate.log()) as log:
        found = replaying.export(log, "tampered", str(answer["note"]))
    assert len(found) > len(export)
    return found


def keyed(gate: Embedded) -> Anchors:
    answer = gate.keys().value
    assert isinstance(answer, dict)
    return Anchors(keys=tuple(map(read_key, answer["keys"])))


def tamper(data: bytes, change: Mapping[str, object], session: str = "s1") -> bytes:
    return tampering.tamper(data, msgspec.convert(change, Tampering), session)


def rules(data: bytes) -> set[str]:
    return {found.rule for found in replaying.verify(data).breaks}


def test_the_export_holds_as_it_is(export: bytes) -> None:
    assert rules(export) == set()


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"edit": EDIT}, "prev_hash"),
        ({"edit": {**EDIT, "seq": 5}}, "head"),
        ({"delete": {"seq": 2}}, "seq"),
        ({"truncate": {"seq": 4}}, "head"),
        ({"swap": {"seq": 2}}, "prev_hash"),
        ({"repeat": {"seq": 2}}, "seq"),
        ({"header": {"from": '"tampered"', "to": '"other"'}}, "scope"),
        ({"trailer": {"from": '"events":9', "to": '"events":8'}}, "head"),
        ({"trailer": {"from": '"sha256":"', "to": '"sha256":"0'}}, "export"),
    ],
)
def test_each_kind_breaks_the_rule_that_it_should(
    change: Mapping[str, object], rule: str, export: bytes
) -> None:
    changed = tamper(export, change)
    assert changed != export
    assert rule in rules(changed)
    # The trailer's own digest gives nothing away, but where it is what was changed.
    assert ("export" in rules(changed)) == ("sha256" in str(change))


def test_a_rechained_export_verifies_and_does_not_replay(export: bytes, replays: Replays) -> None:
    changed = tamper(export, {"rechain": EDIT})
    assert rules(changed) == set()
    assert replays.derive(export).differences == []
    found = replays.derive(changed)
    assert set(found.by_class()) == {"tampered"}
    (_, difference) = found.differences[0]
    assert (difference.session_id, difference.seq) == ("s1", 1)


def test_only_the_session_that_is_named_is_touched(export: bytes) -> None:
    changed = tamper(export, {"truncate": {"seq": 0}}, "s2")
    before, after = export.splitlines(), changed.splitlines()
    gone = [line for line in before[:-1] if line not in after]
    assert len(gone) == 2
    assert all(b'"session_id":"s2"' in line for line in gone)


def test_a_line_of_the_control_session_can_be_named(export: bytes) -> None:
    assert "prev_hash" not in rules(tamper(export, {"delete": {"seq": 0}}, "$control"))
    assert "head" in rules(tamper(export, {"delete": {"seq": 0}}, "$control"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"edit": {"seq": 1, "from": "absent", "to": ""}}, "found it 0 times"),
        ({"edit": {"seq": 1, "from": '"', "to": ""}}, "once in the line"),
        ({"delete": {"seq": 6}}, "no event 6 of session s1"),
        ({"swap": {"seq": 5}}, "no event 6"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    change: Mapping[str, object], said: str, export: bytes
) -> None:
    with pytest.raises(ExportInvalid, match=said):
        tamper(export, change)


@pytest.mark.parametrize("seq", [0, 1, 5])
def test_a_session_that_is_cut_well_holds_as_if_it_had_never_been_longer(
    seq: int, export: bytes, replays: Replays
) -> None:
    changed = tamper(export, {"cut": {"seq": seq}})
    gone = [line for line in export.splitlines()[:-1] if line not in changed.splitlines()]
    assert len(gone) == 6 - seq
    assert rules(changed) == set()
    assert replays.derive(changed).tenants[0].sessions == (3 if seq else 2)


@pytest.mark.parametrize(
    ("changes", "alone", "with_key"),
    [
        ([], set(), set()),
        ([{"cut": {"seq": 4}}], {"checkpoint"}, {"checkpoint"}),
        ([{"rechain": EDIT}], {"root"}, {"root"}),
        ([{"rechain": EDIT}, {"unsigned": {}}], set(), {"signature"}),
        ([{"rechain": EDIT}, {"resign": {}}], set(), {"signature"}),
        ([{"cut": {"seq": 0}}, {"resign": {}}], set(), {"signature"}),
        ([{"note": {"from": "aegis.local/", "to": "aegis.lokal/"}}], None, None),
        ([{"note": {"from": r"\n9\n", "to": r"\n8\n"}}], {"root"}, {"root", "signature"}),
    ],
)
def test_the_checkpoint_tells_what_the_chain_does_not(
    changes: list[dict[str, object]],
    alone: set[str] | None,
    with_key: set[str] | None,
    signed: bytes,
    gate: Embedded,
) -> None:
    changed = signed
    if alone is None or with_key is None:
        with pytest.raises(ExportInvalid, match="found it 2 times"):
            tamper(changed, changes[0])
        return
    for change in changes:
        changed = tamper(changed, change)
    assert rules(changed) == alone
    found = replaying.verify(changed, keyed(gate))
    assert {each.rule for each in found.breaks} == with_key


def test_a_checkpoint_that_is_left_out_leaves_the_export_as_it_was(
    signed: bytes, export: bytes
) -> None:
    assert tamper(signed, {"unsigned": {}}) == export


def test_a_forger_signs_under_the_logs_own_name(signed: bytes) -> None:
    line = tamper(signed, {"resign": {}}).splitlines()[-2]
    head, note = checkpoint.read(json.loads(line)["note"])
    assert [each.name for each in note.signatures] == [head.origin]
    assert head == checkpoint.read(json.loads(signed.splitlines()[-2])["note"])[0]


@pytest.mark.parametrize("kind", ["note", "unsigned", "resign"])
def test_an_export_without_a_checkpoint_has_none_to_change(kind: str, export: bytes) -> None:
    told = {"from": "a", "to": "b"} if kind == "note" else {}
    with pytest.raises(ExportInvalid, match="no checkpoint"):
        tamper(export, {kind: told})

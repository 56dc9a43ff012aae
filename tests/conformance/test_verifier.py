"""The single-file verifier: what it says of a log, and that nobody changes one behind its back."""

import base64
import hashlib
from functools import cache
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from aegisd.core.log import proof
from aegisd.core.log.canonical import encode
from aegisd.core.log.note import NOTE_BYTES_MAX
from aegisd.core.log.proof import Proof
from conformance.verifier import aegis_verify
from drills.attacks import evidence
from drills.attacks.evidence import checkpoint_line, export, proof_lines
from tests.conformance.evidence_files import (
    BODIES,
    FILES,
    KEY,
    S2,
    THIEF,
    Look,
    ended,
    one_session,
    signed,
    whole,
)
from tests.core.builders import GOLDEN, chain, envelope, identifier, json_value
from tests.effort import some


@pytest.fixture(autouse=True)
def signatures_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checked by themselves elsewhere; here a thousand files carry the same one."""
    monkeypatch.setattr(aegis_verify, "ed25519_holds", cache(aegis_verify.ed25519_holds))


@pytest.fixture
def look(tmp_path: Path) -> Look:
    return Look(tmp_path)


# ── verdicts ─────────────────────────────────────────────────────────────────────────────────────


def test_a_log_without_checkpoints_is_a_chain(look: Look) -> None:
    report = look((GOLDEN / "export.jsonl").read_bytes())
    assert (report.verdict, report.exit_code) == ("CHAIN", 0)
    assert (report.events, report.sessions, report.covered) == (7, 2, 0)


@pytest.mark.parametrize("size", range(1, len(BODIES) + 1))
def test_a_checkpoint_and_its_key_make_it_signed_as_far_as_it_goes(look: Look, size: int) -> None:
    data = whole(BODIES, signed(BODIES[:size]))
    report = look(data, [KEY])
    assert (report.verdict, report.exit_code, report.covered) == ("SIGNED", 0, size)
    assert (look(data).verdict, look(data).covered) == ("CHAIN", 0)


def test_a_signature_that_covers_no_event_signs_nothing(look: Look) -> None:
    nothing = checkpoint_line(signed([]))
    session = [BODIES[at] for at in S2]
    stripped = export("acme", session, session_id="s2", evidence=[checkpoint_line(signed(BODIES))])
    for data in (whole(BODIES, signed([])), one_session(1), stripped):
        assert look.rules(data, KEY) == {"signature"}
    assert look.rules(export("acme", [], evidence=[nothing]), KEY) == {"signature"}


def test_a_key_of_somebody_else_is_no_signature(look: Look) -> None:
    data = whole(BODIES, signed(BODIES))
    assert look.rules(data, THIEF) == {"signature"}
    assert look(data, [THIEF, KEY]).verdict == "SIGNED"


def test_a_checkpoint_that_was_left_out_is_not_passed_over(look: Look) -> None:
    assert look.rules(whole(BODIES), KEY) == {"signature"}
    kept = look(whole(BODIES), [KEY], [signed(BODIES[:4])])
    assert (kept.verdict, kept.covered) == ("SIGNED", 4)


def test_a_checkpoint_of_another_tenant_is_not_this_ones(look: Look) -> None:
    assert look.rules(whole(BODIES, evidence.signed(KEY, "acmf", BODIES))) == {"checkpoint"}


@pytest.mark.parametrize("size", range(len(BODIES) + 1))
def test_an_older_checkpoint_that_was_kept_is_continued(look: Look, size: int) -> None:
    report = look(whole(BODIES, signed(BODIES)), [KEY], [signed(BODIES[:size])])
    assert (report.verdict, report.exit_code) == ("SIGNED", 0)
    assert any(f"kept checkpoint of {size} events" in remark for remark in report.remarks)


def test_a_log_shorter_than_a_kept_checkpoint_was_cut_or_rolled_back(look: Look) -> None:
    cut = BODIES[:-1]
    report = look(whole(cut, signed(cut)), [KEY], [signed(BODIES)])
    assert [broken.rule for broken in report.breaks] == ["checkpoint"]
    assert "rolled back" in report.breaks[0].detail


def test_a_log_shorter_than_its_own_checkpoint_was_cut(look: Look) -> None:
    for events in range(len(BODIES)):
        assert look.rules(whole(BODIES[:events], signed(BODIES)), KEY) == {"checkpoint"}


def test_a_rewritten_log_signed_by_the_same_key_contradicts_what_was_kept(look: Look) -> None:
    other = [row.body for row in chain([envelope(0, "TERMINATION", None)] * 1)] + BODIES[:0]
    report = look(whole(other, signed(other)), [KEY], [signed(BODIES[:1])])
    assert [broken.rule for broken in report.breaks] == ["checkpoint"]
    assert look(whole(other, signed(other)), [KEY]).verdict == "SIGNED"


def test_a_kept_checkpoint_that_cannot_be_used_is_said_and_not_dropped(look: Look) -> None:
    data = whole(BODIES, signed(BODIES))
    assert look(data, [KEY], [evidence.signed(KEY, "other", BODIES)]).breaks[0].rule == "checkpoint"
    with pytest.raises(aegis_verify.Unknown, match="signed by no given key"):
        look(data, [KEY], [signed(BODIES, THIEF)])


def test_without_a_key_a_kept_checkpoint_is_believed_and_compared(look: Look) -> None:
    assert look(whole(BODIES), kept=[signed(BODIES[:3])]).verdict == "CHAIN"
    assert look(whole(BODIES[:2]), kept=[signed(BODIES[:3])]).verdict == "BROKEN"


# ── one session, one event ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("size", "covered"), [(7, 4), (6, 3), (2, 1)])
def test_a_session_is_signed_as_far_as_its_proofs_go(look: Look, size: int, covered: int) -> None:
    report = look(one_session(size), [KEY])
    assert (report.verdict, report.events, report.covered) == ("SIGNED", 4, covered)
    assert report.session_id == "s2"


def test_a_session_is_held_against_a_kept_checkpoint_of_its_own_size_only(look: Look) -> None:
    assert look(one_session(), [KEY], [signed(BODIES)]).verdict == "SIGNED"
    assert look(one_session(), [KEY], [signed(BODIES[:3])]).breaks[0].rule == "checkpoint"
    assert look(one_session(3), [KEY], [evidence.signed(KEY, "acme", BODIES[2:5])]).exit_code == 1


def test_an_event_of_a_session_changed_with_its_chain_made_to_agree_has_no_proof(
    look: Look,
) -> None:
    last = msgspec.json.decode(BODIES[S2[-1]])
    forged = [*(BODIES[at] for at in S2[:-1]), encode({**last, "user_id": "mallory"})]
    lines = [checkpoint_line(signed(BODIES)), *proof_lines(BODIES, S2, 7)]
    data = export("acme", forged, session_id="s2", evidence=lines)
    assert look.rules(data, KEY) == {"proof"}
    assert look.rules(export("acme", forged, session_id="s2")) == set()


@pytest.mark.parametrize("order", [[1, 0, 2, 3], [0, 0, 1, 2], [0, 1, 2, 3, 3], [1, 2, 3]])
def test_proofs_stand_one_for_each_event_in_their_order(look: Look, order: list[int]) -> None:
    proofs = proof_lines(BODIES, S2, 7)
    lines = [checkpoint_line(signed(BODIES)), *(proofs[at] for at in order)]
    data = export("acme", [BODIES[at] for at in S2], session_id="s2", evidence=lines)
    assert look.rules(data, KEY) == {"proof"}


def test_a_sessions_events_stand_in_the_tree_in_the_order_that_it_has(look: Look) -> None:
    moved = list(BODIES)
    moved[S2[1]], moved[S2[2]] = moved[S2[2]], moved[S2[1]]
    order = [S2[0], S2[2], S2[1], S2[3]]
    lines = [checkpoint_line(signed(moved)), *proof_lines(moved, order, 7)]
    data = export("acme", [BODIES[at] for at in S2], session_id="s2", evidence=lines)
    assert look.rules(data, KEY) == {"proof"}


def tlog_proof(position: int, extra: bytes, size: int = 7) -> bytes:
    (line,) = proof_lines(BODIES, [position], size)
    hashes = tuple(map(base64.b64decode, line["hashes"]))  # type: ignore[call-overload]  # Texts.
    note = signed(BODIES[:size])
    return proof.write(Proof(index=position, hashes=hashes, checkpoint=note, extra=extra)).encode()


@pytest.mark.parametrize("position", range(len(BODIES)))
def test_a_proof_file_shows_one_event_beside_it_or_in_it(look: Look, position: int) -> None:
    inside, beside = tlog_proof(position, BODIES[position]), tlog_proof(position, b"")
    assert look(inside, [KEY]).verdict == "SIGNED"
    assert look(beside, [KEY], event=BODIES[position]).verdict == "SIGNED"
    assert look(inside).verdict == "CHAIN"
    assert look(inside, [THIEF]).verdict == "BROKEN"
    other = BODIES[position - 1]
    assert look(inside, [KEY], event=other).breaks[0].rule == "proof"
    assert look.rules(beside, KEY) == {"file"}
    with pytest.raises(aegis_verify.Unknown, match="--event"):
        look(beside)


def test_a_proof_file_tells_the_event_that_it_proves(
    look: Look, capsys: pytest.CaptureFixture[str]
) -> None:
    look(tlog_proof(3, BODIES[3]))
    assert aegis_verify.main([str(look.path), "--json"]) == 0
    told = msgspec.json.decode(capsys.readouterr().out)["proved"]
    event = msgspec.json.decode(BODIES[3])
    assert (told["position"], told["payload"]) == (3, event["payload"])
    assert told["hash"] == hashlib.sha256(BODIES[3]).hexdigest()
    assert told["prev_hash"] == base64.b64decode(event["prev_hash"]).hex()
    aegis_verify.main([str(look.path)])
    out = capsys.readouterr().out
    place = f"position 3, session {event['session_id']}, seq {event['seq']}, "
    assert f"the event: {place}{event['event_type']}\n" in out
    assert f'prev_hash: "{told["prev_hash"]}"' in out
    assert aegis_verify.main([str(look.path), "--key", str(THIEF.keys(0)[0]), "--json"]) == 1
    assert msgspec.json.decode(capsys.readouterr().out)["proved"] is None


def test_a_proof_under_another_tenants_origin_is_out_of_scope(look: Look) -> None:
    data = tlog_proof(3, BODIES[3]).decode()
    other = data[: data.index("\n\n") + 2] + evidence.signed(KEY, "acmf", BODIES)
    assert look.rules(other.encode(), KEY) == {"scope"}


def test_any_flipped_bit_of_a_proof_file_is_refused(look: Look) -> None:
    data = tlog_proof(3, BODIES[3])
    for at in range(len(data)):
        flipped = bytes([*data[:at], data[at] ^ 1 << at % 8, *data[at + 1 :]])
        try:
            code = look(flipped, [KEY]).exit_code
        except aegis_verify.Unknown:
            code = 2
        assert code != 0, f"byte {at}"


# ── changes ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", FILES)
def test_any_flipped_byte_is_refused_by_this_and_by_aegisctl(look: Look, name: str) -> None:
    data = FILES[name]
    assert (look(data).exit_code, look.aegisctl(data)) == (0, 0)
    for at in some(range(len(data)), 7):
        flipped = bytes([*data[:at], data[at] ^ 1 << at % 8, *data[at + 1 :]])
        try:
            code = look(flipped).exit_code
        except aegis_verify.Unknown:
            code = 2
        assert code != 0, f"byte {at}"
        assert look.aegisctl(flipped) != 0, f"byte {at}"


@pytest.mark.parametrize("name", FILES)
def test_any_flipped_byte_is_refused_though_the_trailer_was_made_to_agree(
    look: Look, name: str
) -> None:
    lines = FILES[name].splitlines(keepends=True)
    body = b"".join(lines[:-1])
    # The last event is under no checkpoint: whoever writes the log may change it.
    free = body.index(BODIES[-1])
    for at in {*some(range(len(lines[0]), len(body)), 7)} - {
        *range(free, free + len(BODIES[-1]) + 1)
    }:
        flipped = bytes([*body[:at], body[at] ^ 1 << at % 7, *body[at + 1 :]])
        report = look(ended(flipped), [KEY])
        assert report.exit_code != 0, f"byte {at}"


def test_the_forgers_trailer_is_a_good_one(look: Look) -> None:
    for data in FILES.values():
        before = b"".join(data.splitlines(keepends=True)[:-1])
        assert ended(before) == data


@st.composite
def logs(draw: st.DrawFn) -> list[bytes]:
    """Events of a few interleaved sessions."""
    names = draw(st.lists(identifier, min_size=1, max_size=3, unique=True))
    seqs = dict.fromkeys(names, -1)
    envelopes = []
    for _ in range(draw(st.integers(1, 12))):
        name = draw(st.sampled_from(names))
        seqs[name] += 1
        content = draw(st.text(max_size=5) | st.floats(0, 1) | st.integers(0, 9))
        each = envelope(seqs[name], "USER_MESSAGE", None, session_id=name)
        payload = Raw(encode({"content": content}))
        envelopes.append(msgspec.structs.replace(each, payload=payload))
    return [row.body for row in chain(envelopes)]


@st.composite
def changed(draw: st.DrawFn, bodies: list[bytes]) -> list[bytes]:
    """What somebody who edits lines might leave."""
    at, other = draw(st.integers(0, len(bodies) - 1)), draw(st.integers(0, len(bodies) - 1))
    event = msgspec.json.decode(bodies[at])
    match draw(st.sampled_from(["edit", "cut", "swap", "twice", "tenant", "seq", "end"])):
        case "edit":
            return [*bodies[:at], encode({**event, "user_id": "m"}), *bodies[at + 1 :]]
        case "cut":
            return [*bodies[:at], *bodies[at + 1 :]]
        case "swap":
            swapped = list(bodies)
            swapped[at], swapped[other] = swapped[other], swapped[at]
            return swapped
        case "twice":
            return [*bodies[: at + 1], bodies[at], *bodies[at + 1 :]]
        case "tenant":
            return [*bodies[:at], encode({**event, "tenant_id": "acmf"}), *bodies[at + 1 :]]
        case "seq":
            return [
                *bodies[:at],
                encode({**event, "seq": draw(st.integers(0, 5))}),
                *bodies[at + 1 :],
            ]
        case _:
            return bodies[:at]


@given(data=st.data())
def test_logs_and_edits_at_random_are_judged_as_aegisctl_judges_them(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    look = Look(tmp_path_factory.mktemp("log"))
    bodies = data.draw(logs())
    assert (look(export("acme", bodies)).exit_code, look.aegisctl(look.path.read_bytes())) == (0, 0)
    note = signed(bodies)
    forged = data.draw(changed(bodies))
    unsigned = export("acme", forged)
    assert look(unsigned).exit_code == look.aegisctl(unsigned)
    if forged != bodies:
        report = look(export("acme", forged, evidence=[checkpoint_line(note)]), [KEY])
        assert report.exit_code == 1


@given(data=st.data())
def test_members_of_any_type_are_judged_and_crash_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    look = Look(tmp_path_factory.mktemp("log"))
    lines = FILES[data.draw(st.sampled_from(sorted(FILES)))].splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    told = msgspec.json.decode(lines[at])
    name = data.draw(st.sampled_from(sorted(told)))
    value = data.draw(json_value | st.sampled_from([True, -1, 2**53 - 1, {"$detached": []}]))
    if value == told[name]:
        return
    lines[at] = encode({**told, name: value})
    changed = b"".join(line + b"\n" for line in lines)
    try:
        assert look(changed).exit_code == 1
        look(ended(b"".join(line + b"\n" for line in lines[:-1])), [KEY], [signed(BODIES)])
    except aegis_verify.Unknown:
        assert at == 0


@pytest.mark.parametrize("signatures", [16, 17])
def test_a_note_has_as_many_signatures_as_its_bound(look: Look, signatures: int) -> None:
    note = signed(BODIES)
    more = (note.splitlines(keepends=True)[-1]) * (signatures - 1)
    data = whole(BODIES, note + more)
    assert look(data, [KEY]).exit_code == look.aegisctl(data) == (0 if signatures == 16 else 1)


@pytest.mark.parametrize("length", [NOTE_BYTES_MAX, NOTE_BYTES_MAX + 1])
def test_a_note_has_as_many_bytes_as_its_bound(look: Look, length: int) -> None:
    note = signed(BODIES)
    name = "x" * (length - len((note + "— x AAAAAAA=\n").encode()) + 1)
    data = whole(BODIES, f"{note}— {name} AAAAAAA=\n")
    assert look(data, [KEY]).exit_code == look.aegisctl(data) == (length > NOTE_BYTES_MAX)


def test_other_line_ends_than_those_signed_are_not_the_proof(look: Look) -> None:
    leaves = [hashlib.sha256(body).digest() for body in BODIES]
    tree = evidence.tree_of(BODIES)
    path = tree.inclusion(1, len(BODIES), lambda first, count: leaves[first : first + count])
    file = Proof(index=1, hashes=tuple(path), checkpoint=signed(BODIES), extra=BODIES[1])
    first, rest = proof.write(file).encode().split(b"\n", 1)
    assert look(first + b"\n" + rest, [KEY]).verdict == "SIGNED"
    assert look(first + b"\n" + rest.replace(b"\n", b"\r\n"), [KEY]).verdict == "BROKEN"

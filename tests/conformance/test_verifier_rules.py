"""The single-file verifier: where it breaks and by which rule, and how it says so."""

import base64
import hashlib
import json
import tracemalloc
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import msgspec
import pytest

from aegisd.core.events import DAEMON_EVENTS
from aegisd.core.log.canonical import encode
from aegisd.core.log.envelope import Envelope
from conformance.verifier import aegis_verify
from drills.attacks.evidence import checkpoint_line, export
from tests.conformance.evidence_files import (
    BODIES,
    DOCUMENTS,
    FILES,
    KEY,
    SALT,
    THIEF,
    Look,
    ended,
    signed,
    whole,
)
from tests.core.builders import chain, envelope


@pytest.fixture(autouse=True)
def signatures_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checked by themselves elsewhere; here a thousand files carry the same one."""
    monkeypatch.setattr(aegis_verify, "ed25519_holds", cache(aegis_verify.ed25519_holds))


@pytest.fixture
def look(tmp_path: Path) -> Look:
    return Look(tmp_path)


# ── places and rules ─────────────────────────────────────────────────────────────────────────────


def places(look: Look, bodies: Sequence[bytes]) -> list[tuple[int, str, int, str]]:
    found = look(export("acme", bodies)).breaks
    return [(each.position, each.session_id, each.seq, each.rule) for each in found]


def test_a_break_names_position_session_seq_and_rule(look: Look) -> None:
    edited = encode({**msgspec.json.decode(BODIES[1]), "user_id": "mallory"})
    assert places(look, [BODIES[0], edited, *BODIES[2:]]) == [(3, "s2", 1, "prev_hash")]
    broken = BODIES[2].replace(b'"seq":1', b'"seq": 1')
    assert places(look, [*BODIES[:2], broken, *BODIES[3:]])[0] == (2, "", -1, "canonical")
    assert places(look, [*BODIES[:2], *BODIES[3:]]) == [
        (3, "s1", 2, "seq"),
        (3, "s1", 2, "prev_hash"),
    ]


def test_a_decision_away_from_its_cause_and_a_clock_that_ran_back_are_found(look: Look) -> None:
    def decision(seq: int, now_ms: int, session_id: str) -> Envelope:
        return envelope(seq, "POLICY_DECISION", {"now_ms": now_ms}, session_id=session_id)

    def proposal(seq: int, session_id: str) -> Envelope:
        return envelope(seq, "TOOL_CALL_PROPOSED", {}, session_id=session_id)

    good = [proposal(0, "a"), decision(1, 5, "a"), proposal(0, "b"), decision(1, 5, "b")]
    assert places(look, [row.body for row in chain(good)]) == []
    moved = [good[0], good[2], good[1], good[3]]
    assert [place[3] for place in places(look, [row.body for row in chain(moved)])] == [
        "position",
        "position",
    ]
    back = [*good[:2], good[2], decision(1, 4, "b")]
    assert places(look, [row.body for row in chain(back)]) == [(3, "b", 1, "position")]


def test_what_the_daemon_writes_is_known_to_both() -> None:
    assert set(aegis_verify._DAEMONS) == set(DAEMON_EVENTS)


def test_documents_that_events_name_must_be_there_with_their_own_bytes(look: Look) -> None:
    kind, body = DOCUMENTS[0]
    digest = hashlib.sha256(body).hexdigest()
    act = envelope(0, "MANIFEST_REGISTERED", {"digest": digest}, session_id="$control")
    bodies = [row.body for row in chain([act])]
    assert look.rules(export("acme", bodies, [(kind, body)])) == set()
    assert look.rules(export("acme", bodies)) == {"document"}
    assert look.rules(export("acme", bodies, [("bundle", body)])) == {"document"}
    other = export("acme", bodies, [(kind, body)]).replace("é".encode(), "è".encode())
    assert "document" in look.rules(other)


def detached(
    content: object, changes: Mapping[str, object] = {}, salt: bytes = SALT
) -> tuple[list[bytes], dict[str, object]]:
    """An event that commits to a value, after one that does not, and the line of the value."""
    body = encode(content)
    sha256 = hashlib.sha256(salt + body).hexdigest()
    args = {"a/b~": [1, {"$detached": {"bytes": len(body), "sha256": sha256}}]}
    events = [envelope(0, "X", {}), envelope(1, "X", {"args": args})]
    line: dict[str, object] = {
        "$kind": "detached",
        "pointer": "/args/a~1b~0/1",
        "position": 1,
        "salt": base64.b64encode(salt).decode(),
        "subject": "u1",
        "value": body.decode(),
    }
    return [row.body for row in chain(events)], {**line, **changes}


@pytest.mark.parametrize("value", ["123-45-6789", {"é": [1.5, None]}, 0])
def test_a_detached_value_is_the_one_that_the_event_committed_to(look: Look, value: object) -> None:
    bodies, line = detached(value)
    assert look.rules(export("acme", bodies, evidence=[line])) == set()
    assert look.rules(export("acme", bodies)) == set()


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_commitment_without_a_whole_salt_hides_nothing_and_is_refused(
    look: Look, length: int
) -> None:
    bodies, line = detached("x", salt=SALT[:1] * length)
    assert look.rules(export("acme", bodies, evidence=[line])) == {"detached"}


@pytest.mark.parametrize(
    "changes",
    [
        {"value": '"123-45-6780"'},
        {"salt": base64.b64encode(b"\6" * 32).decode()},
        {"salt": ""},
        {"salt": base64.b64encode(SALT[:31]).decode()},
        {"position": 0},
        {"position": 2},
        {"pointer": "/args/a~1b~0/0"},
        {"pointer": "/args/a~1b~0/01"},
        {"pointer": "args/a~1b~0/1"},
        {"pointer": ""},
        {"subject": "u2"},
        {"subject": ""},
    ],
)
def test_any_other_detached_value_is_refused(look: Look, changes: dict[str, object]) -> None:
    bodies, line = detached("123-45-6789", changes)
    assert "detached" in look.rules(export("acme", bodies, evidence=[line]))


def test_a_detached_value_is_told_once(look: Look) -> None:
    bodies, line = detached("x")
    assert look.rules(export("acme", bodies, evidence=[line, line])) == {"detached"}


NOTE_LINE = checkpoint_line(signed(BODIES))


@pytest.mark.parametrize(
    "lines",
    [
        [NOTE_LINE, NOTE_LINE],
        [{"$kind": "witness", "note": ""}],
        [{"$kind": 1}],
        [{"$kind": "checkpoint"}],
        [{**NOTE_LINE, "more": 1}],
        [{"$kind": "manifest", "body": "{}", "digest": hashlib.sha256(b"{}").hexdigest()}],
        [{"$kind": "checkpoint", "note": 1}],
    ],
)
def test_lines_that_do_not_belong_there_are_refused(
    look: Look, lines: list[dict[str, object]]
) -> None:
    assert look.rules(export("acme", BODIES, evidence=lines)) == {"export"}


def test_events_of_another_session_or_tenant_are_out_of_scope(look: Look) -> None:
    assert look.rules(export("acme", BODIES, session_id="s2")) == {"scope"}
    assert look.rules(export("acmf", BODIES)) == {"scope"}


@pytest.mark.parametrize(
    "changes",
    [
        {"prev_hash": "x"},
        {"prev_hash": ""},
        {"prev_hash": None},
        {"seq": False},
        {"ts_unix_ms": True},
        {"ts_unix_ms": 1.5},
        {"user_id": None},
        {"agent_id": 1},
        {"hash": "x"},
    ],
)
def test_what_is_no_envelope_is_none_though_everything_agrees_with_it(
    look: Look, changes: dict[str, object]
) -> None:
    body = encode({**msgspec.json.decode(BODIES[0]), **changes})
    before = b"".join(export("acme", []).splitlines(keepends=True)[:-1])
    assert "envelope" in look.rules(ended(before + body + b"\n"))


@pytest.mark.parametrize("events", [0, 6, 8])
def test_the_trailer_counts_the_events(look: Look, events: int) -> None:
    *lines, last = export("acme", BODIES).splitlines(keepends=True)
    trailer = {**msgspec.json.decode(last), "events": events}
    assert look.rules(b"".join(lines) + encode(trailer) + b"\n") == {"head"}


def test_a_file_that_was_cut_is_refused_at_every_byte(look: Look) -> None:
    data = FILES["whole"]
    for end in range(20, len(data), 3):
        assert look(data[:end], [KEY]).exit_code == 1, f"byte {end}"


def test_a_line_longer_than_any_of_ours_is_refused_without_reading_it_whole(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = max(map(len, FILES["whole"].splitlines(keepends=True)))
    monkeypatch.setattr(aegis_verify, "LINE_BYTES_MAX", longest)
    assert look(FILES["whole"], [KEY]).exit_code == 0
    monkeypatch.setattr(aegis_verify, "LINE_BYTES_MAX", longest - 1)
    assert look(FILES["whole"], [KEY]).exit_code == 1


def test_breaks_are_counted_past_those_that_are_told(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aegis_verify, "BREAKS_MAX", 3)
    report = look(export("acmf", BODIES))
    assert (report.breaks_found, len(report.breaks)) == (7, 3)


def test_memory_does_not_grow_with_the_number_of_events(look: Look) -> None:
    def peak(events: int) -> int:
        rows = chain(envelope(n, "USER_MESSAGE", {"content": "x" * 500}) for n in range(events))
        bodies = [row.body for row in rows]
        data = whole(bodies, signed(bodies))
        tracemalloc.start()
        try:
            assert look(data, [KEY]).verdict == "SIGNED"
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(4000) < peak(500) + 100_000


# ── the command ──────────────────────────────────────────────────────────────────────────────────


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = aegis_verify.main(list(map(str, arguments)))
    return code, capsys.readouterr().out


def test_the_command_reads_key_and_checkpoints_from_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, key, old = tmp_path / "a.jsonl", tmp_path / "key", tmp_path / "old"
    file.write_bytes(FILES["whole"])
    key.write_text(f"# Two.\n{THIEF.keys(0)[0]}\n\n{KEY.keys(0)[0]}\n", "utf-8")
    old.write_text(signed(BODIES[:2]), "utf-8")
    code, out = run(capsys, file, "--key", key, "--checkpoint", old)
    assert code == 0
    assert out.splitlines()[-1] == "SIGNED: tenant acme, 7 events of 2 sessions"
    assert "6 of 7 events are covered" in out
    code, out = run(capsys, file, "--key", KEY.keys(0)[0], "--json")
    told = json.loads(out)
    assert (code, told["verdict"], told["levels"]) == (0, "SIGNED", ["CHAIN", "SIGNED"])
    assert (told["covered"], told["uncovered"], told["breaks"]) == (6, 1, [])


def test_the_command_says_which_event_and_which_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(export("acme", [*BODIES[:2], *BODIES[3:]]))
    code, out = run(capsys, file)
    assert code == 1
    assert out.startswith("BROKEN  position 3, session s1, seq 2, seq: expected seq 1, found 2\n")
    assert run(capsys, file, "--json")[0] == 1


def test_what_is_no_evidence_is_unknown_and_not_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, other = tmp_path / "a.jsonl", tmp_path / "other"
    file.write_bytes(FILES["whole"])
    other.write_bytes(b"\xff\n")
    for arguments in (
        [tmp_path / "nowhere"],
        [tmp_path],
        [other],
        [file, "--key", "nothing"],
        [file, "--key", other],
        [file, "--checkpoint", other],
        [file, "--checkpoint", file],
    ):
        code, out = run(capsys, *arguments)
        assert (code, out.splitlines()[-1].partition(":")[0]) == (2, "UNKNOWN"), arguments


def test_what_a_file_says_reaches_no_terminal_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "\x1b[2Js1\u202e"
    rows = chain([envelope(3, "X\x1b[0m", {}, session_id=evil)])
    file = tmp_path / "a.jsonl"
    file.write_bytes(export(evil, [row.body for row in rows]))
    code, out = run(capsys, file)
    assert code == 1
    assert out.replace("\n", "").isascii()
    assert "\x1b" not in out


def test_help_says_what_the_verdicts_mean(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        aegis_verify.main(["--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert "What the verdicts mean" in out
    assert "python aegis_verify.py FILE" in out


def test_an_edited_last_event_is_named_though_the_trailer_does_not_hold_either(
    look: Look,
) -> None:
    edited = FILES["whole"].replace(BODIES[-1], BODIES[-1].replace(b":17", b":18"))
    found = [(each.position, each.rule) for each in look(edited).breaks]
    assert found == [(len(BODIES) - 1, "head"), (-1, "export")]


def test_a_document_with_other_bytes_is_one_break(look: Look) -> None:
    kind, body = DOCUMENTS[0]
    act = envelope(
        0,
        "MANIFEST_REGISTERED",
        {"digest": hashlib.sha256(body).hexdigest()},
        session_id="$control",
    )
    data = export("acme", [row.body for row in chain([act])], [(kind, body)])
    changed = data.replace("é".encode(), "è".encode())
    before = b"".join(changed.splitlines(keepends=True)[:-1])
    (found,) = look(ended(before)).breaks
    assert found.detail.startswith("line 2: manifest ")


def test_an_edited_event_is_named_by_the_link_to_it(look: Look) -> None:
    edited = encode({**msgspec.json.decode(BODIES[1]), "user_id": "mallory"})
    (found,) = look(export("acme", [BODIES[0], edited, *BODIES[2:]])).breaks
    assert "that event (line 3) was changed, or this link (line 5)" in found.detail


def test_an_event_missing_from_the_middle_is_no_cut_end(look: Look) -> None:
    data = whole([*BODIES[:2], *BODIES[3:]], signed(BODIES))
    (found,) = (each for each in look(data).breaks if each.rule == "checkpoint")
    assert "events are missing" in found.detail


def test_the_command_names_the_signers_as_their_keys_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(FILES["whole"])
    key = str(KEY.keys(0)[0])
    out = run(capsys, file, "--key", THIEF.keys(0)[0], "--key", key)[1]
    assert f"is signed by {key.rpartition('+')[0]}\n" in out
    told = json.loads(run(capsys, file, "--key", key, "--json")[1])
    assert told["signers"] == [key.rpartition("+")[0]]


def test_the_command_says_in_words_that_nothing_was_there_to_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere, other = tmp_path / "nowhere", tmp_path / "other"
    other.write_bytes(b"SQLite format 3\0")
    code, out = run(capsys, nowhere)
    assert (code, out.splitlines()) == (
        2,
        [f"UNKNOWN there is no file {nowhere}", "UNKNOWN: nothing of the file was checked"],
    )
    code, out = run(capsys, other, "--key", KEY.keys(0)[0])
    assert (code, "tenant" in out, out.splitlines()[-1]) == (
        1,
        False,
        "BROKEN: nothing of the file was checked",
    )

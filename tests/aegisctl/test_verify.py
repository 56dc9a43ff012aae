"""`verify`: what a person or a program is told of a log, and with which exit code."""

import hashlib
import json
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from aegisctl.display import SHOWN_BREAKS_MAX, sentences
from aegisd.audit.verification.file import verify_file
from aegisd.audit.verification.result import Verification
from aegisd.core.log import proof
from aegisd.core.log.chain import Break
from aegisd.signing.keyring import Keyring, SigningKey
from aegisd.store.sqlite.store import SqliteStore
from conformance.verifier import aegis_verify
from tests.aegisctl.conftest import Type
from tests.audit.signed import LOG_NAME, THIEF, checkpoint, note, proved, sign, vkey
from tests.audit.tampering import tamper

NOWHERE = "http://127.0.0.1:9"


def test_any_damage_to_the_file_itself_is_a_verdict_or_none_and_never_a_crash(
    recorded: Path, tmp_path: Path, type_: Type
) -> None:
    whole = recorded.read_bytes()
    chance = random.Random(7)
    for _ in range(200):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 1, 8, 64))):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        path = tmp_path / "damaged.db"
        path.write_bytes(damaged)
        typed = type_("verify", path)
        assert typed.code in (0, 1, 2)
        assert "bug" not in typed.err, typed.err


@pytest.mark.parametrize(
    "arguments", [("--tenant", "nobody"), ("--tenant", "acme", "--session", "nobody")]
)
def test_an_unknown_tenant_or_session_is_not_valid(
    recorded: Path, type_: Type, arguments: tuple[str, ...]
) -> None:
    typed = type_("verify", recorded, *arguments)
    assert (typed.code, typed.out) == (2, "")
    assert "nobody" in typed.err


def test_a_log_without_events_is_not_valid(tmp_path: Path, type_: Type) -> None:
    SqliteStore(str(tmp_path / "empty.db")).close()
    assert type_("verify", tmp_path / "empty.db").code == 2


@pytest.mark.parametrize("content", [b"", b"hello", b"{}", b"SQLite format 2\0" * 99])
def test_a_file_that_is_no_log_is_not_valid(tmp_path: Path, type_: Type, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    typed = type_("verify", tmp_path / "file")
    assert (typed.code, typed.out) == (2, "")


def test_a_database_of_another_program_is_not_valid(tmp_path: Path, type_: Type) -> None:
    tamper_path = tmp_path / "other.db"
    with closing(sqlite3.connect(tamper_path)) as file:
        file.execute("CREATE TABLE events (a)")
    assert type_("verify", tamper_path).code == 2


def test_a_file_and_a_server_at_once_are_refused(recorded: Path, type_: Type) -> None:
    assert type_("verify", recorded, "--server", NOWHERE).code == 2


def test_a_server_that_does_not_answer_is_not_valid(type_: Type) -> None:
    typed = type_("verify", "--server", NOWHERE, "--tenant", "acme")
    assert (typed.code, typed.out) == (2, "")
    assert "cannot be asked" in typed.err


@pytest.mark.parametrize("levels", [129, 950, 1000, 100_000])
@pytest.mark.parametrize(
    ("event_type", "member"),
    [
        ("USER_MESSAGE", "content"),
        ("POLICY_DECISION", "now_ms"),
        ("POLICY_DECISION", "manifest"),
        ("POLICY_DECISION", "unknown"),
        ("LOG_IMPORTED", "archive"),
    ],
)
def test_nesting_that_nobody_could_have_appended_is_a_break_and_never_a_crash(
    recorded: Path, tmp_path: Path, type_: Type, event_type: str, member: str, levels: int
) -> None:
    deep = tmp_path / "deep.db"
    deep.write_bytes(recorded.read_bytes())
    opens, closes = ("[", "]") if levels % 2 else ('{"a":', "}")
    nested = opens * levels + "1" + closes * levels
    body = (
        f'{{"event_type":"{event_type}","payload":{{"{member}":{nested}}},"seq":0,'
        '"session_id":"deep","tenant_id":"acme","ts_unix_ms":1,"user_id":"u1"}'
    ).encode()
    digest = hashlib.sha256(body).digest()
    columns = ("deep", 0, event_type, 1, "u1", None, None, b"", digest, body)
    with closing(sqlite3.connect(deep, isolation_level=None)) as file:
        file.execute(
            f"INSERT INTO events SELECT 'acme', max(position) + 1, {', '.join('?' * 10)} "  # noqa: S608
            "FROM events WHERE tenant_id = 'acme'",
            columns,
        )
    export = tmp_path / "deep.jsonl"
    export.write_bytes(b'{"aegis_export":1,"tenant_id":"acme"}\n' + body + b"\n")
    new, backup = tmp_path / "new.jsonl", ("--out", tmp_path / "new.db")
    for command in (
        ("verify", deep),
        ("verify", export),
        ("replay", deep),
        ("replay", export),
        ("events", deep, "--tenant", "acme"),
        ("export", "--dsn", deep, "--tenant", "acme", "--out", new),
        ("backup", "--dsn", deep, *backup),
        ("restore", deep, "--dsn", tmp_path / "new.db"),
    ):
        typed = type_(*command)
        assert (typed.code, "bug" in typed.err) == (1, False), (command[0], typed.err)


def test_an_export_of_another_tenant_is_not_valid(export: Path, type_: Type) -> None:
    assert type_("verify", export, "--tenant", "zeta").code == 2
    assert type_("verify", export, "--tenant", "acme", "--session", "z1").code == 2
    assert type_("verify", export, "--tenant", "acme", "--session", "s1").code == 0


def test_json_is_one_canonical_document_and_nothing_else(log_file: Path, type_: Type) -> None:
    tamper(log_file, "UPDATE events SET body = x'7b7d' WHERE session_id = 's2' AND seq = 3")
    typed = type_("verify", log_file, "--json")
    assert (typed.code, typed.err) == (1, "")
    report = json.loads(typed.out)
    assert typed.out == json.dumps(report, sort_keys=True, separators=(",", ":")) + "\n"
    assert report["holds"] is False
    assert report["breaks"][0]["session_id"] == "s2"


def test_the_transcript_of_a_tampered_log(
    log_file: Path, type_: Type, golden: Callable[[str, str], None]
) -> None:
    transcript = [_shown(type_, log_file)]
    tamper(
        log_file,
        "UPDATE events SET ts_unix_ms = 0 WHERE tenant_id = 'acme' AND position = 4",
        "DELETE FROM events WHERE tenant_id = 'acme' AND position = 9",
    )
    transcript += [_shown(type_, log_file), _shown(type_, log_file, "--session", "s1")]
    golden("verify", "\n".join(transcript))


def _shown(type_: Type, path: Path, *more: str) -> str:
    typed = type_("verify", path, *more)
    command = " ".join(["$ aegisctl verify", path.name, *more])
    return f"{command}\n{typed.out}{typed.err}(exit {typed.code})\n"


def test_hostile_names_cannot_write_on_the_terminal(log_file: Path, type_: Type) -> None:
    tamper(
        log_file,
        ("UPDATE events SET session_id = ? WHERE session_id = 's2'", ("\x1b[2J\u202eholds",)),
    )
    out = type_("verify", log_file).out
    assert "\x1b" not in out
    assert "\u202e" not in out


@pytest.fixture
def signed_export(log_file: Path, tmp_path: Path, type_: Type) -> Path:
    sign(log_file)
    path = tmp_path / "acme.jsonl"
    assert type_("export", "--dsn", log_file, "--tenant", "acme", "--out", path).code == 0
    return path


def test_an_export_is_signed_where_a_key_signed_it(signed_export: Path, type_: Type) -> None:
    typed = type_("verify", signed_export, "--key", vkey())
    assert typed.code == 0
    signer = vkey().rpartition("+")[0]
    assert f"SIGNED, 18 events lead to a checkpoint that {signer} signed" in typed.out
    typed = type_("verify", signed_export)
    assert typed.code == 0
    assert "CHAIN, 18 events lead to a checkpoint whose signature was not checked" in typed.out
    typed = type_("verify", signed_export, "--key", vkey(THIEF))
    assert typed.code == 1
    assert "signature" in typed.out


def test_each_key_that_signed_is_named_as_its_line_begins(
    log_file: Path, tmp_path: Path, type_: Type
) -> None:
    seeds = (b"\5" * 32, b"\6" * 32)
    both = Keyring(LOG_NAME, [SigningKey(seed=seed) for seed in seeds])
    sign(log_file, ring=both)
    path = tmp_path / "acme.jsonl"
    assert type_("export", "--dsn", log_file, "--tenant", "acme", "--out", path).code == 0
    newer, older = map(str, both.keys(0))
    given = ("--tenant", "acme", "--key", newer, "--key", vkey(THIEF), "--key", older)
    names = " and ".join(each.rpartition("+")[0] for each in (newer, older))
    for file in (log_file, path):
        assert f"a checkpoint that {names} signed\n" in type_("verify", file, *given).out
        told = json.loads(type_("verify", file, *given, "--json").out)
        assert told["tenants"][0]["signers"] == [newer, older]
    report = aegis_verify.check(path, None, [*map(aegis_verify.read_key, (newer, older))], [])
    assert " and ".join(report.signers) == names


def test_a_file_that_is_not_there_is_said_in_words(type_: Type) -> None:
    for arguments in (("verify", "nowhere"), ("verify", "x", "--checkpoint", "nowhere")):
        typed = type_(*arguments)
        assert (typed.code, typed.err) == (2, "aegisctl: there is no file nowhere\n")


def test_what_no_key_signed_does_not_hold_for_somebody_who_gave_one(
    export: Path, recorded: Path, type_: Type
) -> None:
    for file in (export, recorded):
        typed = type_("verify", file, "--tenant", "acme", "--key", vkey())
        assert typed.code == 1
        assert "nothing of it is signed" in typed.out


def test_an_export_continues_a_checkpoint_that_was_kept(
    signed_export: Path, log_file: Path, tmp_path: Path, type_: Type
) -> None:
    kept = tmp_path / "kept"

    def verdict(text: str, *more: str) -> int:
        kept.write_text(text, "utf-8")
        return type_("verify", signed_export, "--checkpoint", kept, *more).code

    for size in (1, 8, 18):
        assert verdict(checkpoint(log_file, size=size).note) == 0
        assert verdict(checkpoint(log_file, size=size).note, "--key", vkey()) == 0
    assert verdict(note(8, b"\1" * 32)) == 1
    assert verdict(note(19, b"\1" * 32)) == 1
    assert verdict(checkpoint(log_file, "zeta").note) == 1
    assert verdict(checkpoint(log_file, ring=THIEF).note, "--key", vkey()) == 2
    assert verdict("nonsense") == 2


def test_a_kept_checkpoint_signs_an_export_that_has_none(
    export: Path, log_file: Path, tmp_path: Path, type_: Type
) -> None:
    kept = tmp_path / "kept"
    kept.write_text(checkpoint(log_file, size=8).note, "utf-8")
    typed = type_("verify", export, "--checkpoint", kept, "--key", vkey())
    assert typed.code == 0
    assert "SIGNED, 8 events lead to" in typed.out
    assert "10 events after it covered by the chain alone" in typed.out


def test_one_session_is_held_to_a_kept_checkpoint_of_the_same_size_only(
    log_file: Path, tmp_path: Path, type_: Type
) -> None:
    sign(log_file)
    path, kept = tmp_path / "s1.jsonl", tmp_path / "kept"
    scope = ("--tenant", "acme", "--session", "s1")
    assert type_("export", "--dsn", log_file, *scope, "--out", path).code == 0
    assert type_("verify", path, "--key", vkey()).code == 0
    kept.write_text(checkpoint(log_file).note, "utf-8")
    assert type_("verify", path, "--checkpoint", kept).code == 0
    kept.write_text(checkpoint(log_file, size=3).note, "utf-8")
    typed = type_("verify", path, "--checkpoint", kept)
    assert typed.code == 1
    assert "only a whole tenant does" in typed.out


def test_a_server_is_not_asked_to_vouch_for_itself(type_: Type) -> None:
    typed = type_("verify", "--server", NOWHERE, "--tenant", "acme", "--key", vkey())
    assert typed.code == 2
    assert "aegisctl checkpoint" in typed.err


def test_any_byte_of_a_signed_export_that_is_edited_shows(signed_export: Path, type_: Type) -> None:
    whole = signed_export.read_bytes()
    for at in range(whole.index(b"\n") + 1, len(whole), 61):
        edited = bytearray(whole)
        edited[at] ^= 1
        signed_export.write_bytes(edited)
        assert type_("verify", signed_export, "--key", vkey()).code == 1, at


def test_a_person_is_shown_the_first_breaks_and_how_many_more_there_are() -> None:
    told = Verification()
    for number in range(SHOWN_BREAKS_MAX + 7):
        told.add(Break("hash", "x", position=number))
    lines = sentences(told)
    assert len([line for line in lines if line.startswith("BROKEN")]) == SHOWN_BREAKS_MAX
    assert "        and 7 breaks more" in lines


def test_a_person_who_asked_about_one_session_is_told_of_breaks_in_others(log_file: Path) -> None:
    tamper(log_file, "UPDATE events SET body = x'7b7d' WHERE session_id = 's2' AND seq = 3")
    told = verify_file(str(log_file), "acme", "s1")
    assert any("in other sessions" in line for line in sentences(told))


# ── a proof ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def proof_file(log_file: Path, tmp_path: Path) -> Path:
    path = tmp_path / "event.tlog-proof"
    path.write_text(proof.write(proved(log_file, 6)), "utf-8")
    return path


def test_a_proof_is_signed_or_only_linked(proof_file: Path, type_: Type) -> None:
    typed = type_("verify", proof_file, "--key", vkey())
    assert typed.code == 0
    signer = vkey().rpartition("+")[0]
    assert f"SIGNED, 1 event leads to a checkpoint that {signer} signed" in typed.out
    typed = type_("verify", proof_file)
    assert typed.code == 0
    assert "CHAIN, 1 event leads to a checkpoint whose signature was not checked" in typed.out
    told = json.loads(type_("verify", proof_file, "--key", vkey(), "--json").out)
    assert (told["holds"], told["tenants"][0]["level"]) == (True, "SIGNED")
    assert told["tenants"][0]["signers"] == [vkey()]


def test_a_proof_of_a_denial_shows_what_was_decided_first_and_what_it_continues(
    log_file: Path, tmp_path: Path, type_: Type
) -> None:
    proposal, denial = tmp_path / "proposal.tlog-proof", tmp_path / "denial.tlog-proof"
    proposal.write_text(proof.write(proved(log_file, 13)), "utf-8")
    denial.write_text(proof.write(proved(log_file, 14)), "utf-8")
    asked = type_("verify", proposal).out.splitlines()
    told = type_("verify", denial).out.splitlines()
    assert told[:5] == [
        "position 14  s1/8  POLICY_DECISION",
        "  user_id: u1",
        "  agent_id: helper",
        "  outcome: deny",
        "  reason: PATH_DENY",
    ]
    assert "  tool_name: delete_file" in asked
    (digest,) = (line.removeprefix("  hash: ") for line in asked if line.startswith("  hash: "))
    assert f"  prev_hash: {digest}" in told
    assert any(line.startswith("  with --json also: ") for line in told)


def test_what_does_not_go_with_a_proof_is_refused(
    proof_file: Path, recorded: Path, type_: Type
) -> None:
    assert type_("verify", proof_file, "--session", "s1").code == 2
    assert type_("verify", recorded, "--event", proof_file).code == 2
    assert type_("verify", "--tenant", "acme", "--event", proof_file).code == 2
    assert type_("sessions", proof_file).code == 2


def test_a_proof_is_of_the_tenant_that_was_asked_about(proof_file: Path, type_: Type) -> None:
    assert type_("verify", proof_file, "--tenant", "acme").code == 0
    assert type_("verify", proof_file, "--tenant", "other").code == 2

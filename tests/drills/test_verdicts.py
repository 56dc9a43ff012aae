"""Both verifiers come to one verdict: of files that hold, of tricks with a name, of bent ones."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.verifier import aegis_verify
from drills.verdicts.__main__ import CRASHED, look, main, run
from drills.verdicts.bending import DEPTHS, resealed
from drills.verdicts.material import Auditor, File, auditors, files
from tests.effort import times

WHOLE, BARE, SESSION, PROOF, BESIDE = files()
NOBODY, KEYED, STRANGER, _, KEPT, ELSEWHERE, BOTH = auditors()[:7]

HEADER = b'{"aegis_export":1,"tenant_id":"acme"}'


def of(old: bytes, new: bytes) -> bytes:
    """The whole export with one text replaced, where it stands first."""
    assert old in WHOLE.data
    return WHOLE.data.replace(old, new, 1)


# What the maker of a file may try, and what both say to somebody who brings nothing. To whoever
# brings a key or a checkpoint, all of it does not hold.
TRICKS = {
    "nothing at all": (b"", 2),
    "a text": (b"hello", 2),
    "zeros": (bytes(99), 2),
    "no UTF-8": (b"\xff\xfe", 2),
    "a space before the header": (b" " + WHOLE.data, 2),
    "half a database": (b"SQLite format 3\0", 2),
    "a database": (b"SQLite format 3\0" + bytes(8192), 2),
    "a proof without its event": (BESIDE.data, 2),
    "the beginning of a header": (b'{"aegis_export":', 1),
    "a header alone": (HEADER + b"\n", 1),
    "a later version": (of(b'"aegis_export":1', b'"aegis_export":2'), 1),
    "a version that is no number": (of(b'"aegis_export":1', b'"aegis_export":true'), 1),
    "a version beyond all numbers": (of(b'"aegis_export":1', b'"aegis_export":' + b"9" * 999), 1),
    "a session that is null": (of(b'1,"tenant_id"', b'1,"session_id":null,"tenant_id"'), 1),
    "a kind to come": (of(b'{"$kind":"checkpoint"', b'{"$kind":"later"'), 1),
    "no trailer": (WHOLE.data[: WHOLE.data.rindex(b'{"$kind":"trailer"')], 1),
    "no last newline": (WHOLE.data[:-1], 1),
    "another tenant": (WHOLE.data.replace(b'"acme"', b'"acmf"'), 1),
    "one key twice": (of(b'"call_id":"c1"', b'"call_id":"c1","call_id":"c1"'), 1),
    "a NUL": (of(b'"c1"', b'"c\0"'), 1),
    "bytes that are no text": (of(b'"c1"', b'"c\xff"'), 1),
    "the magic of a proof": (PROOF.data[: PROOF.data.index(b"\n") + 1], 1),
    "an event that is no base64": (PROOF.data.replace(b"extra ", b"extra =", 1), 1),
    "a path that is no base64": (PROOF.data.replace(b"=\n", b"\n", 1), 1),
    **{
        f"{levels} levels": (of(b'"c1"', b"[" * levels + b"]" * levels), 1)
        for levels in (*DEPTHS, 1_000_000)
    },
}


def verdicts(place: Path, data: bytes, auditor: Auditor, event: bytes | None = None) -> list[int]:
    told = look(place, File(data=data, event=event), auditor)
    return [told.alone, told.ours]


@pytest.mark.parametrize("file", files())
def test_files_that_hold_do_so_for_whoever_brings_what_they_answer_to(
    tmp_path: Path, file: File
) -> None:
    signed = file != BARE
    expected = {NOBODY: 0, KEYED: 0 if signed else 1, STRANGER: 1, ELSEWHERE: 1}
    for auditor, code in expected.items():
        assert verdicts(tmp_path, file.data, auditor, file.event) == [code, code]


@pytest.mark.parametrize("name", TRICKS)
def test_a_trick_is_unknown_at_most_to_whoever_brings_nothing(tmp_path: Path, name: str) -> None:
    data, code = TRICKS[name]
    assert verdicts(tmp_path, data, NOBODY) == [code, code]
    for auditor in (KEYED, KEPT, BOTH):
        assert verdicts(tmp_path, data, auditor) == [1, 1]


def test_what_the_caller_got_wrong_is_unknown_and_says_nothing_of_the_file(tmp_path: Path) -> None:
    (key,), (note,) = KEYED.keys, KEPT.kept
    bent = note.replace("\n4\n", "\n04\n")
    unsigned = note.rpartition("— ")[0] + "— somebody AAAAAAA=\n"
    for auditor in (Auditor(keys=(key[:-8],)), Auditor(kept=(bent,)), Auditor(kept=("",))):
        assert verdicts(tmp_path, WHOLE.data, auditor) == [2, 2]
    assert verdicts(tmp_path, b"", Auditor(keys=(key,), kept=(unsigned,))) == [2, 2]
    assert verdicts(tmp_path, WHOLE.data, NOBODY, event=b"{}") == [2, 2]
    assert verdicts(tmp_path, WHOLE.data, KEYED, event=b"{}") == [1, 1]


@pytest.mark.parametrize(("levels", "code"), [(1, 0), (126, 0), (127, 1), (400, 1), (20_000, 1)])
def test_an_event_may_be_nested_as_deep_for_both_whatever_agrees_with_it(
    tmp_path: Path, levels: int, code: int
) -> None:
    # Two levels are the envelope's and the payload's own.
    deep = BARE.data.replace(b'"c1"', b"[" * levels + b"]" * levels, 1)
    assert verdicts(tmp_path, resealed(deep, None), NOBODY) == [code, code]


def test_files_bent_at_random_get_one_verdict() -> None:
    found = [told.fault for told in run(times(500, 20_000), seed=7) if told.fault]
    assert found == []


def test_a_verdict_that_differs_or_a_crash_fails_the_run_and_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aegis_verify, "main", lambda _: 7)
    told = CliRunner().invoke(main, ["--mutations", "3", "--keep", str(tmp_path)])
    assert (told.exit_code, "they differ: 3" in told.stdout) == (1, True)
    assert len(list(tmp_path.glob("*/verdict"))) == 3
    monkeypatch.undo()
    assert CliRunner().invoke(main, ["--mutations", "3"]).exit_code == 0
    monkeypatch.setattr(aegis_verify, "main", lambda _: int("no"))
    assert look(tmp_path, BARE, NOBODY).alone == CRASHED
    assert look(tmp_path, BARE, NOBODY).fault == "a verifier crashed"

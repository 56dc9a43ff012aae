"""A server's proof is held to itself and to what was asked for, not believed."""

import hashlib
from pathlib import Path

import pytest

from aegisctl import prove
from aegisd.core.log import proof
from aegisd.core.log.canonical import encode
from aegisd.core.log.proof import Proof
from drills.attacks.evidence import signed, tree_of
from tests.aegisctl.conftest import Type
from tests.aegisctl.lying import Answers, lying
from tests.audit.signed import sign, vkey
from tests.conformance.evidence_files import BODIES, KEY
from tests.core.builders import small_log

ROWS = small_log()
LEAVES = [hashlib.sha256(body).digest() for body in BODIES]
PATH = "/v1/proofs/inclusion"


def answer(
    position: int, *, tenant_id: str = "acme", extra: bytes | None = None, told: bytes | None = None
) -> bytes:
    path = tree_of(BODIES).inclusion(
        position, len(BODIES), lambda first, count: LEAVES[first : first + count]
    )
    file = Proof(
        index=position,
        hashes=tuple(path),
        checkpoint=signed(KEY, tenant_id, BODIES),
        extra=BODIES[position] if extra is None else extra,
    )
    digest = LEAVES[position] if told is None else told
    return encode({"hash": digest.hex(), "proof": proof.write(file), "size": len(BODIES)})


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    return lying(monkeypatch, prove)


@pytest.mark.parametrize("keyed", [True, False])
def test_a_proof_that_holds_is_written(
    type_: Type, answers: Answers, tmp_path: Path, keyed: bool
) -> None:
    answers[PATH] = answer(3)
    keys = ["--key", str(KEY.keys(0)[0])] if keyed else []
    told = type_("prove", "--tenant", "acme", "--position", "3", "--out", tmp_path / "p", *keys)
    assert told.code == 0
    assert (tmp_path / "p").read_text().startswith("c2sp.org/tlog-proof@v1\n")


OTHER = hashlib.sha256(b"{}").digest()


@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.parametrize(
    ("found", "said"),
    [
        (answer(4), "the server proved position 4"),
        (answer(3, extra=BODIES[4]), "has another hash"),
        (answer(3, extra=b"{}", told=OTHER), "path does not lead"),
        (answer(3, told=OTHER), "has another hash"),
        (answer(3, tenant_id="other"), "the event of acme"),
    ],
)
def test_a_proof_of_something_else_does_not_hold(
    type_: Type, answers: Answers, tmp_path: Path, found: bytes, said: str, keyed: bool
) -> None:
    answers[PATH] = found
    keys = ["--key", str(KEY.keys(0)[0])] if keyed else []
    told = type_("prove", "--tenant", "acme", "--position", "3", "--out", tmp_path / "p", *keys)
    assert told.code == 1
    assert said in told.out
    assert not (tmp_path / "p").exists()


def test_the_event_is_of_the_tenant_that_was_asked_for(type_: Type, answers: Answers) -> None:
    answers[PATH] = answer(3)
    told = type_("prove", "--tenant", "umbrella", "--position", "3")
    assert told.code == 1
    assert "was asked for another event" in told.out


def test_an_archive_holds_the_events_of_another_tenant(type_: Type, answers: Answers) -> None:
    answers[PATH] = answer(3)
    assert type_("prove", "--tenant", "$archive.00ff", "--position", "3").code == 0


def test_an_export_proves_an_event_without_a_server_and_the_proof_shows_it(
    type_: Type, log_file: Path, tmp_path: Path
) -> None:
    sign(log_file)
    export, out = tmp_path / "acme.jsonl", tmp_path / "one.tlog-proof"
    typed = type_("export", "--dsn", log_file, "--tenant", "acme", "--out", export)
    assert typed.code == 0
    assert type_("prove", export, "--session", "s1", "--seq", "0", "--out", out).code == 0
    told = type_("verify", out, "--key", vkey())
    assert told.code == 0
    assert "  s1/0  " in told.out.splitlines()[0]
    assert type_("prove", export, "--position", "999").code == 2

"""A proof file is checked with a public key and nothing else."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from aegisd.core.log import proof
from aegisd.core.log.merkle import Tree
from aegisd.core.log.proof import Proof
from aegisd.ports import Checkpoint
from aegisd.store.sqlite.reader import SqliteReader
from tests.aegisctl.conftest import Type
from tests.aegisctl.signed import THIEF, checkpoint, note, vkey

POSITION = 6


@pytest.fixture
def made(log_file: Path) -> Proof:
    """The proof of one event of a recorded log."""
    signed = checkpoint(log_file)
    log = SqliteReader(str(log_file))
    hashes = log.hashes("acme", from_position=0, limit=100)
    (event,) = log.events("acme", from_position=POSITION, limit=1)
    log.close()
    tree = Tree()
    tree.extend(hashes)
    path = tree.inclusion(POSITION, signed.size, lambda at, count: hashes[at : at + count])
    return Proof(index=POSITION, hashes=tuple(path), checkpoint=signed.note, extra=event.body)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "event.tlog-proof"


def test_a_proof_is_signed_or_only_linked(made: Proof, file: Path, type_: Type) -> None:
    file.write_text(proof.write(made), "utf-8")
    typed = type_("verify", file, "--key", vkey())
    assert typed.code == 0
    assert "SIGNED, 1 event leads to a checkpoint that the key signed" in typed.out
    typed = type_("verify", file)
    assert typed.code == 0
    assert "CHAIN, 1 event leads to a checkpoint whose signature was not checked" in typed.out
    told = json.loads(type_("verify", file, "--key", vkey(), "--json").out)
    assert (told["holds"], told["tenants"][0]["level"]) == (True, "SIGNED")


def test_the_event_may_be_given_beside_the_proof(
    made: Proof, file: Path, tmp_path: Path, type_: Type
) -> None:
    file.write_text(proof.write(replace(made, extra=b"")), "utf-8")
    event = tmp_path / "event.json"
    for body in (made.extra, made.extra + b"\n"):
        event.write_bytes(body)
        assert type_("verify", file, "--key", vkey(), "--event", event).code == 0
    typed = type_("verify", file, "--key", vkey())
    assert (typed.code, typed.out) == (2, "")
    assert "--event" in typed.err


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"index": POSITION + 1}, "proof"),
        ({"hashes": ()}, "proof"),
        ({"extra": b'{"other":1}'}, "envelope"),
        ({"checkpoint": note(18, b"\1" * 32)}, "proof"),
        ({"checkpoint": note(18, b"\1" * 32, ring=THIEF)}, "signature"),
        ({"checkpoint": note(18, b"\1" * 32, tenant_id="zeta")}, "checkpoint"),
        ({"checkpoint": "nonsense\n"}, "checkpoint"),
    ],
)
def test_each_lie_breaks_its_rule(
    made: Proof, file: Path, type_: Type, changes: dict[str, object], rule: str
) -> None:
    file.write_text(proof.write(replace(made, **changes)), "utf-8")
    typed = type_("verify", file, "--key", vkey(), "--json")
    assert typed.code == 1
    assert rule in {each["rule"] for each in json.loads(typed.out)["breaks"]}


def test_any_flipped_byte_of_a_proof_shows(made: Proof, file: Path, type_: Type) -> None:
    whole = proof.write(made).encode()
    for at in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[at] ^= 1
        file.write_bytes(changed)
        assert type_("verify", file, "--key", vkey()).code != 0, at


def test_a_proof_is_held_to_a_kept_checkpoint_of_its_size(
    made: Proof, log_file: Path, file: Path, tmp_path: Path, type_: Type
) -> None:
    file.write_text(proof.write(made), "utf-8")
    kept = tmp_path / "kept"

    def verdict(signed: Checkpoint) -> int:
        kept.write_text(signed.note, "utf-8")
        return type_("verify", file, "--key", vkey(), "--checkpoint", kept).code

    assert verdict(checkpoint(log_file)) == 0
    assert verdict(checkpoint(log_file, size=9)) == 2
    other = note(18, b"\1" * 32)
    assert verdict(replace(checkpoint(log_file), note=other)) == 1


def test_what_does_not_go_with_a_proof_is_refused(
    made: Proof, recorded: Path, file: Path, type_: Type
) -> None:
    file.write_text(proof.write(made), "utf-8")
    assert type_("verify", file, "--session", "s1").code == 2
    assert type_("verify", recorded, "--event", file).code == 2
    assert type_("sessions", file).code == 2


def test_a_proof_is_of_the_tenant_that_was_asked_about(
    made: Proof, file: Path, type_: Type
) -> None:
    file.write_text(proof.write(made), "utf-8")
    assert type_("verify", file, "--tenant", "acme").code == 0
    assert type_("verify", file, "--tenant", "other").code == 2

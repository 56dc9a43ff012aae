"""A proof file is checked with a public key and nothing else."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from aegisd.audit.anchors import NONE, Anchors, read_head
from aegisd.audit.verification.event_proof import require_asked, verify_proof
from aegisd.audit.verification.result import CHAIN, SIGNED, Verification
from aegisd.core.errors import AegisError, ConfigInvalid, NoteInvalid
from aegisd.core.log import proof
from aegisd.core.log.envelope import unseal
from aegisd.core.log.proof import Proof
from tests.audit.signed import THIEF, checkpoint, key, note, proved
from tests.core.builders import small_log

POSITION = 6

KEYED = Anchors(keys=(key(),))


@pytest.fixture
def made(log_file: Path) -> Proof:
    """The proof of one event of a recorded log."""
    return proved(log_file, POSITION)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "event.tlog-proof"


def look(file: Path, anchors: Anchors = KEYED, event: Path | None = None) -> Verification:
    return verify_proof(str(file), None if event is None else str(event), anchors)


def test_a_proof_is_signed_or_only_linked(made: Proof, file: Path) -> None:
    file.write_text(proof.write(made), "utf-8")
    for anchors, level in ((KEYED, SIGNED), (NONE, CHAIN)):
        told = look(file, anchors)
        assert told.holds
        assert [(each.tenant_id, each.level, each.covered) for each in told.tenants] == [
            ("acme", level, 1)
        ]


def test_the_event_may_be_given_beside_the_proof(made: Proof, file: Path, tmp_path: Path) -> None:
    file.write_text(proof.write(replace(made, extra=b"")), "utf-8")
    event = tmp_path / "event.json"
    for body in (made.extra, made.extra + b"\n"):
        event.write_bytes(body)
        assert look(file, event=event).holds
    with pytest.raises(ConfigInvalid, match="--event"):
        look(file)


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
    made: Proof, file: Path, changes: dict[str, object], rule: str
) -> None:
    file.write_text(proof.write(replace(made, **changes)), "utf-8")
    assert rule in {each.rule for each in look(file).breaks}


def test_any_flipped_byte_of_a_proof_shows(made: Proof, file: Path) -> None:
    whole = proof.write(made).encode()
    for at in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[at] ^= 1
        file.write_bytes(changed)
        try:
            told = look(file)
        except AegisError:
            continue
        assert not told.holds, at


def test_a_proof_is_held_to_a_kept_checkpoint_of_its_size(
    made: Proof, log_file: Path, file: Path
) -> None:
    file.write_text(proof.write(made), "utf-8")

    def told(note: str) -> Verification:
        return look(file, Anchors(keys=(key(),), kept=(read_head(note, (key(),)),)))

    same = told(checkpoint(log_file).note)
    assert same.holds
    (broken,) = told(checkpoint(log_file, size=9).note).breaks
    assert "nothing here shows that the log continues" in broken.detail
    assert not told(note(18, b"\1" * 32)).holds


def test_the_event_is_the_one_of_its_session_that_was_asked_for() -> None:
    for row in small_log():
        event = unseal(row.body)
        require_asked(event, "acme", row.session_id, row.seq)
        for session_id, seq in ((row.session_id, row.seq + 1), ("s9", row.seq)):
            with pytest.raises(NoteInvalid, match="another event"):
                require_asked(event, "acme", session_id, seq)

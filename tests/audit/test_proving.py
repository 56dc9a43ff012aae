"""A proof from a file at hand is the one that a server would give, and shows its event."""

from contextlib import closing
from pathlib import Path

import pytest

from aegisd.audit import log, proving
from aegisd.audit.anchors import Anchors
from aegisd.audit.export_writing import complete, plan_of
from aegisd.audit.partial_export import PartialExport
from aegisd.audit.proofs import StoredProofs
from aegisd.audit.verification.event_proof import verify_proof
from aegisd.audit.verification.file import verify_file
from aegisd.core.errors import EventUnknown, ExportInvalid, NotCovered
from aegisd.core.log import proof
from conformance.verifier import aegis_verify
from tests.audit.signed import key, sign


@pytest.fixture
def files(log_file: Path, tmp_path: Path) -> dict[str, Path]:
    """A signed log of 18 events as a database, and exported whole and one session of it."""
    sign(log_file, size=16)
    found = {"database": log_file, "whole": tmp_path / "a.jsonl", "session": tmp_path / "s.jsonl"}
    with log.opened_database(str(log_file)) as reader:
        proofs = StoredProofs(reader)
        for name, scope in (("whole", None), ("session", "s1")):
            plan = plan_of(proofs, "acme", scope, values=False)
            with closing(PartialExport.temporary(plan)) as partial, found[name].open("wb") as out:
                complete(reader, proofs, partial, out)
    return found


def test_each_kind_of_file_gives_the_same_proof_and_it_shows_the_event(
    files: dict[str, Path], tmp_path: Path
) -> None:
    texts = []
    for file in files.values():
        with log.opened(str(file)) as source:
            by_seq = proving.find(source, "acme", None, "s1", 2)
            texts.append(proof.write(proving.prove(source, "acme", by_seq)))
            place = proof.read(texts[-1]).index
            assert proving.find(source, "acme", place, None, None).hash == by_seq.hash
    assert len(set(texts)) == 1
    out = tmp_path / "one.tlog-proof"
    out.write_text(texts[0])
    told = verify_proof(str(out), None, Anchors(keys=(key(),)))
    assert told.holds
    assert told.proved is not None
    assert (told.proved["session_id"], told.proved["seq"]) == ("s1", 2)


def test_what_nothing_signed_covers_or_is_not_there_is_not_proved(files: dict[str, Path]) -> None:
    with log.opened(str(files["whole"])) as source:
        with pytest.raises(NotCovered):
            proving.prove(source, "acme", proving.find(source, "acme", 17, None, None))
        with pytest.raises(EventUnknown):
            proving.find(source, "acme", 18, None, None)


def test_an_export_whose_events_are_not_those_that_were_signed_proves_none(
    files: dict[str, Path],
) -> None:
    lines = files["whole"].read_bytes().replace(b"/workspace/", b"/workspade/")
    files["whole"].write_bytes(lines)
    with pytest.raises(ExportInvalid), log.opened(str(files["whole"])) as source:
        proving.prove(source, "acme", proving.find(source, "acme", 3, None, None))


@pytest.mark.parametrize("kind", ["whole", "session"])
def test_changed_line_endings_are_said_once(files: dict[str, Path], kind: str) -> None:
    file = files[kind]
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    told = verify_file(str(file))
    assert told.breaks_found == 1
    assert "line endings were changed" in told.breaks[0].detail
    report = aegis_verify.check(file, None, [], [])
    assert [broken.rule for broken in report.breaks] == ["file"]

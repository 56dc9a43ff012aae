"""Lines of an export are read in their order, each as what it is, or refused by its number."""

import base64
import hashlib

import pytest

from aegisd.core.errors import ExportInvalid
from aegisd.core.log.canonical import encode
from aegisd.core.log.export import ExportedCheckpoint, ExportedProof, Scope
from aegisd.core.log.export_reading import Reader, read, read_detached
from tests.core.builders import export_lines, small_log
from tests.core.log.test_export_check import SALT, VALUE_LINE, WHOLE, kept_beside, signed

SESSION = Scope(tenant_id="acme", session_id="s2")


@pytest.mark.parametrize("skipped", [1, 4, 7])
def test_events_checked_by_another_way_are_read_over(skipped: int) -> None:
    lines = list(export_lines(WHOLE, [], small_log()))
    reader = Reader()
    reader.take(lines[0])
    reader.skip(b"".join(lines[1 : 1 + skipped]), skipped)
    parts = [reader.take(line) for line in lines[1 + skipped :]]
    reader.end()
    assert parts == list(read(lines))[1 + skipped :]


def test_lines_out_of_their_order_are_no_export() -> None:
    data = list(export_lines(WHOLE, [("bundle", b"[]")], kept_beside(), [VALUE_LINE, signed(2)]))
    header, document, first, second, value, checkpoint, trailer = data
    for lines in (
        [header, first, document, second, value, checkpoint],
        [header, document, first, value, second, checkpoint],
        [header, document, first, second, checkpoint, value],
        [header, document, first, second, value, checkpoint, checkpoint],
        [header, header, document, first, second, value, checkpoint],
    ):
        with pytest.raises(ExportInvalid, match=r"not in the order|not an event"):
            list(read([*lines, trailer]))


@pytest.mark.parametrize(
    "line",
    [
        {"$kind": "checkpoint"},
        {"$kind": "checkpoint", "note": 1},
        {"$kind": "checkpoint", "note": "", "more": 1},
        {"$kind": "proof", "hashes": ["x"], "index": 0},
        {"$kind": "proof", "hashes": [base64.b64encode(b"short").decode()], "index": 0},
        {"$kind": "proof", "hashes": ["A" * 42 + "B="], "index": 0},
        {"$kind": "proof", "hashes": [base64.b64encode(SALT).decode()] * 64, "index": 0},
        {"$kind": "proof", "hashes": [], "index": "0"},
        {"$kind": "detached", "pointer": "", "position": 0, "salt": "", "subject": "", "value": ""},
        {"$kind": "other"},
    ],
)
def test_a_line_of_evidence_that_is_none_is_refused(line: dict[str, object]) -> None:
    with pytest.raises(ExportInvalid, match=r"^line 2: "):
        list(read([next(export_lines(WHOLE, [], [])), encode(line) + b"\n"]))


def test_a_value_line_can_be_read_again_alone() -> None:
    (line,) = list(export_lines(WHOLE, [], [], [VALUE_LINE]))[1:-1]
    assert read_detached(line) == VALUE_LINE
    with pytest.raises(ExportInvalid):
        read_detached(b'{"$kind":"trailer"}\n')


def test_the_line_of_evidence_is_these_bytes() -> None:
    lines = list(
        export_lines(WHOLE, [], kept_beside(), [VALUE_LINE, ExportedCheckpoint(note="n\n")])
    )
    assert lines[3] == (
        b'{"$kind":"detached","pointer":"/result/a~1b/0","position":1,'
        b'"salt":"AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=","subject":"u1",'
        b'"value":"\\"secret\\""}\n'
    )
    assert lines[4] == b'{"$kind":"checkpoint","note":"n\\n"}\n'
    proof = ExportedProof(index=3, hashes=(hashlib.sha256(b"").digest(),))
    assert list(export_lines(SESSION, [], [], [proof]))[1] == (
        b'{"$kind":"proof","hashes":["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="],"index":3}\n'
    )

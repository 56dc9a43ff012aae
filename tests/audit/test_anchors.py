"""What an auditor brings along is read strictly: a file that is none is no anchor."""

from pathlib import Path

import pytest

from aegisd.audit import anchors
from aegisd.core.errors import NoteInvalid
from aegisd.core.log.note import NOTE_BYTES_MAX
from tests.audit.signed import THIEF, checkpoint, key, vkey


def test_a_key_is_named_by_itself_or_by_a_file_of_lines(tmp_path: Path) -> None:
    file = tmp_path / "keys.pub"
    file.write_text(f"# ours\n{vkey()}\n\n{vkey(THIEF)}\n", "utf-8")
    assert anchors.read_keys([vkey()]) == (key(),)
    assert anchors.read_keys([str(file)]) == (key(), key(THIEF))
    with pytest.raises(NoteInvalid):
        anchors.read_keys(["no+key"])


@pytest.mark.parametrize("content", [b"\xff", b"x" * (NOTE_BYTES_MAX + 1)])
def test_a_file_that_is_no_short_text_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(NoteInvalid, match="file"):
        anchors.read_text(str(file))


def test_a_kept_checkpoint_is_signed_by_a_key_where_one_is_given(
    log_file: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "monday"
    kept.write_text(checkpoint(log_file, size=9).note, "utf-8")
    read = anchors.read([key()], [str(kept)])
    assert [head.size for head in read.of("acme")] == [9]
    assert (read.of("zeta"), read.sizes()) == ([], {9})
    assert anchors.read([], [str(kept)]).kept == read.kept
    with pytest.raises(NoteInvalid):
        anchors.read([key(THIEF)], [str(kept)])

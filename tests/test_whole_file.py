"""A file is there whole, or the old one is still there."""

from pathlib import Path

import pytest

from aegisd.whole_file import replacing


def test_what_was_written_is_there_at_the_end_for_its_owner_only(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with replacing(out) as file:
        file.write(b"new")
        assert not out.exists()
    assert out.read_bytes() == b"new"
    assert out.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [out]


def test_a_write_that_fails_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("old")
    full = OSError("disk")

    def fill() -> None:
        with replacing(out) as draft:
            draft.write(b"new")
            raise full

    with pytest.raises(OSError, match="disk"):
        fill()
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]

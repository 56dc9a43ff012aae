"""The end of an export tells of its checkpoint, however long its last lines are."""

import io

import pytest

from aegisd import export_file
from aegisd.export_file import ending, lines


def test_the_end_holds_at_least_the_last_two_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_file, "ENDING_BYTES", 40)
    for trailer in (b"t" * 10, b"t" * 100):
        file = io.BytesIO(b"e" * 50 + b"\n" + b"c" * 20 + b"\n" + trailer + b"\n")
        assert ending(file).endswith(b"\n" + b"c" * 20 + b"\n" + trailer + b"\n")
        assert file.tell() == 0


def test_a_file_without_lines_is_its_own_end() -> None:
    assert ending(io.BytesIO(b"")) == b""
    assert ending(io.BytesIO(b"x")) == b"x"


def test_a_line_past_the_bound_is_cut_and_so_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_file, "LINE_BYTES_MAX", 4)
    assert list(lines(io.BytesIO(b"abc\nabcd\n"))) == [b"abc\n", b"abcd\n"[:5]]
    assert next(lines(io.BytesIO(b"abcdefgh"))) == b"abcde"

"""An export as a file: its lines, and where it ends."""

import os
from collections.abc import Iterator
from typing import BinaryIO

from aegisd.core.log.export import LINE_BYTES_MAX
from aegisd.core.log.note import NOTE_BYTES_MAX

# Bytes from the end of a file that hold its trailer, where it has few sessions, and a checkpoint.
ENDING_BYTES = 2 * NOTE_BYTES_MAX

# The checkpoint and the trailer.
LINES_AT_END = 2


def lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file, each of at most one byte more than an export may have."""
    return iter(lambda: file.readline(LINE_BYTES_MAX + 1), b"")


def ending(file: BinaryIO) -> bytes:
    """The end of a file, with at least its last two lines. The file stands at its beginning then.

    Of what is longer than lines of an export may be, a part.
    """
    size = file.seek(0, os.SEEK_END)
    found = b""
    for length in (ENDING_BYTES, LINE_BYTES_MAX + ENDING_BYTES):
        file.seek(max(0, size - length))
        found = file.read(length)
        if found.count(b"\n") > LINES_AT_END:
            break
    file.seek(0)
    return found

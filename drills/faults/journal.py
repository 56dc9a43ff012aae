"""The journal of a program under the interposer: what it did to its files, in order, and said."""

import struct
from pathlib import Path

from msgspec import Struct

OPENED, CLOSED, WRITTEN, TRUNCATED, SYNCED, RENAMED, UNLINKED, SENT, MADE_FOLDER = range(1, 10)

# A sync that failed.
UNSYNCED = 10

_RECORD = struct.Struct("=IiQQ")


class Operation(Struct, frozen=True):
    """One call. `data` is what was written or said, or the path; two of them with a zero between.

    `offset` is that of a write, the length after a truncation, 1 for an opening that made the file.
    """

    kind: int
    descriptor: int
    offset: int
    data: bytes


def read(path: Path) -> list[Operation]:
    """All operations; a last record cut short by the program's end is left out."""
    journal = path.read_bytes()
    operations: list[Operation] = []
    at = 0
    while at + _RECORD.size <= len(journal):
        kind, descriptor, offset, length = _RECORD.unpack_from(journal, at)
        at += _RECORD.size
        if at + length > len(journal):
            break
        operations.append(Operation(kind, descriptor, offset, journal[at : at + length]))
        at += length
    return operations

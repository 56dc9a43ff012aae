"""A whole export read in segments, on every processor there is, where it is worth starting some."""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import BinaryIO, Protocol

from aegisd.audit.progress import Progress
from aegisd.audit.verification.segment import Segment, Segments, read_segment
from aegisd.core.errors import ExportInvalid
from aegisd.core.log.export import KIND_BEGINS, ExportedDocument, Line, Scope
from aegisd.core.log.export_reading import Reader
from aegisd.export_file import lines

# Bytes of a segment. Some thousand events: what one costs to hand over no longer shows.
SEGMENT_BYTES = 1 << 22

# Bytes of a file from which on processes are started. Before, starting them takes longer.
PROCESSES_FROM_BYTES = 1 << 24

# Processes besides this one, which meanwhile hashes the file and grows the tree. More than these
# would wait for that.
PROCESSES_MAX = 4


class Receiver(Protocol):
    """What is told of the parts of an export as they are read."""

    def take(self, part: Line) -> None:
        """Check the next part."""
        ...

    def take_segment(self, segment: Segment, heads: dict[str, tuple[int, bytes]]) -> None:
        """Take events that hold; `heads` are those of all sessions after them."""
        ...


def read_in_segments(
    file: BinaryIO, path: str | None, receiver: Receiver, progress: Progress
) -> bool:
    """Read an export from its beginning; whether its lines were what they must be, all of them.

    `path` names the file for other processes, where it has one. After False, `receiver` is of no
    use.
    """
    reader = Reader()
    try:
        scope = _begin(file, reader, receiver)
        if scope is None or not _read_events(file, path, scope, reader, receiver, progress):
            return False
        for line in lines(file):
            receiver.take(reader.take(line))
        reader.end()
    except ExportInvalid:
        return False
    return True


def _begin(file: BinaryIO, reader: Reader, receiver: Receiver) -> Scope | None:
    """Read up to the first event. None where anything but documents stands before it."""
    scope = None
    for line in lines(file):
        if scope is not None and not line.startswith(KIND_BEGINS):
            file.seek(-len(line), os.SEEK_CUR)
            return scope
        part = reader.take(line)
        if not isinstance(part, Scope | ExportedDocument):
            return None
        receiver.take(part)
        scope = part if isinstance(part, Scope) else scope
    return None


def _read_events(
    file: BinaryIO,
    path: str | None,
    scope: Scope,
    reader: Reader,
    receiver: Receiver,
    progress: Progress,
) -> bool:
    """Read up to the first line behind the events, and stand there; whether the events hold."""
    places = list(_places(file))
    together = Segments()
    with _segments(file, path, places, scope) as segments:
        for (start, end), segment in zip(places, segments, strict=True):
            if segment is None or not together.take(segment):
                return False
            file.seek(start)
            reader.skip(file.read(segment.length), segment.events)
            receiver.take_segment(segment, together.heads)
            progress(segment.events)
            if start + segment.length < end:
                # What is behind is no event.
                return True
    return True


def _places(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Where segments begin and end from here on, each at the beginning of a line."""
    start = file.tell()
    size = file.seek(0, os.SEEK_END)
    while start < size:
        file.seek(min(start + SEGMENT_BYTES, size) - 1)
        next(lines(file), b"")
        yield start, file.tell()
        start = file.tell()


@contextmanager
def _segments(
    file: BinaryIO, path: str | None, places: list[tuple[int, int]], scope: Scope
) -> Iterator[Iterator[Segment | None]]:
    """The segments of a file in order, checked by other processes where there is enough to do."""
    if path is None or not places or places[-1][1] - places[0][0] < PROCESSES_FROM_BYTES:
        yield (read_segment(file, *place, scope) for place in places)
        return
    processes = min(os.cpu_count() or 1, PROCESSES_MAX)
    with ExitStack() as ending:
        # Not forked: a progress bar may have started a thread.
        pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
        ending.callback(pool.shutdown, wait=True, cancel_futures=True)
        yield pool.map(partial(_read, path, scope), places)


def _read(path: str, scope: Scope, place: tuple[int, int]) -> Segment | None:
    with Path(path).open("rb") as file:
        return read_segment(file, *place, scope)

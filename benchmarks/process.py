"""Programs under measurement, each in a process of its own."""

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).parent.parent

# Seconds between looks at the memory of a program and its children. The marks only rise, so what
# is missed is what they rose by in the last of these.
LOOK_SECONDS = 0.05

# Bytes of what a failed program said that are worth repeating.
SAID_BYTES_MAX = 2_000


class Ended(Struct, frozen=True, kw_only=True):
    """A program that ended well: what it took, and what it printed.

    `peak_mb` is the most resident memory of the program and of each of its children, added up as
    if all had needed it at once.
    """

    seconds: float
    peak_mb: float
    said: str


def run(command: Sequence[str | Path]) -> Ended:
    """Run a program to its end. Raises `RuntimeError` with its own words when it fails."""
    with tempfile.TemporaryFile() as told:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=told, stderr=told, cwd=ROOT)
        with _watched(process.pid) as marks:
            code = process.wait()
        seconds = time.perf_counter() - started
        told.seek(0)
        said = told.read().decode(errors="replace")
    if code:
        words = " ".join(map(str, command))
        raise RuntimeError(f"{words} ended with {code}: {said[-SAID_BYTES_MAX:]}")
    return Ended(seconds=seconds, peak_mb=sum(marks.values()), said=said)


def timed(work: Callable[[], object]) -> float:
    """Seconds that something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@contextmanager
def _watched(pid: int) -> Iterator[dict[int, float]]:
    """The highest memory, in megabytes, of a process and its children so far, by process id.

    Not from `wait4`: its `ru_maxrss` begins at what the starting process had.
    """
    marks: dict[int, float] = {}
    ended = threading.Event()

    def look() -> None:
        while True:
            for each in (pid, *_children(pid)):
                # The last look counts: a process that has just been forked shows its parent's.
                with suppress(OSError, IndexError):
                    marks[each] = peak_mb(each)
            if ended.wait(LOOK_SECONDS):
                return

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield marks
    finally:
        ended.set()
        watcher.join()


def _children(pid: int) -> list[int]:
    try:
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    except OSError:
        return []


def resident_mb(pid: int | str = "self") -> float:
    """Resident memory in megabytes (Linux: VmRSS)."""
    return _status_mb(pid, "VmRSS:")


def peak_mb(pid: int | str = "self") -> float:
    """The most resident memory a process ever had, in megabytes (Linux: VmHWM)."""
    return _status_mb(pid, "VmHWM:")


def cpu_seconds(pid: int) -> float:
    """Processor time a process took so far, its own and the system's for it (Linux)."""
    # Fields 14 and 15 of proc(5), counted behind the name, which may hold anything.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _status_mb(pid: int | str, field: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition(field)[2].split()[0]) / 1024

"""A library between a program and its disk: journals calls, makes them fail, moves the clock.

Linux with a C compiler only: the library is `interposer.c`, put in front of libc by LD_PRELOAD.
"""

import atexit
import mmap
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from msgspec import Struct

SOURCE = Path(__file__).with_name("interposer.c")

# Calls that can be made to fail; their sum selects several.
WRITE, SYNC, TRUNCATE, CREATE, RENAME, UNLINK = 1, 2, 4, 8, 16, 32

# As many as there can be.
EVERY = -1


class Unsupported(Exception):
    """A fault that cannot be tried here; the message says what is missing."""


@cache
def library() -> Path:
    """The library, built once per process. Raises `Unsupported`."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not sys.platform.startswith("linux") or compiler is None:
        raise Unsupported("faults under a program need Linux and a C compiler (cc or gcc)")
    folder = Path(mkdtemp(prefix="aegis-interposer-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    built = folder / "interposer.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(built), str(SOURCE), "-ldl"]
    done = subprocess.run([*command, "-lpthread"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unsupported(f"interposer.c does not build: {done.stderr.strip()}")
    return built


class Orders(Struct, frozen=True, kw_only=True):
    """What the library is to do; see `struct control` in `interposer.c` for the units.

    Of the calls in `operations` the first `passing` succeed and the next `failing` fail with
    `error`; a `torn` write leaves its first half.
    """

    operations: int = 0
    error: int = 0
    passing: int = 0
    failing: int = EVERY
    torn: bool = False
    delay_us: int = 0
    shift_ns: int = 0
    stuck_ns: int = 0


# Fields of `struct control`, in its order; each an int64. The last two it counts itself.
FIELDS = (*Orders.__struct_fields__, "seen", "failed")


class Interposer:
    """The library's orders and journal for one program. `folder` is what it works in."""

    def __init__(self, folder: Path, place: Path, *, journal: bool = False) -> None:
        """Keep control block and journal in `place`, outside `folder`. Raises `Unsupported`."""
        self.folder = folder
        self.journal = place / "journal"
        self._control = place / "control"
        self._control.write_bytes(bytes(8 * len(FIELDS)))
        with self._control.open("r+b") as file:
            self._block = mmap.mmap(file.fileno(), 8 * len(FIELDS))
        self.environment = {
            "LD_PRELOAD": str(library()),
            "INTERPOSER_FOLDER": os.path.realpath(folder),
            "INTERPOSER_CONTROL": str(self._control),
        }
        if journal:
            self.environment["INTERPOSER_JOURNAL"] = str(self.journal)

    def close(self) -> None:
        """Give no more orders; whoever runs under it goes on as it was last told."""
        self._block.close()

    def order(self, orders: Orders) -> None:
        """Put new orders in force, from the next call on; the counters begin again."""
        # Disarmed first: a call between two fields must not meet half an order.
        self._put("operations", 0)
        for field in FIELDS[1:]:
            self._put(field, int(getattr(orders, field, 0)))
        self._put("operations", orders.operations)

    @property
    def seen(self) -> int:
        """Calls that matched the orders so far."""
        return self._get("seen")

    @property
    def failed(self) -> int:
        """Calls that were made to fail so far."""
        return self._get("failed")

    def _put(self, field: str, value: int) -> None:
        struct.pack_into("=q", self._block, 8 * FIELDS.index(field), value)

    def _get(self, field: str) -> int:
        found: int = struct.unpack_from("=q", self._block, 8 * FIELDS.index(field))[0]
        return found


@contextmanager
def disk(*, journal: bool = False) -> Iterator[Interposer]:
    """An empty folder with the library around it. Raises `Unsupported`."""
    with TemporaryDirectory(prefix="aegis-disk-") as name:
        folder = Path(name, "disk")
        folder.mkdir()
        with closing(Interposer(folder, Path(name), journal=journal)) as between:
            yield between

"""The library between a program and its disk: what it journals, and what it makes fail."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drills.faults.interposer import (
    CREATE,
    EVERY,
    RENAME,
    SYNC,
    TRUNCATE,
    UNLINK,
    WRITE,
    Interposer,
    Orders,
    Unsupported,
    library,
)
from drills.faults.journal import (
    CLOSED,
    OPENED,
    RENAMED,
    SENT,
    SYNCED,
    TRUNCATED,
    UNLINKED,
    WRITTEN,
    Operation,
    read,
)


@pytest.fixture
def between(tmp_path: Path) -> Interposer:
    """A library with its orders, over an empty folder."""
    try:
        library()
    except Unsupported as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    (tmp_path / "disk").mkdir()
    return Interposer(tmp_path / "disk", tmp_path, journal=True)


def run(between: Interposer, program: str) -> subprocess.CompletedProcess[str]:
    """Run a little Python program in the folder, under the library."""
    return subprocess.run(
        [sys.executable, "-S", "-c", f"import os, time\n{program}"],
        env=between.environment,
        cwd=between.environment["INTERPOSER_FOLDER"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_call_on_the_folder_is_journalled_in_order(between: Interposer) -> None:
    done = run(
        between,
        """
file = os.open("a", os.O_RDWR | os.O_CREAT)
os.pwrite(file, b"hello", 3)
os.write(file, b"x")
os.ftruncate(file, 2)
os.fsync(file)
os.close(file)
os.rename("a", "b")
os.unlink("b")
open("/dev/null", "w").write("elsewhere")
print("said", flush=True)
""",
    )
    assert done.stdout == "said\n"
    folder = between.environment["INTERPOSER_FOLDER"]
    operations = read(between.journal)
    (descriptor,) = {each.descriptor for each in operations if each.kind == OPENED}
    a, b = f"{folder}/a".encode(), f"{folder}/b".encode()
    assert operations == [
        Operation(OPENED, descriptor, 1, a),
        Operation(WRITTEN, descriptor, 3, b"hello"),
        Operation(WRITTEN, descriptor, 0, b"x"),
        Operation(TRUNCATED, descriptor, 2, b""),
        Operation(SYNCED, descriptor, 0, b""),
        Operation(CLOSED, descriptor, 0, b""),
        Operation(RENAMED, -1, 0, a + b"\0" + b),
        Operation(UNLINKED, -1, 0, b),
        Operation(SENT, 1, 0, b"said\n"),
    ]


def test_a_record_that_the_end_cut_short_is_left_out(between: Interposer) -> None:
    run(between, 'open("a", "w").write("hello")')
    whole = read(between.journal)
    between.journal.write_bytes(between.journal.read_bytes()[:-1])
    assert read(between.journal) == whole[:-1]


CALLS = {
    CREATE: 'os.open("b", os.O_CREAT | os.O_WRONLY)',
    RENAME: 'os.rename("a", "b")',
    SYNC: "os.fsync(file)",
    TRUNCATE: "os.ftruncate(file, 1)",
    UNLINK: 'os.unlink("a")',
    WRITE: 'os.write(file, b"hello")',
}

ATTEMPTS = """
file = os.open("a", os.O_RDWR | os.O_CREAT)
for attempt in range(4):
    try:
        {call}
        print("done")
    except FileNotFoundError:
        print("done")
    except OSError as error:
        print(error.errno)
"""


@pytest.mark.parametrize("operation", CALLS)
def test_the_calls_that_are_named_fail_after_those_that_pass(
    between: Interposer, operation: int
) -> None:
    program = ATTEMPTS.format(call=CALLS[operation])
    orders = Orders(operations=operation, error=errno.ENOSPC, passing=1, failing=2)
    if operation == CREATE:
        # The file is made once, and only what makes one counts.
        program = program.replace('"b"', 'f"b{attempt}"')
    between.order(orders)
    expected = ["done", "28", "28", "done"]
    if operation == CREATE:
        expected = ["28", "28", "done", "done"]
    assert run(between, program).stdout.split() == expected
    assert (between.seen, between.failed) == (4 if operation != CREATE else 5, 2)


def test_a_torn_write_leaves_its_first_half(between: Interposer) -> None:
    orders = Orders(operations=WRITE, error=errno.EIO, failing=EVERY, torn=True)
    between.order(orders)
    run(between, 'os.write(os.open("a", os.O_WRONLY | os.O_CREAT), b"12345678")')
    assert Path(between.environment["INTERPOSER_FOLDER"], "a").read_bytes() == b"1234"


def test_the_wall_clock_is_where_it_is_put_and_the_other_clocks_go_on(between: Interposer) -> None:
    program = "print(time.time_ns(), time.monotonic_ns())"
    between.order(Orders(stuck_ns=5))
    stuck, monotonic = run(between, program).stdout.split()
    assert stuck == "5"
    assert int(monotonic) > 5
    between.order(Orders(shift_ns=-86_400 * 10**9))
    shifted = int(run(between, program).stdout.split()[0])
    assert time.time_ns() - shifted > 86_000 * 10**9


def test_programs_that_it_starts_are_not_followed(between: Interposer) -> None:
    between.order(Orders(operations=CREATE, error=errno.ENOSPC))
    done = run(between, "import subprocess; subprocess.run(['touch', 'a'], check=True)")
    assert done.returncode == 0, done.stderr

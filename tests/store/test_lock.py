"""One process holds a log, and a dead one holds nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aegisd.core.errors import ConfigInvalid, NotNow
from aegisd.store.lock import PID_BYTES_MAX, LockFile

HOLD = (
    "import sys, time; from aegisd.store.lock import LockFile;"
    "lock = LockFile(sys.argv[1]); print('held', flush=True); time.sleep(600)"
)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "a.lock")


def test_a_second_taker_is_told_who_holds_the_lock(path: str) -> None:
    lock = LockFile(path)
    with pytest.raises(NotNow, match=f"locked by process {os.getpid()}:") as caught:
        LockFile(path)
    assert caught.value.details == {"path": path, "pid": os.getpid()}
    lock.release()


def test_a_released_lock_is_free_and_may_be_released_again(path: str) -> None:
    first = LockFile(path)
    first.release()
    first.release()
    LockFile(path).release()
    assert Path(path).read_text() == f"{os.getpid()}\n"


def test_a_killed_holder_leaves_no_stale_lock(path: str) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ConfigInvalid, match=f"process {holder.pid}"):
            LockFile(path)
        holder.send_signal(signal.SIGKILL)
    LockFile(path).release()


def test_a_forked_child_does_not_hold_its_parents_lock(path: str) -> None:
    lock = LockFile(path)
    ready, proceed = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.write(ready[1], b"x")
        os.read(proceed[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    with pytest.raises(ConfigInvalid, match="locked by process"):
        LockFile(path)
    lock.release()
    LockFile(path).release()
    os.write(proceed[1], b"x")
    assert os.waitpid(child, 0)[1] == 0
    for descriptor in (*ready, *proceed):
        os.close(descriptor)


@pytest.mark.parametrize("written", [b"", b"nonsense", b"9" * PID_BYTES_MAX + b"x", b"\xff"])
def test_a_holder_that_wrote_no_pid_is_another_process(path: str, written: bytes) -> None:
    lock = LockFile(path)
    Path(path).write_bytes(written)
    wanted = r"another process|process 9{32}:"
    with pytest.raises(ConfigInvalid, match=wanted):
        LockFile(path)
    lock.release()


def test_only_the_owner_may_read_the_lock_file(path: str) -> None:
    LockFile(path).release()
    assert Path(path).stat().st_mode & 0o777 == 0o600


def test_a_link_is_not_followed(path: str, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    Path(path).symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="Too many levels"):
        LockFile(path)
    assert (tmp_path / "precious").read_text() == "kept"

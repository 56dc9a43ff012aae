"""What a process started ends with it, whatever ends it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from aegisd import reaper
from tests.patience import until

ROOT = Path(__file__).parents[1]

# Starts a program that keeps a FIFO open, has it kept, tells its number, and then does `{end}`.
STARTER = """
import os, signal, subprocess, sys, threading
from pathlib import Path
from aegisd import reaper
fifo, folder = sys.argv[1:]
program = "import sys; fifo = open(sys.argv[1], 'w'); print(1, file=fifo, flush=True)"
program += "; import time; time.sleep(600)"
kept = subprocess.Popen([sys.executable, "-c", program, fifo])
reaper.keep(kept, folder=Path(folder))
print(kept.pid, flush=True)
{end}
"""

ENDS = {
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "terminated": "os.kill(os.getpid(), signal.SIGTERM)",
    "hung up on": "os.kill(os.getpid(), signal.SIGHUP)",
    "ended without cleaning up": "os._exit(3)",
    "ended by an error": "raise SystemExit('odd')",
    "ended in order": "",
    "killed, with a fork left": "if os.fork(): os.kill(os.getpid(), 9)\ninput()",
}


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def started(end: str, fifo: Path, folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", STARTER.format(end=end), str(fifo), str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_kept_program_and_its_folder_end_with_who_started_it(
    end: str, fifo: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with started(f"input()\n{end}", fifo, folder) as starter:
        with fifo.open() as held:
            assert held.readline() == "1\n"
            assert folder.is_dir()
            told(starter).write("go on\n")
            told(starter).flush()
            # It ends when the last who holds it for writing has ended.
            assert held.read() == ""
        until(lambda: not folder.exists())


def told(starter: "subprocess.Popen[str]") -> IO[str]:
    assert starter.stdin is not None
    return starter.stdin


@pytest.fixture
def bystander() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        yield running


def test_a_number_that_was_used_again_is_left_alone(bystander: "subprocess.Popen[bytes]") -> None:
    born = reaper._born(bystander.pid)
    assert born is not None
    reaper._end(reaper._Program(bystander.pid, signal.SIGKILL, None, f"not {born}"))
    assert bystander.communicate(b"still here")[0] == b"still here"
    assert bystander.returncode == 0


def test_what_ended_already_was_never_born(bystander: "subprocess.Popen[bytes]") -> None:
    bystander.communicate()
    assert reaper._born(bystander.pid) is None


def test_all_of_a_group_is_ended_by_the_number_of_its_leader(fifo: Path) -> None:
    program = f"sh -c 'echo 1 >{fifo}; exec sleep 600' & wait"
    with subprocess.Popen(["sh", "-c", program], start_new_session=True) as leader:
        assert fifo.read_text() == "1\n"
        born = reaper._born(leader.pid)
        assert born is not None
        reaper._end(reaper._Program(leader.pid, signal.SIGKILL, None, born))
    assert leader.returncode == -signal.SIGKILL

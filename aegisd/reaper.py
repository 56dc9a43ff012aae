"""Ends the programs that this process started when this process ends, and when it is killed too.

A program that outlives a test, a fault run or a conformance run keeps a log and a port for ever. A
companion process holds one end of a pipe whose other end is held here: it closes with this process,
whatever ended it, and then the companion ends what it was told of and is still there.
"""

import atexit
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

# Seconds between two looks whether whoever started the companion is still there: a child that was
# forked off holds the pipe open.
LOOK_SECONDS = 1.0

# Seconds that a program has to be gone before its folder is removed all the same.
END_SECONDS_MAX = 10

_CHUNK_BYTES = 65_536

# Where Linux tells when a process was started: proc(5), the 22nd field, counted from the 4th.
_STARTED = 18

_lock = threading.Lock()
_companions: dict[int, "subprocess.Popen[bytes]"] = {}


def keep(
    process: "subprocess.Popen[bytes] | subprocess.Popen[str]",
    how: signal.Signals = signal.SIGKILL,
    folder: Path | None = None,
) -> None:
    """End a program with this process, unless it ended before; `folder` is removed after it.

    Where the program leads a process group, the signal goes to all of that.
    """
    told = {"pid": process.pid, "how": int(how), "folder": None if folder is None else str(folder)}
    with _lock:
        stdin = _companion().stdin
        if stdin is not None:
            stdin.write(json.dumps(told).encode() + b"\n")
            stdin.flush()


def run(
    command: list[str], cwd: Path, seconds: float, settings: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[bytes]":
    """Run a program of ours in a folder and keep what it prints, on both channels.

    `settings` are added to its environment. It ends with this process. Raises
    `subprocess.TimeoutExpired` where it takes longer.
    """
    with subprocess.Popen(  # noqa: S603 - a program of ours
        command,
        cwd=cwd,
        env={**os.environ, **(settings or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        keep(process)
        try:
            said = process.communicate(timeout=seconds)
        finally:
            process.kill()
    return subprocess.CompletedProcess(command, process.returncode, *said)


def _companion() -> "subprocess.Popen[bytes]":
    """The one of this process, a forked child having one of its own."""
    found = _companions.get(os.getpid())
    if found is None:
        # By its path and without site-packages: it must start in any folder, and at once.
        command = [sys.executable, "-I", "-S", __file__, str(os.getpid())]
        found = subprocess.Popen(  # noqa: S603 - this file
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )
        _companions[os.getpid()] = found
        atexit.register(_close, found, os.getpid())
    return found


def _close(companion: "subprocess.Popen[bytes]", owner: int) -> None:
    if os.getpid() == owner:
        companion.communicate()


class _Program(NamedTuple):
    """What is to be ended: how, with which folder, and when it was started."""

    pid: int
    how: int
    folder: str | None
    born: str | None


def _born(pid: int) -> str | None:
    """When a running program was started, in words of this machine; None for one that ended.

    A process number is used again, together with this it is not.
    """
    try:
        state, *told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
    else:
        return None if state == "Z" else told[_STARTED]
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed
    state, _, started = shown.stdout.strip().partition(" ")
    return None if not started or state.startswith("Z") else started


def _wait_for_the_end(owner: int) -> list[_Program]:
    """What to end, once the owner, who tells of it, has ended."""
    programs, rest = list[_Program](), b""
    while True:
        # Whether it is there is asked before what it told is read, so that nothing is missed.
        there = os.getppid() == owner
        ready, _, _ = select.select([0], [], [], LOOK_SECONDS if there else 0)
        data = os.read(0, _CHUNK_BYTES) if ready else b""
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            told = json.loads(line)
            programs.append(_Program(**told, born=_born(told["pid"])))
        if not data and (ready or not there):
            return programs


def _end(program: _Program) -> None:
    if _runs(program):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            leads = os.getpgid(program.pid) == program.pid
            (os.killpg if leads else os.kill)(program.pid, program.how)
    if program.folder is not None:
        give_up = time.monotonic() + END_SECONDS_MAX
        while _runs(program) and time.monotonic() < give_up:
            time.sleep(0.01)
        shutil.rmtree(program.folder, ignore_errors=True)


def _runs(program: _Program) -> bool:
    return program.born is not None and _born(program.pid) == program.born


def main() -> None:
    """Be the companion: read what to end from standard input, and wait until that closes."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for program in _wait_for_the_end(int(sys.argv[1])):
        _end(program)


if __name__ == "__main__":
    main()

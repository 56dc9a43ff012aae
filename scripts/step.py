"""Run a command that takes a while: say what it does, how long it has taken, and why it failed.

`python scripts/step.py SENTENCE COMMAND...` ends with the command's exit code. What the command
prints is kept aside, and shown only where it fails.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress

# Seconds between two looks at the command, and between two signs of life where there is no terminal
# to change a line on.
LOOK_SECONDS = 1
LINE_SECONDS = 15

# The exit code of what was given up, as a shell tells it of a program that SIGTERM ended.
GIVEN_UP = 128 + signal.SIGTERM


def run(sentence: str, command: list[str], *, wanted: Callable[[], bool] | None = None) -> int:
    """Run a command and show how it goes: its exit code.

    With `wanted` it goes on beside something else: only beginning and end are shown, and once
    nobody wants it any more the command is ended and `GIVEN_UP` returned. Whatever ends this
    process short of SIGKILL ends the command too, and what it started.
    """
    begun = time.monotonic()
    _show(sentence, "" if wanted is None else "\n")
    with (
        tempfile.TemporaryFile("w+", errors="replace") as said,
        # In a session of its own, so that the compilers below it end with it.
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        ) as work,
    ):
        try:
            code = _awaited(work, sentence, begun, wanted)
        finally:
            if work.poll() is None:
                os.killpg(work.pid, signal.SIGTERM)
        if code not in (0, GIVEN_UP):
            _show(f"{sentence}: failed; it said:", "\n")
            said.seek(0)
            sys.stderr.write(said.read())
    if code == 0:
        _show(f"{sentence}: done, {time.monotonic() - begun:.0f} s", "\n")
    return code


def _awaited(
    work: "subprocess.Popen[bytes]",
    sentence: str,
    begun: float,
    wanted: Callable[[], bool] | None,
) -> int:
    every = LOOK_SECONDS if sys.stderr.isatty() else LINE_SECONDS
    shown = begun
    while True:
        with suppress(subprocess.TimeoutExpired):
            return work.wait(LOOK_SECONDS)
        now = time.monotonic()
        if wanted is None and now - shown >= every:
            _show(f"{sentence}: {now - begun:.0f} s")
            shown = now
        if wanted is not None and not wanted():
            return GIVEN_UP


def _show(text: str, end: str = "") -> None:
    """Say it, on a terminal in the place of what was said before."""
    sys.stderr.write(f"\r\x1b[K{text}{end}" if sys.stderr.isatty() else f"{text}\n")
    sys.stderr.flush()


def ended_by_signals() -> None:
    """Let SIGINT and SIGTERM end this process in order, however it was started.

    A shell without job control starts what runs beside it with SIGINT ignored.
    """
    signal.signal(signal.SIGINT, _end)
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def main() -> None:
    """See the module."""
    ended_by_signals()
    sentence, *command = sys.argv[1:]
    sys.exit(run(sentence, command))


if __name__ == "__main__":
    main()

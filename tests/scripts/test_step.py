"""A long step says what it does and how long it took, and ends whatever it started."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import step

ROOT = Path(__file__).parents[2]

# Starts a program of its own, says its number, and waits for both for ever.
NESTED = (
    "import subprocess, sys\n"
    "below = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\n"
    "open(sys.argv[1], 'w').write(f'{below.pid}\\n')\n"
    "below.wait()\n"
)


def python(program: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", program, *map(str, arguments)]


def running(pid: int) -> bool:
    """Whether a process is there that is more than a name its parent has not read yet."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, check=False)
    return bool(shown.stdout.strip()) and not shown.stdout.startswith(b"Z")


def test_a_step_that_succeeds_is_named_and_timed_and_otherwise_silent(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert step.run("Counting", python("print(6 * 7)")) == 0
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.startswith("Counting\nCounting: done, ")
    assert "42" not in said.err


def test_a_step_that_fails_repeats_what_it_said(capfd: pytest.CaptureFixture[str]) -> None:
    assert step.run("Counting", python("print('two'); raise SystemExit(3)")) == 3
    assert capfd.readouterr().err == "Counting\nCounting: failed; it said:\ntwo\n"


def test_a_long_step_shows_that_it_is_alive(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(step, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(step, "LINE_SECONDS", 0)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    shown = step._show

    def show(text: str, end: str = "") -> None:
        shown(text, end)
        if text == "Waiting: 0 s":
            monkeypatch.setattr(step, "_show", shown)
            fifo.write_text("go")

    monkeypatch.setattr(step, "_show", show)
    assert step.run("Waiting", python(f"open({str(fifo)!r}).read()")) == 0
    assert capfd.readouterr().err.startswith("Waiting\nWaiting: 0 s\nWaiting: ")


def test_what_nobody_wants_any_more_is_ended_with_all_below_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(step, "LOOK_SECONDS", 0.01)
    told = tmp_path / "pid"
    code = step.run(
        "Building",
        python(NESTED, told),
        wanted=lambda: not (told.exists() and told.read_text().endswith("\n")),
    )
    assert code == step.GIVEN_UP
    await_end(int(told.read_text()))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_step_and_all_below_it_however_it_was_started(
    number: signal.Signals, tmp_path: Path
) -> None:
    told = tmp_path / "pid"
    os.mkfifo(told)
    # As a shell without job control starts what runs beside it.
    ignored = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    command = [sys.executable, "-m", "scripts.step", "Building", *python(NESTED, told)]
    with subprocess.Popen(
        python(f"{ignored}os.execv(sys.executable, sys.argv[1:])", *command),
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    ) as started:
        below = int(told.read_text())
        started.send_signal(number)
    assert started.returncode == 128 + number
    await_end(below)


def await_end(pid: int) -> None:
    """Return once a process has ended; a test that waits for ever is ended by pytest."""
    while running(pid):
        pass

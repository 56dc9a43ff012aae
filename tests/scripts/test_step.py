"""A long step says what it does and how long it took, and ends whatever it started."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scripts import step

ROOT = Path(__file__).parents[2]

# Starts a program of its own that keeps a FIFO open for writing, and waits for it for ever.
BELOW = (
    "import sys, time; "
    "kept = open(sys.argv[1], 'w'); print(1, file=kept, flush=True); time.sleep(600)"
)
NESTED = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BELOW!r}, sys.argv[1]])"


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def python(program: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", program, *map(str, arguments)]


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
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, fifo: Path
) -> None:
    monkeypatch.setattr(step, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(step, "LINE_SECONDS", 0)
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
    monkeypatch: pytest.MonkeyPatch, fifo: Path
) -> None:
    monkeypatch.setattr(step, "LOOK_SECONDS", 0.01)
    with ThreadPoolExecutor(1) as pool:
        # Opened while the program below is there; at its end once nobody holds it any more.
        reading = pool.submit(fifo.open)
        ended = step.run("Building", python(NESTED, fifo), wanted=lambda: not reading.done())
        assert ended == step.GIVEN_UP
        with reading.result() as held:
            assert held.read() in ("1\n", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_step_and_all_below_it_however_it_was_started(
    number: signal.Signals, fifo: Path
) -> None:
    # As a shell without job control starts what runs beside it.
    ignoring = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    command = [sys.executable, "-m", "scripts.step", "Building", *python(NESTED, fifo)]
    with (
        subprocess.Popen(
            python(f"{ignoring}os.execv(sys.executable, sys.argv[1:])", *command),
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
        ) as started,
        fifo.open() as held,
    ):
        assert held.readline() == "1\n"
        started.send_signal(number)
        assert held.read() == ""
    assert started.returncode == 128 + number

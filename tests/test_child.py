"""A program in a child process: started, asked where it listens, ended, and told why it did not."""

import signal
import sys
import urllib.request
from pathlib import Path

import pytest

from aegisd import child
from aegisd.child import LAST_WORDS_MAX, Child, ChildDaemon, NotStarted

LISTENS = "print('x listening on http://127.0.0.1:70', flush=True)"
STAYS = "import time; time.sleep(3600)"


def program(folder: Path, text: str) -> Child:
    return Child([sys.executable, "-c", text], folder, {})


def test_a_program_that_listens_runs_until_it_is_stopped(tmp_path: Path) -> None:
    with program(tmp_path, f"{LISTENS}; {STAYS}") as running:
        assert (running.url, running.port) == ("http://127.0.0.1:70", 70)
        assert running.banner == ["x listening on http://127.0.0.1:70"]
        assert running.runs()
    assert not running.runs()
    assert running.wait() == -signal.SIGTERM


def test_what_it_says_on_standard_error_can_be_read_while_it_runs_and_after(tmp_path: Path) -> None:
    said = "import sys; print('a word', file=sys.stderr, flush=True)"
    running = program(tmp_path, f"{said}; {LISTENS}; {STAYS}")
    assert running.errors() == "a word\n"
    running.kill()
    assert (running.errors(), running.wait()) == ("a word\n", -signal.SIGKILL)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("raise SystemExit('no such log')", 1, "no such log"),
        ("print('begins'); raise SystemExit(78)", 78, "begins"),
        ("raise SystemExit(3)", 3, "it said nothing"),
        (f"{LISTENS}; raise SystemExit(5)", 5, "listening on"),
        (f"raise SystemExit('x' * {2 * LAST_WORDS_MAX})", 1, "x" * LAST_WORDS_MAX),
    ],
)
def test_a_program_that_ends_before_it_serves_is_told_in_its_own_words(
    tmp_path: Path, text: str, code: int, said: str
) -> None:
    class Patient(Child):
        last_line = "Try it"

    with pytest.raises(NotStarted) as told:
        Patient([sys.executable, "-c", text], tmp_path, {})
    assert told.value.code == code
    assert said in str(told.value)
    assert len(str(told.value)) <= LAST_WORDS_MAX + len("ended with 78: ")


def test_a_program_that_never_listens_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "START_SECONDS_MAX", 0.2)
    with pytest.raises(NotStarted, match="it said nothing"):
        program(tmp_path, STAYS)


def test_a_program_that_does_not_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "END_SECONDS_MAX", 0.2)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    assert program(tmp_path, f"{deaf}; {LISTENS}; {STAYS}").stop() == -signal.SIGKILL


def test_a_daemon_serves_its_own_log_and_knows_no_setting_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEGIS_DSN", str(tmp_path / "other.db"))
    with ChildDaemon(tmp_path, prelude="open('before', 'w').close()") as daemon:
        with urllib.request.urlopen(f"{daemon.url}/healthz", timeout=60) as answer:  # noqa: S310
            assert answer.status == 200
        assert daemon.database.is_file()
        assert daemon.banner[-1].startswith("Try it")
    assert daemon.wait() == 0
    assert (tmp_path / "before").exists()
    assert not (tmp_path / "other.db").exists()


def test_a_daemon_that_refuses_to_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(NotStarted, match="trust") as told:
        ChildDaemon(tmp_path, "--trust-mode", "none")
    assert told.value.code == 78

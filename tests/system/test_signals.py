"""What stops the daemon in order, however it was started."""

import os
import re
import signal
from pathlib import Path

import pytest

from drills.daemon import Daemon

INTERRUPTIBLE = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
IN_THE_BACKGROUND = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order(number: signal.Signals, tmp_path: Path) -> None:
    with Daemon(tmp_path, prelude=INTERRUPTIBLE) as daemon:
        assert daemon.connect().propose("s1")["seq"] == 0
        os.kill(daemon.pid, number)
        assert daemon.wait() == 0


def test_an_interrupt_is_ignored_where_it_was_started_so(tmp_path: Path) -> None:
    with Daemon(tmp_path, prelude=IN_THE_BACKGROUND) as daemon:
        client = daemon.connect()
        client.propose("s1")
        os.kill(daemon.pid, signal.SIGINT)
        assert client.propose("s1")["seq"] == 2
        assert client.propose("s1")["seq"] == 4
        assert daemon.stop() == 0


def test_a_hang_up_is_answered_with_a_no_and_a_time_and_nothing_ends(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon:
        client = daemon.connect()
        client.propose("s1")
        os.kill(daemon.pid, signal.SIGHUP)
        assert client.propose("s1")["seq"] == 2
        assert daemon.stop() == 0
        told = daemon.errors()
    assert re.search(
        r"^\d{4}-\d\d-\d\dT[\d:.]+Z WARNING aegisd: SIGHUP: nothing", told, re.MULTILINE
    )

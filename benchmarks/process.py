"""Programs under measurement, each in a process of its own."""

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent

# Seconds until a program that was asked to end is given up.
END_SECONDS_MAX = 60


@contextmanager
def listening(command: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Start a server that prints `… listening on …:PORT` first; give its port and process id.

    Raises `RuntimeError` when it prints anything else. Ends it as a service manager would.
    """
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        banner = process.stdout.readline() if process.stdout else ""
        if "listening on" not in banner:
            raise RuntimeError(f"{command[-1]} did not start; its reason is above")
        yield int(banner.rsplit(":", 1)[1]), process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=END_SECONDS_MAX)


def resident_mb(pid: int | str = "self") -> float:
    """Resident memory in megabytes (Linux: VmRSS)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024

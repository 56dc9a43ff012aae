"""A daemon of this installation in a process of its own, on a free loopback port.

What judges, measures or damages a daemon from outside starts it here, and nowhere else.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Self, cast

from aegisd import reaper

# Seconds until a program listens: a hundred times what it takes, on a machine that does much else.
START_SECONDS_MAX = 120

# Seconds until a program has ended, far more than a daemon gives open requests; then it is killed.
END_SECONDS_MAX = 120

# Characters of what a program said before it ended that are repeated to a person.
LAST_WORDS_MAX = 2_000

# What `aegisd` runs, for who must run something before it in the same process.
START = "from aegisd.daemon import main; main()"

_LISTENING = "listening on "
_ROOT = Path(__file__).resolve().parents[1]


class NotStarted(Exception):
    """A program ended, or took too long, before it listened; the message is what it said."""

    def __init__(self, code: int, said: str) -> None:
        words = said.strip()[-LAST_WORDS_MAX:] or "it said nothing"
        super().__init__(f"ended with {code}: {words}")
        self.code = code


class Child:
    """A program that prints `… listening on URL:PORT`: it does when this returns.

    It works in `folder` with `environment` and nothing else. It ends with this process at the
    latest, and where it comes to that, `leaving` is removed. Raises `NotStarted`.
    """

    # What the line holds that ends its banner; what it prints behind that is nobody's business.
    last_line = _LISTENING

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        leaving: Path | None = None,
    ) -> None:
        self.url = ""
        self.banner: list[str] = []
        self._serves = False
        self._ready = threading.Event()
        self._said = b""
        errors = TemporaryFile()  # noqa: SIM115 - closed by `wait`
        self._errors: BinaryIO | None = cast("BinaryIO", errors)
        self._process = subprocess.Popen(  # noqa: S603 - a program of ours
            command,
            cwd=folder,
            env=dict(environment),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        reaper.keep(self._process, folder=leaving)
        self.pid = self._process.pid
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        self._ready.wait(START_SECONDS_MAX)
        if not self._serves or not self.runs():
            code = self.stop(signal.SIGKILL)
            raise NotStarted(code, "\n".join([*self.banner, self.errors()]))

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def errors(self) -> str:
        """What it said on standard error so far, at most a MiB."""
        if self._errors is not None:
            self._said = os.pread(self._errors.fileno(), 1 << 20, 0)
        return self._said.decode(errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it by a signal, unless it ended by itself; the exit code."""
        if self.runs():
            self._process.send_signal(how)
        return self.wait()

    def kill(self) -> None:
        """SIGKILL: nothing gets to finish."""
        self.stop(signal.SIGKILL)

    def wait(self) -> int:
        """The exit code, once it ends. What does not end is killed: -9."""
        try:
            code = self._process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._reading.join(END_SECONDS_MAX)
        if self._process.stdout:
            self._process.stdout.close()
        self.errors()
        if self._errors is not None:
            self._errors.close()
            self._errors = None
        return code

    def _read(self) -> None:
        for line in self._process.stdout or ():
            if self._serves:
                continue
            self.banner.append(line.rstrip("\n"))
            self.url = self.url or line.rstrip().partition(_LISTENING)[2]
            if self.url and self.last_line in line:
                self._serves = True
                self._ready.set()
        # Nothing more will come of it, also where it never listened.
        self._ready.set()


class ChildDaemon(Child):
    """An aegisd on a log in `folder`, unless `dsn` says otherwise, and where it works.

    `flags` are as on the command line. `prelude` is Python that runs in the process before the
    daemon. Of our environment it gets everything but our own settings, and `settings` instead.
    """

    last_line = "Try it"

    def __init__(
        self,
        folder: Path,
        *flags: str,
        dsn: str | None = None,
        prelude: str = "",
        settings: Mapping[str, str] | None = None,
        leaving: Path | None = None,
    ) -> None:
        self.database = folder / "aegis.db"
        where = ("--dsn", dsn or str(self.database), "--addr", "127.0.0.1:0")
        ours = {name: value for name, value in os.environ.items() if name[:6] != "AEGIS_"}
        # The Aegis of this process, in whatever folder that one works.
        path = os.pathsep.join(filter(None, (str(_ROOT), ours.get("PYTHONPATH"))))
        super().__init__(
            [sys.executable, "-c", f"{prelude}\n{START}", *where, *flags],
            folder,
            {**ours, "PYTHONPATH": path, **(settings or {})},
            leaving,
        )

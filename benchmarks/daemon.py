"""A daemon under measurement, in a process of its own, governed by the quickstart manifest."""

import http.client
import json
import signal
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self
from urllib.parse import urlencode

from aegisd import resources
from aegisd.child import ChildDaemon
from benchmarks import process


def started(
    log: Path | str, *, engine: str = "auto", settings: Mapping[str, str] | None = None
) -> ChildDaemon:
    """One on a log in a file or a database, judging with `engine`; `settings` are added to its own.

    Raises `NotStarted`.
    """
    folder = log.parent if isinstance(log, Path) else process.ROOT
    manifest = resources.manifests() / "quickstart.json"
    flags = ("--manifest", str(manifest), "--policy-engine", engine)
    return ChildDaemon(folder, *flags, dsn=str(log), settings=settings)


class Daemon:
    """Starts on entry, ends on exit, and holds one connection to it.

    `settings` are added to its environment; `ending` is the signal that ends it.
    """

    def __init__(
        self,
        log: Path | str,
        *,
        settings: Mapping[str, str] | None = None,
        ending: signal.Signals = signal.SIGTERM,
    ) -> None:
        self._log, self._settings, self._ending = log, settings, ending
        self._stack = ExitStack()
        self._pid = 0
        self.port = 0

    def __enter__(self) -> Self:
        """Start, and wait until it listens."""
        running = started(self._log, settings=self._settings)
        self._stack.callback(running.stop, self._ending)
        self.port, self._pid = running.port, running.pid
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self._stack.callback(self._connection.close)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop as a service manager would, unless told otherwise."""
        self._stack.close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def resident_mb(self) -> float:
        """Resident memory in megabytes."""
        return process.resident_mb(self._pid)

    def peak_mb(self) -> float:
        """The most resident memory it ever had, in megabytes."""
        return process.peak_mb(self._pid)

    def cpu_seconds(self) -> float:
        """Processor time it took so far."""
        return process.cpu_seconds(self._pid)

    def propose(self, tenant: str, session: str) -> None:
        """One governed call; anything but 201 is an error."""
        event = {
            "tenant_id": tenant,
            "session_id": session,
            "event_type": "TOOL_CALL_PROPOSED",
            "payload": {"tool_name": "read_file", "args": {"path": "/workspace/notes.txt"}},
        }
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", "/v1/events", json.dumps(event), headers)
        answer = self._connection.getresponse()
        if answer.status != http.client.CREATED:
            raise RuntimeError(f"{answer.status} {answer.read().decode()}")
        answer.read()

    def checkpoints(self, tenant: str) -> int:
        """How many signed checkpoints of a tenant are in the log."""
        count, token = 0, None
        while True:
            query = {"tenant_id": tenant, "limit": "1000"} | (
                {"page_token": token} if token else {}
            )
            self._connection.request("GET", f"/v1/checkpoints?{urlencode(query)}")
            answer = self._connection.getresponse()
            body = answer.read()
            if answer.status != http.client.OK:
                raise RuntimeError(f"{answer.status} {body.decode()}")
            page = json.loads(body)
            count += len(page["checkpoints"])
            token = page["next_page_token"]
            if token is None:
                return count

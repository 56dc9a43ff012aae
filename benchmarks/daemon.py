"""A daemon under measurement, in a process of its own, governed by the quickstart manifest."""

import http.client
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from aegisd import resources
from benchmarks import process


def command(database: Path, engine: str = "auto") -> Sequence[str]:
    """How to start one on a free port, on a log in `database`, judging with `engine`."""
    manifest = resources.manifests() / "quickstart.json"
    start = [sys.executable, "-c", "from aegisd.daemon import main; main()"]
    flags = ["--manifest", str(manifest), "--policy-engine", engine, "--addr", "127.0.0.1:0"]
    return [*start, *flags, "--dsn", str(database)]


class Daemon:
    """Starts on entry, ends on exit, and holds one connection to it."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._stack = ExitStack()
        self._pid = 0

    def __enter__(self) -> Self:
        """Start, and wait until it listens."""
        running = process.listening(command(self._database))
        port, self._pid = self._stack.enter_context(running)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._stack.callback(self._connection.close)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop as a service manager would."""
        self._stack.close()

    def resident_mb(self) -> float:
        """Resident memory in megabytes."""
        return process.resident_mb(self._pid)

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

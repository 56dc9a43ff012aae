"""A daemon under measurement, in a process of its own, governed by the quickstart manifest."""

import http.client
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from aegisd import resources


class Daemon:
    """Starts on entry, ends on exit, and holds one connection to it."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self.port = 0

    def __enter__(self) -> Self:
        """Start, and wait until it listens."""
        manifest = resources.manifests() / "quickstart.json"
        command = [sys.executable, "-c", "from aegisd.daemon import main; main()"]
        flags = ["--dsn", str(self._database), "--addr", "127.0.0.1:0", "--manifest", str(manifest)]
        self._process = subprocess.Popen([*command, *flags], stdout=subprocess.PIPE, text=True)
        banner = self._process.stdout.readline() if self._process.stdout else ""
        if "listening on" not in banner:
            raise RuntimeError("the daemon did not start; its reason is above")
        self.port = int(banner.rsplit(":", 1)[1])
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop as a service manager would."""
        self._connection.close()
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=60)

    def resident_mb(self) -> float:
        """Resident memory in megabytes (Linux: VmRSS)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

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

"""A real aegisd in a process of its own, on a free loopback port, for the tests of this folder."""

import http.client
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from aegisd import reaper
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parent.parent.parent
MANIFEST = ROOT / "manifests" / "quickstart.json"
START = "from aegisd.daemon import main; main()"


class Daemon:
    """Starts on construction; `prelude` is Python that runs in the process before the daemon."""

    def __init__(
        self, folder: Path, *flags: str, manifest: Path | None = MANIFEST, prelude: str = ""
    ) -> None:
        self.database = folder / "aegis.db"
        governed = () if manifest is None else ("--manifest", str(manifest))
        where = ("--dsn", str(self.database), "--addr", "127.0.0.1:0")
        self.log = folder / "daemon.err"
        with self.log.open("a") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", f"{prelude}\n{START}", *where, *governed, *flags],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=folder,
                env={name: value for name, value in os.environ.items() if name[:6] != "AEGIS_"},
            )
        reaper.keep(self.process)
        self._clients: list[Client] = []
        self.banner: list[str] = []
        for line in self.process.stdout or ():
            self.banner.append(line.rstrip())
            if line.startswith("Try it"):
                break
        if not self.banner:
            raise AssertionError(f"aegisd did not start: {self.log.read_text()}")
        self.port = int(self.banner[0].rsplit(":", 1)[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """SIGKILL: nothing gets to finish."""
        self.process.kill()
        self.wait()

    def wait(self) -> int:
        """The exit code, once it ends."""
        code = self.process.wait(PATIENCE_S)
        for client in self._clients:
            client.close()
        if self.process.stdout:
            self.process.stdout.close()
        return code

    def connect(self) -> "Client":
        """A connection of one's own, hung up when the daemon ends."""
        client = Client(self.port)
        self._clients.append(client)
        return client


class Client:
    """One kept-alive connection, blocking, for one thread."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)

    def request(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, dict[str, object]]:
        """Status and decoded body. `body` is encoded unless it is bytes."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, data, {"Content-Type": "application/json", **named})
        answer = self._connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else {}

    def propose(
        self, session: str, *, tool: str = "read_file", args: object = None, **more: object
    ) -> dict[str, object]:
        """By default an allowed read in a session; the answer, which must be 201."""
        event = proposal(session, tool=tool, args=args, **more)
        status, answer = self.request("POST", "/v1/events", event)
        assert status == 201, answer
        return answer

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def proposal(
    session: str,
    *,
    tool: str = "read_file",
    args: object = None,
    **more: object,
) -> dict[str, object]:
    """A TOOL_CALL_PROPOSED request; by default one that the quickstart manifest allows."""
    payload: dict[str, object] = {
        "tool_name": tool,
        "args": {"path": "/workspace/notes.txt"} if args is None else args,
    }
    event: dict[str, object] = {
        "tenant_id": "acme",
        "session_id": session,
        "event_type": "TOOL_CALL_PROPOSED",
        "payload": payload,
    }
    return {**event, **more}


def aegisctl(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-c", "from aegisctl.main import main; main()"]
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=cwd
    )

"""A real aegisd in a process of its own, on a free loopback port, and connections to it."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec import Struct

from aegisd import reaper
from drills.faults.acknowledged import Acknowledged

ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / "manifests" / "quickstart.json"
START = "from aegisd.daemon import main; main()"

# Seconds for anything the daemon is asked; far more than it takes, so that only a hang runs out.
PATIENCE_S = 60

CREATED = 201

# Every so-manieth client of a load sends batches of three proposals, six rows with their decisions,
# in a session of its own whose name begins so.
BATCHING = 4
BATCHES_OF = "batches-"
BATCH_EVENTS = 3
BATCH_ROWS = 6

# What a client may meet when the daemon dies under it.
HUNG_UP = (OSError, http.client.HTTPException, json.JSONDecodeError)


class NotStarted(Exception):
    """The daemon ended before it listened; the message is what it said."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(f"aegisd ended with {code}: {said.strip()}")
        self.code = code


class Daemon:
    """Starts on construction and listens when that returns. Raises `NotStarted`.

    It works in `folder`, which holds the log unless `dsn` says otherwise. `prelude` is Python that
    runs in the process before the daemon, `environment` is added to ours.
    """

    def __init__(
        self,
        folder: Path,
        *,
        dsn: str | None = None,
        flags: tuple[str, ...] = (),
        prelude: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.database = folder / "aegis.db"
        where = ("--dsn", dsn or str(self.database), "--addr", "127.0.0.1:0")
        ours = {name: value for name, value in os.environ.items() if name[:6] != "AEGIS_"}
        command = [sys.executable, "-c", f"{prelude}\n{START}", *where]
        self.process = subprocess.Popen(
            [*command, "--manifest", str(MANIFEST), *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            env={**ours, "PYTHONPATH": str(ROOT), **(environment or {})},
        )
        reaper.keep(self.process)
        self._clients: list[Client] = []
        self.said: list[str] = []
        self._listen()
        self._drain = threading.Thread(target=self._read_on, daemon=True)
        self._drain.start()

    def _listen(self) -> None:
        port = 0
        for line in self.process.stdout or ():
            self.said.append(line)
            if "listening on" in line:
                port = int(line.rsplit(":", 1)[1])
            if line.startswith("Try it"):
                self.port = port
                return
        code = self.process.wait(PATIENCE_S)
        if self.process.stdout:
            self.process.stdout.close()
        raise NotStarted(code, "".join(self.said))

    def _read_on(self) -> None:
        for line in self.process.stdout or ():
            self.said.append(line)

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
        """The exit code, once it ends. A daemon that does not end is killed: -9."""
        try:
            code = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait(PATIENCE_S)
        self._drain.join(PATIENCE_S)
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
    ) -> tuple[int, Any]:
        """Status and decoded JSON. `_` in a header's name stands for `-`. May raise `HUNG_UP`."""
        data = None if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, data, {"Content-Type": "application/json", **named})
        answer = self._connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else {}

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def proposal(session: str, **more: object) -> dict[str, object]:
    """A call that the manifest allows; `more` are further fields of the event."""
    payload = {"tool_name": "read_file", "args": {"path": "/workspace/notes.txt"}}
    event: dict[str, object] = {"tenant_id": "acme", "session_id": session}
    return {**event, "event_type": "TOOL_CALL_PROPOSED", "payload": payload, **more}


class _Head(Struct):
    hash: str


class _Receipt(Struct):
    """What is read of an answer 201."""

    position: int
    hash: str
    head: _Head
    decision: object


def acknowledge(heard: Acknowledged, answer: object, tenant_id: str = "acme") -> None:
    """Take note of what an answer 201 says is in the log: the event, and its decision behind it."""
    answers = answer if isinstance(answer, list) else [answer]
    for told in msgspec.convert(answers, list[_Receipt]):
        heard.add(tenant_id, told.position, told.hash)
        if told.decision is not None:
            # They are of one commit, so nothing stands between the two.
            heard.add(tenant_id, told.position + 1, told.head.hash)


def session_of(number: int) -> str:
    """A session for each client of a load."""
    return f"{BATCHES_OF if number % BATCHING == 0 else 's'}{number}"


class Load:
    """Clients that propose without a pause until the daemon dies or they are told to stop."""

    def __init__(
        self,
        daemon: Daemon,
        clients: int,
        sessions: Callable[[int], str] = session_of,
        heard: Acknowledged | None = None,
    ) -> None:
        """What is acknowledged goes to `heard`, refusals are (status, code)."""
        self.heard = Acknowledged() if heard is None else heard
        self.refusals: list[tuple[int, object]] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._odd: list[Exception] = []
        self._threads = [
            threading.Thread(target=self._propose, args=(daemon.connect(), number, sessions))
            for number in range(clients)
        ]
        for thread in self._threads:
            thread.start()

    def _propose(self, client: Client, number: int, sessions: Callable[[int], str]) -> None:
        try:
            while not self._stopping.is_set():
                session = sessions(number)
                event = proposal(session, user_id=f"u{number}")
                batch = [event] * BATCH_EVENTS if session.startswith(BATCHES_OF) else event
                status, answer = client.request("POST", "/v1/events", batch)
                with self._lock:
                    if status == CREATED:
                        acknowledge(self.heard, answer)
                    else:
                        self.refusals.append((status, answer.get("code")))
        except HUNG_UP:
            client.close()
        except (TypeError, msgspec.ValidationError) as error:
            # Raised where somebody looks: a client that died of itself proves nothing.
            self._odd.append(error)

    def stop(self) -> None:
        """End every client after its answer."""
        self._stopping.set()
        self.join()

    def join(self) -> None:
        """Wait until every client has ended. Raises what one of them could not make sense of."""
        for thread in self._threads:
            thread.join()
        for error in self._odd:
            raise error

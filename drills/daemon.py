"""A daemon governed by the quick-start manifest, in a process of its own, and connections to it."""

import http.client
import json
from collections.abc import Mapping
from pathlib import Path

from aegisd import resources
from aegisd.child import ChildDaemon

ROOT = Path(__file__).parents[1]
MANIFEST = resources.manifests() / "quickstart.json"

# Seconds for one answer; far more than it takes, so that only a hang runs out.
PATIENCE_S = 120

CREATED = 201

# What a client may meet when the daemon dies under it.
HUNG_UP = (OSError, http.client.HTTPException, json.JSONDecodeError)


class Daemon(ChildDaemon):
    """One that can be connected to. `manifest` None names none, on the flags of `ChildDaemon`."""

    def __init__(
        self,
        folder: Path,
        *flags: str,
        manifest: Path | None = MANIFEST,
        dsn: str | None = None,
        prelude: str = "",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        governed = () if manifest is None else ("--manifest", str(manifest))
        self._clients: list[Client] = []
        super().__init__(folder, *governed, *flags, dsn=dsn, prelude=prelude, settings=settings)

    def wait(self) -> int:
        """The exit code, once it ends, and every connection is hung up."""
        code = super().wait()
        for client in self._clients:
            client.close()
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
        """Status and decoded JSON, a list for a batch; `body` is encoded unless it is bytes.

        `_` in a header's name stands for `-`. May raise `HUNG_UP`.
        """
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, data, {"Content-Type": "application/json", **named})
        answer = self._connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else {}

    def propose(
        self, session: str, *, tool: str = "read_file", args: object = None, **more: object
    ) -> dict[str, object]:
        """A proposal, see `proposal`; the answer. Raises `RuntimeError` for any but 201."""
        event = proposal(session, tool=tool, args=args, **more)
        status, answer = self.request("POST", "/v1/events", event)
        if status != CREATED:
            raise RuntimeError(f"{status} {answer}")
        return answer

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def proposal(
    session: str, *, tool: str = "read_file", args: object = None, **more: object
) -> dict[str, object]:
    """A proposed call, by default one that the manifest allows; `more` are fields of the event."""
    payload = {
        "tool_name": tool,
        "args": {"path": "/workspace/notes.txt"} if args is None else args,
    }
    event: dict[str, object] = {"tenant_id": "acme", "session_id": session}
    return {**event, "event_type": "TOOL_CALL_PROPOSED", "payload": payload, **more}

"""A gate over HTTP: somebody's server, or a daemon of this installation that is ours to end."""

import http.client
import io
import signal
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from aegisd.audit.log import Log
from aegisd.child import ChildDaemon, NotStarted
from aegisd.conformance.files import OwnLog
from aegisd.conformance.step import Json
from aegisd.conformance.target import (
    AUTHOR,
    NO_BACKUP,
    PROOF_WAIT_MS,
    REASON,
    NotJudged,
    Refusal,
    Reply,
)
from aegisd.core.errors import ConfigInvalid, InvalidJson, Unavailable
from aegisd.core.log.canonical import parse
from aegisd.core.log.form import STORED_DEPTH_MAX
from aegisd.rego.engines import choose
from aegisd.remote.client import Answer, Client, Transport, connect, problem, segment
from aegisd.remote.log import ServerLog

_REFUSED = 400
_MEDIA = {False: "application/json", True: "application/x-ndjson"}


class Served:
    """`Target` over a URL. `transport` is how requests get there. Raises `ConfigInvalid`."""

    kind = "server"

    def __init__(self, url: str, transport: Transport | None = None) -> None:
        self.url: str | None = url.rstrip("/")
        self.engine: tuple[str, str] | None = None
        self._reach(url, transport or connect(url))

    def _reach(self, url: str, transport: Transport) -> None:
        self.url, self._send = url.rstrip("/"), transport

    def register(self, tenant_id: str, manifest: Json) -> Reply:
        """See `Target.register`."""
        return self._act("/v1/manifests", tenant_id, manifest=manifest)

    def activate(self, tenant_id: str, files: Mapping[str, str]) -> Reply:
        """See `Target.activate`."""
        return self._act("/v1/policies", tenant_id, files=dict(files))

    def append(self, data: bytes, *, ndjson: bool, key: str | None) -> Reply:
        """See `Target.append`."""
        return self._post("/v1/events", data, key, _MEDIA[ndjson])

    def check(self, tenant_id: str, session_id: str, event: Json) -> Reply:
        """See `Target.check`."""
        body = msgspec.json.encode({"tenant_id": tenant_id, **event})
        return self._post(f"/v1/sessions/{segment(session_id)}/check", body)

    def open(self, fields: Json, *, key: str | None) -> Reply:
        """See `Target.open`."""
        return self._post("/v1/sessions", msgspec.json.encode(fields), key)

    def snapshot(self, tenant_id: str, session_id: str) -> Reply:
        """See `Target.snapshot`."""
        return self._get(f"/v1/sessions/{segment(session_id)}/snapshot", tenant_id=tenant_id)

    def verify(self, tenant_id: str, session_id: str) -> Reply:
        """See `Target.verify`."""
        return self._get(f"/v1/sessions/{segment(session_id)}/verify", tenant_id=tenant_id)

    def keys(self) -> Reply:
        """See `Target.keys`."""
        return self._get("/v1/checkpoints/keys")

    def checkpoint(self, tenant_id: str) -> Reply:
        """See `Target.checkpoint`."""
        return self._post("/v1/checkpoints", msgspec.json.encode({"tenant_id": tenant_id}))

    def inclusion(self, tenant_id: str, position: int, size: int | None) -> Reply:
        """See `Target.inclusion`."""
        asked = {"position": position, "wait_ms": PROOF_WAIT_MS}
        sized = {} if size is None else {"size": size}
        return self._get("/v1/proofs/inclusion", tenant_id=tenant_id, **asked, **sized)

    def consistency(self, tenant_id: str, first: int) -> Reply:
        """See `Target.consistency`."""
        return self._get("/v1/proofs/consistency", tenant_id=tenant_id, **{"from": first})

    def log(self) -> Log:
        """See `Target.log`."""
        return ServerLog(Client(self.url or "", self._send))

    def restart(self, *, kill: bool) -> None:
        """See `Target.restart`."""
        what = "killed" if kill else "restarted"
        raise NotJudged(f"a server is not ours to be {what}; judge this case with --daemon")

    def backup(self) -> None:
        """See `Target.backup`."""
        raise NotJudged("a server's log is not ours to copy; judge this case with --daemon")

    def rollback(self) -> str | None:
        """See `Target.rollback`."""
        raise NotJudged(NO_BACKUP)

    def close(self) -> None:
        """See `Target.close`."""

    def _act(self, path: str, tenant_id: str, **fields: object) -> Reply:
        said = {"tenant_id": tenant_id, "author": AUTHOR, "reason": REASON}
        return self._post(path, msgspec.json.encode({**said, **fields}))

    def _post(
        self, path: str, data: bytes, key: str | None = None, media: str = _MEDIA[False]
    ) -> Reply:
        headers = {"Content-Type": media, "Content-Length": str(len(data))}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self._reply(self._ask("POST", path, data, headers))

    def _get(self, path: str, **query: str | int) -> Reply:
        asked = f"{path}?{urlencode(query)}" if query else path
        return self._reply(self._ask("GET", asked, None, {}))

    def _ask(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        try:
            return self._send(method, path, None if data is None else io.BytesIO(data), headers)
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(
                f"{self.url} cannot be asked: {str(error) or type(error).__name__}"
            ) from error
        except ValueError:
            # So the standard library refuses what is no header of HTTP.
            raise NotJudged("the key cannot be sent over HTTP") from None

    def _reply(self, answer: Answer) -> Reply:
        if answer.status >= _REFUSED:
            return Reply(status=answer.status, refusal=_refusal(answer.body))
        try:
            # Strictly, and with a bound on depth: nothing after this must fear what a server says.
            value = parse(answer.body, depth_max=STORED_DEPTH_MAX)
        except InvalidJson as error:
            raise Unavailable(
                f"{self.url} answered {answer.status} and no JSON of ours: {error.message}"
            ) from None
        replayed = answer.headers.get("idempotency-replayed") == "true"
        return Reply(status=answer.status, value=value, replayed=replayed)


class OwnDaemon(OwnLog, Served):
    """An aegisd of this installation on a log of its own, on a free loopback port."""

    kind = "daemon"

    def __init__(self, engine: str) -> None:
        """`engine` is `auto`, `regorus` or `regopy`. Raises `ConfigInvalid`, `Unavailable`."""
        self._engine = engine
        OwnLog.__init__(self)
        try:
            evaluator = choose(engine)
            self._daemon = self._start(self._path)
        except (ConfigInvalid, Unavailable):
            self.remove()
            raise
        Served.__init__(self, self._daemon.url)
        self.engine = evaluator.name, evaluator.version

    def restart(self, *, kill: bool) -> None:
        """See `Target.restart`."""
        self._daemon.stop(signal.SIGKILL if kill else signal.SIGTERM)
        self._daemon = self._start(self._path)
        self._reach(self._daemon.url, connect(self._daemon.url))

    def close(self) -> None:
        """See `Target.close`."""
        self._daemon.stop()
        self.remove()

    def _try_on(self, database: Path) -> None:
        self._start(database).stop()

    def _start(self, database: Path) -> ChildDaemon:
        """Raises `Unavailable` where none starts."""
        try:
            return ChildDaemon(
                database.parent, "--policy-engine", self._engine, leaving=self.folder
            )
        except NotStarted as error:
            raise Unavailable(f"an aegisd for this run did not start: {error}") from None


def _refusal(body: bytes) -> Refusal:
    told = problem(body)
    if told is None:
        return Refusal(code="", message="not a problem of RFC 9457")
    return Refusal(code=told.code, message=told.detail, index=told.index)

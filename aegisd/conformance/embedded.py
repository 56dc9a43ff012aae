"""A gate in this process: the library, on a log in a temporary file."""

from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import msgspec

from aegisd.audit.database_log import DatabaseLog
from aegisd.audit.log import Log
from aegisd.conformance.files import OwnLog
from aegisd.conformance.step import Json
from aegisd.conformance.target import AUTHOR, PROOF_WAIT_MS, REASON, NotJudged, Refusal, Reply
from aegisd.core.errors import AegisError
from aegisd.library import Library, LibraryThread
from aegisd.rego.engines import choose

# What `Library.open_session` takes by name.
_OPENING = frozenset({"tenant_id", "session_id", "user_id", "agent_id", "meta"})


class Embedded(OwnLog):
    """`Target` over `aegisd.library`."""

    kind = "in-process"
    url: str | None = None

    def __init__(self, engine: str) -> None:
        """`engine` is `auto`, `regorus` or `regopy`. Raises `ConfigInvalid`."""
        self._choice = engine
        evaluator = choose(engine)
        self.engine: tuple[str, str] | None = (evaluator.name, evaluator.version)
        super().__init__()
        try:
            self._gate = self._open(self._path)
        except AegisError:
            self.remove()
            raise

    def register(self, tenant_id: str, manifest: Json) -> Reply:
        """See `Target.register`."""
        register = self._gate.library.register_manifest
        return self._reply(lambda: register(tenant_id, manifest, author=AUTHOR, reason=REASON))

    def activate(self, tenant_id: str, files: Mapping[str, str]) -> Reply:
        """See `Target.activate`."""
        activate = self._gate.library.activate_policy
        return self._reply(lambda: activate(tenant_id, files, author=AUTHOR, reason=REASON))

    def append(self, data: bytes, *, ndjson: bool, key: str | None) -> Reply:
        """See `Target.append`. One receipt is a list of one: the library tells no batch apart."""
        append = self._gate.library.append
        replayed = False

        async def receipts() -> list[object]:
            nonlocal replayed
            found = await append(data, ndjson=ndjson, idempotency_key=key)
            replayed = found.replayed
            return list(found)

        reply = self._reply(receipts)
        return msgspec.structs.replace(reply, replayed=replayed)

    def check(self, tenant_id: str, session_id: str, event: Json) -> Reply:
        """See `Target.check`."""
        check = self._gate.library.check
        whole = {"tenant_id": tenant_id, "session_id": session_id, **event}

        async def answer() -> dict[str, object]:
            return {"decision": await check(whole), "recorded": False}

        return self._reply(answer)

    def open(self, fields: Json, *, key: str | None) -> Reply:
        """See `Target.open`."""
        unknown = sorted(set(fields) - _OPENING)
        if unknown:
            raise NotJudged(f"a session is opened in-process without {', '.join(unknown)}")
        arguments: dict[str, Any] = {**fields, "idempotency_key": key}
        reply = self._reply(lambda: self._gate.library.open_session(**arguments))
        return msgspec.structs.replace(reply, replayed=None)

    def snapshot(self, tenant_id: str, session_id: str) -> Reply:
        """See `Target.snapshot`."""
        return self._reply(lambda: self._gate.library.snapshot(tenant_id, session_id))

    def verify(self, tenant_id: str, session_id: str) -> Reply:
        """See `Target.verify`."""
        return self._reply(lambda: self._gate.library.verify(tenant_id, session_id))

    def keys(self) -> Reply:
        """See `Target.keys`."""
        return self._reply(self._gate.library.signing_keys)

    def checkpoint(self, tenant_id: str) -> Reply:
        """See `Target.checkpoint`."""
        return self._reply(lambda: self._gate.library.checkpoint(tenant_id))

    def inclusion(self, tenant_id: str, position: int, size: int | None) -> Reply:
        """See `Target.inclusion`."""
        prove = self._gate.library.inclusion
        return self._reply(lambda: prove(tenant_id, position, size=size, wait_ms=PROOF_WAIT_MS))

    def consistency(self, tenant_id: str, first: int) -> Reply:
        """See `Target.consistency`."""
        return self._reply(lambda: self._gate.library.consistency(tenant_id, first))

    def log(self) -> Log:
        """See `Target.log`: what lies in the file, read beside the gate."""
        return DatabaseLog(str(self._path))

    def restart(self, *, kill: bool) -> None:
        """See `Target.restart`.

        A killed gate leaves its files as they lay, and nothing that it does afterwards counts. So
        they are copied while it runs, and the next gate has the copies.
        """
        path = self._copy(self._path) if kill else self._path
        self._gate.close()
        self._path = path
        self._gate = self._open(self._path)

    def close(self) -> None:
        """See `Target.close`."""
        self._gate.close()
        self.remove()

    def _try_on(self, database: Path) -> None:
        self._open(database).close()

    def _open(self, path: Path) -> LibraryThread:
        return LibraryThread(Library(str(path), evaluator=self._choice))

    def _reply(self, ask: Callable[[], Coroutine[Any, Any, object]]) -> Reply:
        try:
            answer = self._gate.call(ask())
        except AegisError as error:
            index = error.details.get("index")
            found = index if type(index) is int else None
            return Reply(refusal=Refusal(code=error.code, message=error.message, index=found))
        # The same JSON as every other door's: text, numbers, lists and objects, nothing of ours.
        return Reply(value=msgspec.json.decode(msgspec.json.encode(answer)))

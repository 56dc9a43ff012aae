"""A gate in this process: the library, on a log in a temporary file."""

import base64
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import msgspec

from aegisd.audit.database_log import DatabaseLog
from aegisd.audit.log import Log
from aegisd.conformance import files
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
from aegisd.core.errors import AegisError
from aegisd.core.log import checkpoint, proof
from aegisd.core.log.proof import Proof
from aegisd.library import Library, LibraryThread
from aegisd.rego.engines import choose

# What `Library.open_session` takes by name.
_OPENING = frozenset({"tenant_id", "session_id", "user_id", "agent_id", "meta"})

T = TypeVar("T")


class Embedded:
    """`Target` over `aegisd.library`."""

    kind = "in-process"
    url: str | None = None

    def __init__(self, engine: str) -> None:
        """`engine` is `auto`, `regorus` or `regopy`. Raises `ConfigInvalid`."""
        self._choice = engine
        evaluator = choose(engine)
        self.engine: tuple[str, str] | None = (evaluator.name, evaluator.version)
        self._folder = TemporaryDirectory(prefix="aegis-conformance-")
        self._copies = 0
        self._path = self._place() / "aegis.db"
        self._path.parent.mkdir()
        self._backup: Path | None = None
        try:
            self._gate = self._open(self._path)
        except AegisError:
            self._folder.cleanup()
            raise

    def register(self, tenant_id: str, manifest: Json) -> Reply:
        """See `Target.register`."""
        register = self._gate.library.register_manifest
        return self._reply(
            lambda: register(tenant_id, manifest, author=AUTHOR, reason=REASON),
        )

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

        async def answer() -> dict[str, object]:
            log_name, keys = await self._gate.library.signing_keys()
            return {"keys": [str(key) for key in keys], "log_name": log_name}

        return self._reply(answer)

    def checkpoint(self, tenant_id: str) -> Reply:
        """See `Target.checkpoint`."""

        async def answer() -> dict[str, object]:
            signed = await self._gate.library.checkpoint(tenant_id)
            return {
                "note": signed.note,
                "origin": checkpoint.read(signed.note)[0].origin,
                "root": signed.root.hex(),
                "size": signed.size,
                "tenant_id": signed.tenant_id,
            }

        return self._reply(answer)

    def inclusion(self, tenant_id: str, position: int, size: int | None) -> Reply:
        """See `Target.inclusion`."""

        async def answer() -> dict[str, object]:
            found = await self._gate.library.inclusion(
                tenant_id, position, size=size, wait_ms=PROOF_WAIT_MS
            )
            event, signed = found.event, found.checkpoint
            file = Proof(
                index=event.position, hashes=found.hashes, checkpoint=signed.note, extra=event.body
            )
            return {
                "checkpoint": signed.note,
                "hash": event.hash.hex(),
                "hashes": _spelled(found.hashes),
                "position": event.position,
                "proof": proof.write(file),
                "size": signed.size,
            }

        return self._reply(answer)

    def consistency(self, tenant_id: str, first: int) -> Reply:
        """See `Target.consistency`."""

        async def answer() -> dict[str, object]:
            found = await self._gate.library.consistency(tenant_id, first)
            return {
                "checkpoint": None if found.checkpoint is None else found.checkpoint.note,
                "from": found.first,
                "from_root": found.first_root.hex(),
                "hashes": _spelled(found.hashes),
                "to": found.second,
                "to_root": found.second_root.hex(),
            }

        return self._reply(answer)

    def log(self) -> Log:
        """See `Target.log`: what lies in the file, read beside the gate."""
        return DatabaseLog(str(self._path))

    def restart(self, *, kill: bool) -> None:
        """See `Target.restart`.

        A killed gate leaves its files as they lay, and nothing that it does afterwards counts. So
        they are copied while it runs, and the next gate has the copies.
        """
        path = files.copy(self._path, self._place()) if kill else self._path
        self._gate.close()
        self._path = path
        self._gate = self._open(self._path)

    def close(self) -> None:
        """See `Target.close`."""
        self._gate.close()
        self._folder.cleanup()

    def backup(self) -> None:
        """See `Target.backup`."""
        self._backup = files.copy(self._path, self._place())

    def rollback(self) -> str | None:
        """See `Target.rollback`."""
        if self._backup is None:
            raise NotJudged(NO_BACKUP)
        older = files.copy(self._backup, self._place(), evidence=self._path)
        try:
            self._open(older).close()
        except AegisError as error:
            return error.message
        return None

    def _place(self) -> Path:
        """A folder for a copy of the log, which is to be made."""
        self._copies += 1
        return Path(self._folder.name) / str(self._copies)

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


def _spelled(hashes: tuple[bytes, ...]) -> list[str]:
    return [base64.b64encode(each).decode() for each in hashes]

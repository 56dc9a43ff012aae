"""`Gate` and `AsyncGate`: the gate in the author's own process, with its log."""

import os
import weakref
from typing import TYPE_CHECKING, Self

from aegis.events import Events
from aegis.session import AsyncSession, Session
from aegisd.core.errors import ConfigInvalid, Unavailable

if TYPE_CHECKING:
    from aegisd.library import ActReceipt, EventReader, Library, Manifest, Policy

# Random bytes of an id that nobody chose: 128 bits, so that no two of any log meet.
ID_RANDOM_BYTES = 16

FilePath = str | os.PathLike[str]


class Gate(Session):
    """A gate on a thread of its own, for plain code, and the first session of it.

    `log` is a file that outlives the process, made where there is none; without it the log is in
    memory. `manifest` (a file, or its fields) says what agents may do: without one, nothing.
    `policy` adds Rego rules (a folder, or files by name). `engine` is `auto`, `regorus` or
    `regopy`. `tenant_id` names whose log it is, `user_id` and `agent_id` whom its sessions are of,
    `session_id` the gate's own session.

    Raises `ConfigInvalid` where one of them cannot be honoured, which a file is that another gate
    or a daemon writes to. Any thread may use it. Leaving `with` closes it, and so does dropping it
    or the interpreter's end. A forked process cannot use its parent's gate: `Unavailable`.
    """

    def __init__(
        self,
        *,
        log: FilePath | None = None,
        manifest: "Manifest | None" = None,
        policy: "Policy | None" = None,
        engine: str = "auto",
        tenant_id: str = "local",
        user_id: str = "",
        agent_id: str | None = None,
        session_id: str | None = None,
    ) -> None:
        # The engine is loaded by who makes a gate, not by who imports its name.
        from aegisd.library import Library, LibraryThread  # noqa: PLC0415

        events = Events(tenant_id, session_id or _new_id(), user_id, agent_id)
        library = Library(_dsn(log), manifest=manifest, policy=policy, evaluator=engine)
        thread = LibraryThread(library)
        super().__init__(thread, events)
        self._close = weakref.finalize(self, thread.close)

    def session(
        self,
        session_id: str | None = None,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
    ) -> Session:
        """A session by its id, or a new one; `user_id` and `agent_id` are the gate's if not given.

        An id that the log has continues that session; nothing is recorded before its next event.
        """
        return Session(self._thread, _beside(self._events, session_id, user_id, agent_id), self)

    def register_manifest(self, manifest: "Manifest", *, author: str, reason: str) -> "ActReceipt":
        """Put a manifest in force from the next decision on. Raises `ManifestInvalid`."""
        library, tenant_id = self._thread.library, self._events.tenant_id
        return self._thread.call(
            library.register_manifest(tenant_id, manifest, author=author, reason=reason)
        )

    def activate_policy(self, policy: "Policy", *, author: str, reason: str) -> "ActReceipt":
        """Put Rego rules in force beside the base rules. Raises `PolicyInvalid`."""
        library, tenant_id = self._thread.library, self._events.tenant_id
        return self._thread.call(
            library.activate_policy(tenant_id, policy, author=author, reason=reason)
        )

    @property
    def reader(self) -> "EventReader":
        """The log, to read: for an export, a replay, a test."""
        return self._thread.library.reader

    def close(self) -> None:
        """Answer what is asked already, then give the log back. Later calls raise `Stopping`."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncGate(AsyncSession):
    """A gate on the event loop that enters it: no other thread is asked. Takes what `Gate` takes.

    Sessions and governed functions may be made before it is entered; they work while it is:

        async with AsyncGate(manifest="manifests/quickstart.json") as gate:
            decision = await gate.propose("read_file", {"path": "/workspace/notes.txt"})

    Entering reads files and compiles rules, which holds the loop up for some tens of milliseconds.
    """

    def __init__(
        self,
        *,
        log: FilePath | None = None,
        manifest: "Manifest | None" = None,
        policy: "Policy | None" = None,
        engine: str = "auto",
        tenant_id: str = "local",
        user_id: str = "",
        agent_id: str | None = None,
        session_id: str | None = None,
    ) -> None:
        events = Events(tenant_id, session_id or _new_id(), user_id, agent_id)
        super().__init__(events, self._running)
        self._dsn, self._manifest, self._policy, self._engine = _dsn(log), manifest, policy, engine
        self._library: Library | None = None

    def session(
        self,
        session_id: str | None = None,
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
    ) -> AsyncSession:
        """A session by its id, or a new one; see `Gate.session`."""
        events = _beside(self._events, session_id, user_id, agent_id)
        return AsyncSession(events, self._running)

    async def register_manifest(
        self, manifest: "Manifest", *, author: str, reason: str
    ) -> "ActReceipt":
        """Put a manifest in force from the next decision on. Raises `ManifestInvalid`."""
        return await self._running().register_manifest(
            self._events.tenant_id, manifest, author=author, reason=reason
        )

    async def activate_policy(self, policy: "Policy", *, author: str, reason: str) -> "ActReceipt":
        """Put Rego rules in force beside the base rules. Raises `PolicyInvalid`."""
        return await self._running().activate_policy(
            self._events.tenant_id, policy, author=author, reason=reason
        )

    @property
    def reader(self) -> "EventReader":
        """The log, to read: for an export, a replay, a test."""
        return self._running().reader

    async def close(self) -> None:
        """Answer what is asked already, then give the log back. Later calls raise `Stopping`."""
        if self._library is not None:
            await self._library.close()

    async def __aenter__(self) -> Self:
        from aegisd.library import Library  # noqa: PLC0415 - as in `Gate`

        if self._library is not None:
            raise ConfigInvalid("this AsyncGate was entered before; make another")
        self._library = Library(
            self._dsn, manifest=self._manifest, policy=self._policy, evaluator=self._engine
        )
        await self._library.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _running(self) -> "Library":
        if self._library is None:
            raise Unavailable("enter this gate first: `async with gate:`; nothing may run before")
        return self._library


def _new_id() -> str:
    return f"s-{os.urandom(ID_RANDOM_BYTES).hex()}"


def _beside(
    own: Events, session_id: str | None, user_id: str | None, agent_id: str | None
) -> Events:
    """The ids of another session, the gate's where none is given."""
    return Events(
        own.tenant_id,
        session_id or _new_id(),
        own.user_id if user_id is None else user_id,
        own.agent_id if agent_id is None else agent_id,
    )


def _dsn(log: FilePath | None) -> str | None:
    return None if log is None else os.fspath(log)

"""`Session` and `AsyncSession`: one conversation of one agent, event by event."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from aegis.decision import Decision, Preview, Receipt, decided, previewed, receipt
from aegis.events import Events
from aegis.governed import governed, governed_async
from aegis.tool import Tool
from aegisd.pep.output import Tell

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from aegisd.library import Library, LibraryThread, SessionSnapshot, SessionVerification
    from aegisd.library import Receipt as Told

P = ParamSpec("P")
R = TypeVar("R")


class Governing(ABC):
    """What both kinds of session are: ids, and functions put behind their gate."""

    def __init__(self, events: Events) -> None:
        self._events = events

    @property
    def session_id(self) -> str:
        """The session's id in the log."""
        return self._events.session_id

    @abstractmethod
    def _govern(self, tool: Tool) -> Callable[..., Any]:
        """The function that runs on an allow and nothing else."""

    @overload
    def governed(self, function: Callable[P, R], /) -> Callable[P, R]: ...

    @overload
    def governed(
        self, *, name: str | None = None, omit: Collection[str] = (), tell: Tell | None = None
    ) -> Callable[[Callable[P, R]], Callable[P, R]]: ...

    # Any: one body for both overloads, which hold the types.
    def governed(
        self,
        function: Callable[..., Any] | None = None,
        *,
        name: str | None = None,
        omit: Collection[str] = (),
        tell: Tell | None = None,
    ) -> Any:
        """Put a function behind the gate, plain or async: it runs on an allow and nothing else.

        Each call is proposed under the function's name, or `name`, with its arguments by name,
        defaults applied. TOOL_CALL_EXECUTED is recorded before it runs; TOOL_RESULT after, or
        ERROR_RAISED with the type of what it raised. The decision's `timeout_ms` ends an async
        function, and withholds the late result of a plain one, which nothing can interrupt;
        `max_output_bytes` cuts text and withholds anything longer that is no text.

        `omit` names parameters that are no arguments of the call, such as `self`. A result is text
        or JSON; else `tell` says what to record of it.

        An `AsyncSession` takes async functions only: a plain one could not wait for its gate.

        Raises `Denied` (`ApprovalRequired`, `UnmetCondition`) when it did not run, `Withheld` when
        its result is kept back, `AegisError` when the gate failed, and what the function raises.
        `TypeError` says what cannot be governed.
        """

        def decorate(given: Callable[..., Any]) -> Callable[..., Any]:
            return self._govern(Tool(given, name, omit, tell))

        return decorate if function is None else decorate(function)


class Session(Governing):
    """One session of a `Gate`. Safe to share between threads; holds nothing but its ids.

    Its first event opens it. Every method returns once what it tells is in the log, and raises an
    `AegisError` when it is not: `Unavailable` (nothing was decided) or what is wrong with the call.
    """

    def __init__(
        self, thread: "LibraryThread", events: Events, gate: "Session | None" = None
    ) -> None:
        super().__init__(events)
        self._thread = thread
        # A gate that nobody refers to closes itself; whoever holds a session refers to it.
        self._gate = gate

    def propose(
        self,
        tool_name: str,
        args: Mapping[str, object] | None = None,
        *,
        call_id: str | None = None,
    ) -> Decision:
        """Ask to call a tool. Run it only if the decision is true, with these arguments.

        `args` are JSON values; `call_id` is the server's `c<seq>` where none is given.
        """
        return decided(self._record(self._events.proposal(tool_name, args or {}, call_id)))

    def executed(self, call_id: str) -> Receipt:
        """Tell that an allowed call begins."""
        return receipt(self._record(self._events.executed(call_id)))

    def result(self, call_id: str, value: object, *, is_error: bool = False) -> Receipt:
        """Tell what a tool gave back: text or JSON. Pass it on only if the receipt is released."""
        return receipt(self._record(self._events.result(call_id, value, is_error=is_error)))

    def error(
        self, code: str, message: str, *, call_id: str | None = None, fatal: bool = False
    ) -> Receipt:
        """Tell that something failed; with `call_id`, that call is over."""
        told = self._events.error(code, message, call_id=call_id, fatal=fatal)
        return receipt(self._record(told))

    def message(self, content: object) -> Receipt:
        """Tell the user's own words."""
        return receipt(self._record(self._events.message(content)))

    def record(self, event_type: str, payload: Mapping[str, object] | None) -> Receipt:
        """Tell any event an agent may: MODEL_CALL_STARTED, MEMORY_WRITE, …; see docs/GOVERN.md."""
        return receipt(self._record(self._events.event(event_type, payload)))

    def end(self, reason: str | None = None) -> Receipt:
        """End the session for good. Results of calls allowed before are still taken."""
        return receipt(self._record(self._events.end(reason)))

    def begin(self, meta: dict[str, object] | None = None) -> None:
        """Open the session before its first event, which starts its clock.

        Raises `SessionExists` for a session that has events.
        """
        self._thread.call(_opening(self._thread.library, self._events, meta))

    def check(self, tool_name: str, args: Mapping[str, object] | None = None) -> Preview:
        """What would be decided now; records nothing. Raises `SessionUnknown` before `begin`."""
        told = self._events.proposal(tool_name, args or {})
        return previewed(self._thread.call(self._thread.library.check(told)))

    def snapshot(self) -> "SessionSnapshot":
        """The fold of the session's events: counters, open calls. Raises `SessionUnknown`."""
        library = self._thread.library
        return self._thread.call(library.snapshot(self._events.tenant_id, self.session_id))

    def verify(self) -> "SessionVerification":
        """The session hashed again from its stored bytes. Raises `SessionUnknown`."""
        library = self._thread.library
        return self._thread.call(library.verify(self._events.tenant_id, self.session_id))

    def _govern(self, tool: Tool) -> Callable[..., Any]:
        if tool.is_async:
            return governed_async(tool, self._events, self._record_async)
        return governed(tool, self._events, self._record)

    def _record(self, event: dict[str, object]) -> "Told":
        return self._thread.call(self._thread.library.record(event))

    def _record_async(self, event: dict[str, object]) -> "Coroutine[Any, Any, Told]":
        return self._thread.call_async(self._thread.library.record(event))


class AsyncSession(Governing):
    """One session of an `AsyncGate`: as `Session`, awaited, on the gate's own event loop."""

    def __init__(self, events: Events, opened: "Callable[[], Library]") -> None:
        super().__init__(events)
        self._opened = opened

    async def propose(
        self,
        tool_name: str,
        args: Mapping[str, object] | None = None,
        *,
        call_id: str | None = None,
    ) -> Decision:
        """Ask to call a tool; see `Session.propose`."""
        return decided(await self._record(self._events.proposal(tool_name, args or {}, call_id)))

    async def executed(self, call_id: str) -> Receipt:
        """Tell that an allowed call begins."""
        return receipt(await self._record(self._events.executed(call_id)))

    async def result(self, call_id: str, value: object, *, is_error: bool = False) -> Receipt:
        """Tell what a tool gave back: text or JSON. Pass it on only if the receipt is released."""
        told = self._events.result(call_id, value, is_error=is_error)
        return receipt(await self._record(told))

    async def error(
        self, code: str, message: str, *, call_id: str | None = None, fatal: bool = False
    ) -> Receipt:
        """Tell that something failed; with `call_id`, that call is over."""
        told = self._events.error(code, message, call_id=call_id, fatal=fatal)
        return receipt(await self._record(told))

    async def message(self, content: object) -> Receipt:
        """Tell the user's own words."""
        return receipt(await self._record(self._events.message(content)))

    async def record(self, event_type: str, payload: Mapping[str, object] | None) -> Receipt:
        """Tell any event an agent may; see `Session.record`."""
        return receipt(await self._record(self._events.event(event_type, payload)))

    async def end(self, reason: str | None = None) -> Receipt:
        """End the session for good. Results of calls allowed before are still taken."""
        return receipt(await self._record(self._events.end(reason)))

    async def begin(self, meta: dict[str, object] | None = None) -> None:
        """Open the session before its first event; see `Session.begin`."""
        await _opening(self._opened(), self._events, meta)

    async def check(self, tool_name: str, args: Mapping[str, object] | None = None) -> Preview:
        """What would be decided now; records nothing. Raises `SessionUnknown` before `begin`."""
        told = self._events.proposal(tool_name, args or {})
        return previewed(await self._opened().check(told))

    async def snapshot(self) -> "SessionSnapshot":
        """The fold of the session's events: counters, open calls. Raises `SessionUnknown`."""
        return await self._opened().snapshot(self._events.tenant_id, self.session_id)

    async def verify(self) -> "SessionVerification":
        """The session hashed again from its stored bytes. Raises `SessionUnknown`."""
        return await self._opened().verify(self._events.tenant_id, self.session_id)

    def _govern(self, tool: Tool) -> Callable[..., Any]:
        if not tool.is_async:
            raise TypeError(
                f"{tool.name} is a plain function and cannot await an AsyncGate; make it "
                "async, or govern it with a Gate"
            )
        return governed_async(tool, self._events, self._record)

    async def _record(self, event: dict[str, object]) -> "Told":
        return await self._opened().record(event)


async def _opening(library: "Library", events: Events, meta: dict[str, object] | None) -> None:
    await library.open_session(
        events.tenant_id,
        events.session_id,
        user_id=events.user_id,
        agent_id=events.agent_id,
        meta=meta,
    )

"""Functions behind a gate: proposed, run on an allow and on nothing else, and their end told."""

import functools
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from aegis.decision import Decision, decided, receipt
from aegis.events import Events
from aegis.tool import Function, Tool, check_release, limits_of
from aegisd.core.errors import AegisError, Unavailable
from aegisd.core.events import NAME_CHARACTERS_MAX

if TYPE_CHECKING:
    from aegisd import library

Event = dict[str, object]
Record = Callable[[Event], "library.Receipt"]
RecordAsync = Callable[[Event], Awaitable["library.Receipt"]]


def governed(tool: Tool, events: Events, record: Record) -> Function:
    """A plain function that runs only after `record` gave an allow."""

    # Any: as the function that it stands for.
    @functools.wraps(tool.function)
    def call(*args: Any, **named: Any) -> Any:  # noqa: ANN401
        asked = tool.call(args, named)
        decision = decided(record(events.proposal(tool.name, asked.told)))
        decision.require()
        call_id = _call_id(decision)
        with _Ending(events, record, call_id):
            limits = limits_of(decision)
            record(events.executed(call_id))
            started_s = time.monotonic()
            value = tool.function(*asked.bound.args, **asked.bound.kwargs)
            limits.check_time(started_s)
            value, told = tool.outcome(value, decision, limits)
            answer = record(events.result(call_id, told))
        check_release(receipt(answer))
        return value

    return call


def governed_async(tool: Tool, events: Events, record: RecordAsync) -> Function:
    """A coroutine function that runs only after `record` gave an allow."""
    # An author without an event loop shall not wait for its import.
    import asyncio  # noqa: PLC0415

    # Any: as the function that it stands for.
    @functools.wraps(tool.function)
    async def call(*args: Any, **named: Any) -> Any:  # noqa: ANN401
        asked = tool.call(args, named)
        decision = decided(await record(events.proposal(tool.name, asked.told)))
        decision.require()
        call_id = _call_id(decision)
        async with _EndingAsync(events, record, call_id):
            limits = limits_of(decision)
            await record(events.executed(call_id))
            limit_ms = limits.timeout_ms
            async with asyncio.timeout(None if limit_ms is None else limit_ms / 1000):
                value = await tool.function(*asked.bound.args, **asked.bound.kwargs)
            value, told = tool.outcome(value, decision, limits)
            answer = await record(events.result(call_id, told))
        check_release(receipt(answer))
        return value

    return call


class _Ending:
    """Tells the end of a call that gives no result, whatever ended it, and lets it pass on."""

    def __init__(self, events: Events, record: Record, call_id: str) -> None:
        self._events, self._record, self._call_id = events, record, call_id

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, _kind: object, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        try:
            self._record(_failure(self._events, error, self._call_id))
        except AegisError as lost:
            error.add_note(_untold(lost))


class _EndingAsync:
    """As `_Ending`, awaited."""

    def __init__(self, events: Events, record: RecordAsync, call_id: str) -> None:
        self._events, self._record, self._call_id = events, record, call_id

    async def __aenter__(self) -> None:
        """Nothing to prepare."""

    async def __aexit__(
        self, _kind: object, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        try:
            await self._record(_failure(self._events, error, self._call_id))
        except AegisError as lost:
            error.add_note(_untold(lost))


def _failure(events: Events, error: BaseException, call_id: str) -> Event:
    """ERROR_RAISED with the exception's type. Its text may hold a secret, so it is not told."""
    code = type(error).__name__[:NAME_CHARACTERS_MAX]
    return events.error(code, "the call gave no result", call_id=call_id)


def _untold(lost: AegisError) -> str:
    return f"the gate could not record this end of the call: {lost.code}: {lost.message}"


def _call_id(decision: Decision) -> str:
    if decision.call_id is None:
        raise Unavailable("the decision names no call, so nothing may run")
    return decision.call_id

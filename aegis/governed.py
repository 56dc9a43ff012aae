"""Functions behind a gate: proposed, run on an allow and on nothing else, and their end told."""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aegis.decision import Decision, Refused, decided, receipt
from aegis.events import Events
from aegis.tool import Call, Function, Tool, check_release, limits_of, on_time
from aegisd.core.errors import AegisError, InvalidRequest, Unavailable
from aegisd.core.shapes.payload import NAME_CHARACTERS_MAX

if TYPE_CHECKING:
    from aegisd import library

Event = dict[str, object]
Record = Callable[[Event], "library.Receipt"]
RecordAsync = Callable[[Event], Awaitable["library.Receipt"]]


def governed(tool: Tool, events: Events, record: Record) -> Function:
    """A plain function that runs only after `record` gave an allow."""

    # Any: as the function that it stands for.
    @wraps(tool.function)
    def call(*args: Any, **named: Any) -> Any:  # noqa: ANN401
        with _refusing():
            asked = tool.call(args, named)
        # One line, so that next to no interrupt falls between the answer and who tells its end.
        with _Ending(events, record, _propose(record, events, tool, asked)) as ending:
            decision, call_id = _allowed(ending.answer)
            limits = limits_of(decision)
            record(events.executed(call_id))
            started_s = time.monotonic()
            value = tool.function(*asked.bound.args, **asked.bound.kwargs)
            with on_time(decision):
                limits.check_time(started_s)
            value, told = tool.outcome(value, decision, limits)
            answer = ending.result(events.result(call_id, told))
        check_release(receipt(answer))
        return value

    return call


def governed_async(tool: Tool, events: Events, record: RecordAsync) -> Function:
    """A coroutine function that runs only after `record` gave an allow."""

    # Any: as the function that it stands for.
    @wraps(tool.function)
    async def call(*args: Any, **named: Any) -> Any:  # noqa: ANN401
        with _refusing():
            asked = tool.call(args, named)
            answer, stopped = await _answered(record(events.proposal(tool.name, asked.told)))
        async with _EndingAsync(events, record, answer):
            _pass_on(stopped)
            decision, call_id = _allowed(answer)
            limits = limits_of(decision)
            _, stopped = await _answered(record(events.executed(call_id)))
            _pass_on(stopped)
            with on_time(decision):
                value = await limits.within(
                    partial(tool.function, *asked.bound.args, **asked.bound.kwargs)
                )
            value, told = tool.outcome(value, decision, limits)
            answer, stopped = await _answered(record(events.result(call_id, told)))
        # Past the end: the result is in the log, and a call has no second end.
        _pass_on(stopped)
        check_release(receipt(answer))
        return value

    return call


def _propose(record: Record, events: Events, tool: Tool, asked: Call) -> "library.Receipt":
    with _refusing():
        return record(events.proposal(tool.name, asked.told))


@contextmanager
def _refusing() -> Iterator[None]:
    """What a model asks for and no call can have is a no, and no failure of the agent's code."""
    try:
        yield
    except InvalidRequest as error:
        raise Refused(None, f"{error.code}: {error.message}") from None


async def _answered(
    asked: Awaitable["library.Receipt"],
) -> tuple["library.Receipt", BaseException | None]:
    """The gate's answer, and the cancellation that came meanwhile.

    What is asked is judged and recorded whoever waits, so a cancelled caller learns first what it
    was. Raises what the gate raises; the cancellation from it where there are both.
    """
    # An author without an event loop shall not wait for its import.
    import asyncio  # noqa: PLC0415

    answering = asyncio.ensure_future(asked)
    stopped: BaseException | None = None
    while not answering.done():
        try:
            await asyncio.wait((answering,))
        except asyncio.CancelledError as error:
            stopped = error
    try:
        return answering.result(), stopped
    except AegisError as failed:
        if stopped is None:
            raise
        raise stopped from failed


def _pass_on(stopped: BaseException | None) -> None:
    if stopped is not None:
        raise stopped


class _Ending:
    """Tells the end of an allowed call without a result, whatever ended it, and lets it pass on."""

    def __init__(self, events: Events, record: Record, answer: "library.Receipt") -> None:
        self._events, self._record, self.answer = events, record, answer
        self._result_asked = False

    def result(self, event: Event) -> "library.Receipt":
        """Record the result, which is the call's end unless the gate refuses it."""
        self._result_asked = True
        return self._record(event)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: object, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        # An interrupt ends the wait for an answer, and the gate records the result all the same.
        ended = self._result_asked and not isinstance(error, AegisError)
        if error is None or ended or not _is_open(self.answer):
            return
        try:
            self._record(_failure(self._events, error, self.answer.call_id))
        except AegisError as lost:
            error.add_note(_untold(lost))


class _EndingAsync:
    """As `_Ending`, awaited."""

    def __init__(self, events: Events, record: RecordAsync, answer: "library.Receipt") -> None:
        self._events, self._record, self._answer = events, record, answer

    async def __aenter__(self) -> None:
        """Nothing to prepare."""

    async def __aexit__(
        self, _kind: object, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if error is None or not _is_open(self._answer):
            return
        failure = _failure(self._events, error, self._answer.call_id)
        try:
            _, stopped = await _answered(self._record(failure))
        except AegisError as lost:
            error.add_note(_untold(lost))
            return
        _pass_on(stopped)


def _is_open(answer: "library.Receipt") -> bool:
    """Whether the answer opened a call, which then needs an end."""
    decision = answer.decision
    return decision is not None and decision.outcome == "allow" and answer.call_id is not None


def _allowed(answer: "library.Receipt") -> tuple[Decision, str]:
    """The allow and its call's id. Raises `Denied` for a no, `Unavailable` for neither."""
    decision = decided(answer)
    decision.require()
    if decision.call_id is None:
        raise Unavailable("the decision names no call, so nothing may run")
    return decision, decision.call_id


def _failure(events: Events, error: BaseException, call_id: str | None) -> Event:
    """ERROR_RAISED with the exception's type. Its text may hold a secret, so it is not told."""
    code = type(error).__name__[:NAME_CHARACTERS_MAX]
    return events.error(code, "the call gave no result", call_id=call_id)


def _untold(lost: AegisError) -> str:
    return f"the gate could not record this end of the call: {lost.code}: {lost.message}"

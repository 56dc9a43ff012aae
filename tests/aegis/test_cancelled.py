"""A call whose caller goes away while the gate answers has one end, and the log tells it."""

import asyncio
import signal
import threading
from collections.abc import Coroutine
from typing import Any

import pytest

from aegis import (
    AsyncGate,
    Gate,
)
from aegisd.core.errors import StoreFailed
from aegisd.library import Library
from tests.aegis.world import MANIFEST, Ran, run, told
from tests.patience import PATIENCE_S

ALLOWED = ["TOOL_CALL_PROPOSED", "POLICY_DECISION"]


@pytest.mark.parametrize(
    ("name", "during", "ran_it", "story"),
    [
        ("think", 1, False, [*ALLOWED, "ERROR_RAISED"]),
        ("rm_rf", 1, False, ALLOWED),
        ("think", 2, False, [*ALLOWED, "TOOL_CALL_EXECUTED", "ERROR_RAISED"]),
        ("think", 3, True, [*ALLOWED, "TOOL_CALL_EXECUTED", "TOOL_RESULT"]),
    ],
)
@pytest.mark.parametrize("kind", [Gate, AsyncGate])
def test_a_call_whose_caller_is_cancelled_while_the_gate_answers_has_one_end(
    monkeypatch: pytest.MonkeyPatch,
    ran: Ran,
    kind: type[Gate | AsyncGate],
    name: str,
    during: int,
    ran_it: bool,
    story: list[str],
) -> None:
    asked = 0
    callers: list[asyncio.Task[object]] = []
    record = Library.record

    async def cancelled(library: Library, event: dict[str, object]) -> object:
        nonlocal asked
        asked += 1
        if asked == during:
            loop, met = callers[0].get_loop(), threading.Event()
            for _twice in range(2):
                loop.call_soon_threadsafe(callers[0].cancel)
            # Once it was told, the caller's loop has come round to it when this is called.
            loop.call_soon_threadsafe(lambda: loop.call_later(0.01, met.set))
            await asyncio.to_thread(met.wait, PATIENCE_S)
        return await record(library, event)

    async def calls(gate: Gate | AsyncGate) -> None:
        callers.append(asyncio.create_task(gate.governed(ran.named_async(name))(1)))
        with pytest.raises(asyncio.CancelledError):
            await callers[0]
        kinds = told(gate.reader)
        assert [kind for kind, _ in kinds] == story
        if story[-1] == "ERROR_RAISED":
            assert kinds[-1][1]["code"] == "CancelledError"  # type: ignore[index]

    async def entered() -> None:
        async with AsyncGate(manifest=MANIFEST, session_id="s1") as gate:
            await calls(gate)
            snapshot = await gate.snapshot()
            assert (snapshot.open_calls, snapshot.violations) == ([], 0)

    monkeypatch.setattr(Library, "record", cancelled)
    if kind is AsyncGate:
        run(entered())
    else:
        with Gate(manifest=MANIFEST, session_id="s1") as gate:
            run(calls(gate))
            snapshot = gate.snapshot()
            assert (snapshot.open_calls, snapshot.violations) == ([], 0)
    assert bool(ran.calls) == ran_it


def test_a_caller_cancelled_while_its_result_is_refused_has_the_call_ended_by_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    callers: list[asyncio.Task[int]] = []
    record = Library.record

    async def refuse(library: Library, event: dict[str, object]) -> object:
        if event["event_type"] == "TOOL_RESULT":
            callers[0].cancel()
            await asyncio.sleep(0.01)
            raise StoreFailed("full")
        return await record(library, event)

    async def story() -> None:
        async with AsyncGate(manifest=MANIFEST, session_id="s1") as gate:

            @gate.governed
            async def think() -> int:
                return 1

            callers.append(asyncio.create_task(think()))
            with pytest.raises(asyncio.CancelledError):
                await callers[0]
            assert told(gate.reader)[-1][1]["code"] == "CancelledError"  # type: ignore[index]

    monkeypatch.setattr(Library, "record", refuse)
    run(story())


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_while_the_result_is_recorded_gives_the_call_no_second_end(
    monkeypatch: pytest.MonkeyPatch, gate: Gate, ran: Ran
) -> None:
    asked = 0
    call = gate._thread.call

    def interrupted(work: Coroutine[Any, Any, object]) -> object:
        nonlocal asked
        asked += 1
        answer = call(work)
        if asked == 3:
            signal.raise_signal(signal.SIGINT)
        return answer

    monkeypatch.setattr(gate._thread, "call", interrupted)
    with pytest.raises(KeyboardInterrupt):
        gate.governed(ran.named("think"))(1)
    assert told(gate.reader)[-1][0] == "TOOL_RESULT"

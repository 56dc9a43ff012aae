"""What an allowed call is held to: its time, and the size of what comes out of it."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Any, Never

import pytest

from aegis import AegisError, AsyncGate, Denied, Gate, TimedOut, Withheld
from aegisd.core.log.canonical import encode
from aegisd.core.proposal import PAYLOAD_BYTES_MAX
from tests.aegis.world import declared, run, told


def test_max_output_bytes_cuts_text_and_withholds_what_cannot_be_cut(gate: Gate) -> None:
    at = "x" * 1000
    assert gate.governed(name="think")(lambda: at)() == at
    assert gate.governed(name="think")(lambda: at + "y")() == at
    assert told(gate.reader)[-1][1] == {"call_id": "c4", "content": at}
    fits = ["x" * 996]
    assert gate.governed(name="think")(lambda: fits)() is fits
    with pytest.raises(Withheld, match="1001 bytes, max_output_bytes is 1000"):
        gate.governed(name="think")(lambda: ["x" * 997])()


def body_bytes(gate: Gate) -> int:
    """Canonical bytes of the payload recorded last."""
    return len(encode(told(gate.reader)[-1][1]))


@pytest.mark.parametrize("character", ["x", '"', "\n", "\x00", "é", "𝄞"])
def test_text_is_cut_to_what_one_event_can_hold(character: str) -> None:
    width = len(encode(character)) - 2
    # The defaults as well as no limit at all.
    for limits in ({}, {"max_output_bytes": None}):
        with Gate(manifest=declared(**limits), session_id="s1") as gate:
            found = gate.governed(name="think")(lambda: character * 1_100_000)()
            kind, payload = told(gate.reader)[-1]
            assert (kind, payload) == ("TOOL_RESULT", {"call_id": "c0", "content": found})
            assert PAYLOAD_BYTES_MAX - width < body_bytes(gate) <= PAYLOAD_BYTES_MAX


def test_what_cannot_be_cut_is_withheld_past_what_one_event_can_hold() -> None:
    with Gate(manifest=declared(max_output_bytes=None), session_id="s1") as gate:
        room = PAYLOAD_BYTES_MAX - len(encode({"call_id": "c0", "result": [""]}))
        fits = ["x" * room]
        assert gate.governed(name="think")(lambda: fits)() is fits
        assert body_bytes(gate) == PAYLOAD_BYTES_MAX
        bound = f"{PAYLOAD_BYTES_MAX + 1} bytes, PAYLOAD_BYTES_MAX is {PAYLOAD_BYTES_MAX}"
        with pytest.raises(Withheld, match=bound):
            gate.governed(name="think")(lambda: ["x" * (room + 1)])()
        assert told(gate.reader)[-1][0] == "ERROR_RAISED"
        # What an author's own `tell` gives is theirs to cut.
        with pytest.raises(Withheld, match="PAYLOAD_BYTES_MAX"):
            gate.governed(name="think", tell=lambda _: "x" * 1_100_000)(lambda: "text")()


def test_timeout_ms_ends_an_async_call_and_withholds_a_plain_ones_late_result() -> None:
    ended: list[str] = []

    async def story() -> None:
        async with AsyncGate(manifest=declared(timeout_ms=20), session_id="s1") as gate:

            @gate.governed
            async def think() -> str:
                try:
                    await asyncio.sleep(600)
                finally:
                    ended.append("cancelled")
                return "late"

            with pytest.raises(TimedOut, match="timeout_ms = 20; its result is withheld"):
                await think()
            assert told(gate.reader)[-1][1]["code"] == "TimedOut"  # type: ignore[index]

    run(story())
    assert ended == ["cancelled"]
    with (
        Gate(manifest=declared(timeout_ms=20), session_id="s1") as gate,
        pytest.raises(Denied, match="timeout_ms = 20"),
    ):
        gate.governed(name="think")(lambda: time.sleep(0.05))()
    with Gate(manifest=declared(timeout_ms=60_000), session_id="s1") as gate:
        assert gate.governed(name="think")(lambda: "soon")() == "soon"


async def blocks() -> str:
    time.sleep(0.05)  # noqa: ASYNC251 - what an author should not write, and does
    return "late"


async def goes_on() -> str:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(600)
    return "late"


@pytest.mark.parametrize("late", [blocks, goes_on])
def test_an_async_function_that_cannot_be_stopped_has_its_late_result_withheld(
    late: Callable[[], Coroutine[Any, Any, str]],
) -> None:
    async def story() -> None:
        async with AsyncGate(manifest=declared(timeout_ms=20), session_id="s1") as gate:
            with pytest.raises(TimedOut, match="timeout_ms = 20; its result is withheld"):
                await gate.governed(name="think")(late)()
            assert told(gate.reader)[-1][1]["code"] == "TimedOut"  # type: ignore[index]

    run(story())


def test_a_timeout_of_the_functions_own_passes_on_as_it_is(gate: Gate) -> None:
    @gate.governed
    async def think() -> Never:
        raise TimeoutError("the other side is slow")

    with pytest.raises(TimeoutError, match="the other side"):
        asyncio.run(think())


@pytest.mark.parametrize("args", [["path"], "path", 7])
def test_arguments_that_are_no_object_are_refused_by_their_type(gate: Gate, args: object) -> None:
    with pytest.raises(AegisError, match=f"args: expected an object.*{type(args).__name__}"):
        gate.propose("read_file", args)  # type: ignore[arg-type]

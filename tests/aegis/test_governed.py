"""A governed function runs on an allow and nothing else, on what was judged, and tells its end."""

import asyncio
import inspect
import signal
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Never

import pytest

from aegis import ApprovalRequired, AsyncGate, Denied, Gate, Refused, Unavailable, Withheld
from aegisd.core.errors import LogUnavailable, StoreFailed
from aegisd.core.proposal import PAYLOAD_BYTES_MAX
from aegisd.rows import Batch
from aegisd.store.memory import MemoryStore
from tests.aegis.world import MANIFEST, Ran, run, told
from tests.patience import PATIENCE_S

# ── an allow ─────────────────────────────────────────────────────────────────────────────────────


def test_an_allowed_call_is_proposed_begun_and_ended_in_the_log(gate: Gate) -> None:
    seen: list[object] = []

    @gate.governed
    def think(a: int, *rest: str, b: object = None, **more: int) -> dict[str, int]:
        """Think."""
        seen.extend((a, rest, b, more))
        return {"n": a}

    assert think(1, "x", "y", z=3) == {"n": 1}
    assert seen == [1, ("x", "y"), None, {"z": 3}]
    assert told(gate.reader) == [
        (
            "TOOL_CALL_PROPOSED",
            {"tool_name": "think", "args": {"a": 1, "rest": ["x", "y"], "b": None, "z": 3}},
        ),
        ("POLICY_DECISION", "allow"),
        ("TOOL_CALL_EXECUTED", {"call_id": "c0"}),
        ("TOOL_RESULT", {"call_id": "c0", "result": {"n": 1}}),
    ]
    assert (think.__name__, think.__doc__) == ("think", "Think.")
    assert list(inspect.signature(think).parameters) == ["a", "rest", "b", "more"]


def test_an_async_function_is_governed_by_either_gate(log: Path | None) -> None:
    async def story() -> None:
        with Gate(log=log, manifest=MANIFEST, session_id="s1") as gate:

            @gate.governed
            async def think(turn: int) -> int:
                await asyncio.sleep(0)
                return turn

            assert await asyncio.gather(*map(think, range(10))) == list(range(10))
            assert len(told(gate.reader)) == 40
        # Made before it is entered, as a module would.
        other = AsyncGate(manifest=MANIFEST, session_id="s1")
        aside = other.session("s2")

        @other.governed
        async def again(turn: int) -> int:
            return turn

        governed = aside.governed(name="think")(again.__wrapped__)  # type: ignore[attr-defined]
        with pytest.raises(Unavailable):
            await governed(1)
        async with other:
            with pytest.raises(Denied):
                await again(1)
            assert await asyncio.gather(*map(governed, range(10))) == list(range(10))
            assert len(told(other.reader, "s2")) == 40

    run(story())


# ── everything else ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("tool", "kind"),
    [("rm_rf", Denied), ("ask_boss", ApprovalRequired)],
)
def test_a_no_never_runs_the_function(gate: Gate, ran: Ran, tool: str, kind: type[Denied]) -> None:
    with pytest.raises(kind) as caught:
        gate.governed(ran.named(tool))(1)
    assert type(caught.value) is kind
    assert not caught.value.decision

    async def story() -> None:
        with pytest.raises(kind):
            await gate.governed(ran.named_async(tool))(1)
        async with AsyncGate(manifest=MANIFEST) as other:
            with pytest.raises(kind):
                await other.governed(ran.named_async(tool))(1)

    run(story())
    assert ran.calls == []
    assert [kind for kind, _ in told(gate.reader)] == ["TOOL_CALL_PROPOSED", "POLICY_DECISION"] * 2


def test_a_call_that_cannot_be_judged_never_runs(gate: Gate, ran: Ran) -> None:
    think = gate.governed(ran.named("think"))
    with pytest.raises(Refused, match=r"args\.value: .* found a \w*Path"):
        think(Path("x"))
    for odd in (float("nan"), "\ud800", "x" * (PAYLOAD_BYTES_MAX + 1)):
        with pytest.raises(Refused) as caught:
            think(odd)
        assert caught.value.decision is None
    with pytest.raises(TypeError, match="too many positional"):
        think(1, 2)  # type: ignore[call-arg]

    def twice(a: int, /, **more: int) -> None:
        ran.calls.append((a, more))

    def rest(a: int, /, *args: int, **more: int) -> None:
        ran.calls.append((a, args, more))

    with pytest.raises(Refused, match=r"args\.a: named twice, by a positional-only parameter"):
        gate.governed(name="think")(twice)(1, a=2)
    with pytest.raises(Refused, match=r"args\.args: named twice, by \*args too"):
        gate.governed(name="think")(rest)(1, args=4)
    assert ran.calls == []
    assert told(gate.reader) == []


def test_a_model_that_asks_for_what_no_call_can_have_is_told_no_by_an_async_gate(
    ran: Ran,
) -> None:
    async def story() -> None:
        async with AsyncGate(manifest=MANIFEST) as gate:
            with pytest.raises(Refused, match=r"^json_number_range: "):
                await gate.governed(ran.named_async("think"))(float("inf"))

    run(story())
    assert ran.calls == []


def test_a_closed_gate_never_runs_the_function(gate: Gate, ran: Ran) -> None:
    think, later = gate.governed(ran.named("think")), gate.governed(ran.named_async("think"))
    gate.close()
    with pytest.raises(Unavailable):
        think(1)
    with pytest.raises(Unavailable):
        asyncio.run(later(1))
    assert ran.calls == []


@pytest.mark.parametrize("failing", [1, 2])
def test_a_log_that_fails_before_the_run_never_runs_the_function(
    monkeypatch: pytest.MonkeyPatch, ran: Ran, failing: int
) -> None:
    appends = 0
    append = MemoryStore.append

    def fail(store: MemoryStore, batch: Batch) -> None:
        nonlocal appends
        appends += bool(batch.events)
        if appends == failing:
            raise StoreFailed("full")
        append(store, batch)

    with Gate(manifest=MANIFEST) as gate:
        monkeypatch.setattr(MemoryStore, "append", fail)
        with pytest.raises(LogUnavailable):
            gate.governed(ran.named("think"))(1)
    assert ran.calls == []


def test_an_answer_of_aegis_that_is_no_decision_never_runs_the_function(
    monkeypatch: pytest.MonkeyPatch, gate: Gate, ran: Ran
) -> None:
    empty = gate._thread.library.record(gate._events.message("x"))
    receipt = gate._thread.call(empty)

    async def answer(_event: object) -> object:
        return receipt

    monkeypatch.setattr(gate._thread.library, "record", answer)
    with pytest.raises(Unavailable, match="no decision"):
        gate.governed(ran.named("think"))(1)
    assert ran.calls == []


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("after", [1, 2])
def test_an_interrupt_before_the_run_never_runs_the_function(
    monkeypatch: pytest.MonkeyPatch, gate: Gate, ran: Ran, after: int
) -> None:
    asked = 0
    call = gate._thread.call

    def interrupted(work: Coroutine[Any, Any, object]) -> object:
        nonlocal asked
        asked += 1
        told = call(work)
        if asked == after:
            signal.raise_signal(signal.SIGINT)
        return told

    monkeypatch.setattr(gate._thread, "call", interrupted)
    with pytest.raises(KeyboardInterrupt):
        gate.governed(ran.named("think"))(1)
    assert ran.calls == []


# ── the end of a call ────────────────────────────────────────────────────────────────────────────


class Secret(Exception):
    """What a tool raises."""


@pytest.mark.parametrize("raised", [Secret, KeyboardInterrupt, SystemExit])
def test_what_the_function_raises_is_told_by_its_type_and_passed_on(
    gate: Gate, raised: type[BaseException]
) -> None:
    @gate.governed
    def think() -> Never:
        raise raised("password 1234")

    with pytest.raises(raised, match="password"):
        think()
    kinds = told(gate.reader)
    assert kinds[-1] == (
        "ERROR_RAISED",
        {"call_id": "c0", "code": raised.__name__, "message": "the call gave no result"},
    )
    assert b"password" not in b"".join(row.body for row in gate.reader.events("local"))
    assert gate.snapshot().open_calls == []


def test_what_an_async_function_raises_is_told_and_so_is_its_cancellation(gate: Gate) -> None:
    begun = asyncio.Event()

    @gate.governed
    async def think(turn: int) -> Never:
        if turn == 0:
            raise Secret
        begun.set()
        await asyncio.sleep(600)
        raise AssertionError

    async def story() -> None:
        with pytest.raises(Secret):
            await think(0)
        task = asyncio.create_task(think(1))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(story())
    failures = [payload for kind, payload in told(gate.reader) if kind == "ERROR_RAISED"]
    assert [each["code"] for each in failures] == ["Secret", "CancelledError"]  # type: ignore[index]


def test_an_end_that_cannot_be_told_is_noted_on_what_was_raised(gate: Gate) -> None:
    @gate.governed
    def think() -> Never:
        gate.close()
        raise Secret

    with pytest.raises(Secret) as caught:
        think()
    assert "could not record" in caught.value.__notes__[0]


def test_a_result_that_cannot_be_told_is_not_given_out(gate: Gate) -> None:
    @gate.governed
    def think() -> str:
        gate.close()
        return "text"

    with pytest.raises(Unavailable):
        think()


@pytest.mark.parametrize(
    ("value", "field"),
    [("text", "content"), ("", "content"), (None, "result"), ([1, {"a": 2.5}], "result")],
)
def test_text_is_told_as_content_and_json_as_a_result(
    gate: Gate, ran: Ran, value: object, field: str
) -> None:
    assert gate.governed(name="think")(lambda: value)() == value
    assert told(gate.reader)[-1] == ("TOOL_RESULT", {"call_id": "c0", field: value})


class Opaque:
    def __repr__(self) -> str:
        return "password 1234"


def test_a_result_that_is_no_json_is_withheld_unless_the_author_says_what_to_tell(
    gate: Gate,
) -> None:
    value = Opaque()
    with pytest.raises(Withheld, match=r"cannot be recorded \(Opaque\)"):
        gate.governed(name="think")(lambda: value)()
    assert told(gate.reader)[-1][0] == "ERROR_RAISED"
    assert gate.governed(name="think", tell=lambda _: {"size": 1})(lambda: value)() is value
    assert told(gate.reader)[-1] == ("TOOL_RESULT", {"call_id": "c4", "result": {"size": 1}})
    assert b"password" not in b"".join(row.body for row in gate.reader.events("local"))


def test_a_lone_surrogate_is_withheld(gate: Gate) -> None:
    with pytest.raises(Withheld):
        gate.governed(name="think")(lambda: "\ud800")()


def test_a_plain_function_cannot_wait_for_an_async_gate() -> None:
    with pytest.raises(TypeError, match="is a plain function"):
        AsyncGate().governed(name="think")(lambda: 1)


def test_two_threads_may_use_one_governed_function(gate: Gate) -> None:
    meet = threading.Barrier(2, timeout=PATIENCE_S)
    found: list[int] = []

    @gate.governed
    def think(turn: int) -> int:
        meet.wait()
        return turn

    threads = [threading.Thread(target=lambda: found.append(think(1))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1, 1]

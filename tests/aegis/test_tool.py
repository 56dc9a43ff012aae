"""What can be a governed tool, what its calls are told as, and what may come out of them."""

import asyncio
import functools
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from aegis import Gate, UnmetCondition, Withheld, tool
from aegisd.rows import Batch
from aegisd.store.memory import MemoryStore
from tests.aegis.world import MANIFEST, WITHHOLD, Ran, told


def test_a_method_is_governed_without_itself(gate: Gate) -> None:
    class Desk:
        @gate.governed(name="think", omit=("self", "connection"))
        def ask(self, question: str, connection: object) -> str:
            return f"{question} {connection is self}"

    desk = Desk()
    assert desk.ask("who?", desk) == "who? True"
    assert told(gate.reader)[0][1] == {"tool_name": "think", "args": {"question": "who?"}}


def test_what_was_judged_is_what_runs_whoever_holds_the_originals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = Gate(manifest=MANIFEST)
    asked: dict[str, object] = {"path": ["/workspace/a"], "t": (1, 2.0)}

    @gate.governed
    def think(value: dict[str, object]) -> list[object]:
        assert value is not asked
        return [value["path"], type(value["t"]).__name__, type(value["t"][1]).__name__]  # type: ignore[index]

    append = MemoryStore.append

    def swap(store: MemoryStore, batch: Batch) -> None:
        asked["path"] = ["/etc/passwd"]
        append(store, batch)

    monkeypatch.setattr(MemoryStore, "append", swap)
    found = think(asked)
    assert asked["path"] == ["/etc/passwd"]
    assert found == [["/workspace/a"], "tuple", "float"]
    gate.close()


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        ('constrain contains {"name": "mood", "value": "good"}', "mood"),
        ('oblige contains {"type": "sandbox"}', "obligation sandbox"),
    ],
)
def test_an_allow_on_a_condition_that_nobody_here_keeps_never_runs_the_function(
    ran: Ran, condition: str, named: str
) -> None:
    rules = {"a.rego": f"package aegis.rules\n\nimport rego.v1\n\n{condition}\n"}
    with Gate(manifest=MANIFEST, policy=rules, session_id="s1") as gate:
        with pytest.raises(UnmetCondition, match=named) as caught:
            gate.governed(ran.named("think"))(1)
        story = told(gate.reader)
    assert ran.calls == []
    assert caught.value.decision is not None
    assert caught.value.decision.allowed
    assert story[1:] == [
        ("POLICY_DECISION", "allow"),
        (
            "ERROR_RAISED",
            {"call_id": "c0", "code": "UnmetCondition", "message": "the call gave no result"},
        ),
    ]


@pytest.mark.parametrize("limit", ["soon", 2.5, True, -1])
def test_a_limit_that_is_no_whole_number_is_a_condition_nobody_keeps(
    gate: Gate, limit: object
) -> None:
    decision = gate.propose("think")
    for name in ("timeout_ms", "max_output_bytes"):
        odd = msgspec.structs.replace(decision, constraints={name: limit})
        with pytest.raises(UnmetCondition, match="no whole number"):
            tool.limits_of(odd)


def test_a_rule_withholds_a_result(ran: Ran) -> None:
    with Gate(manifest=MANIFEST, policy={"a.rego": WITHHOLD}) as gate:
        with pytest.raises(Withheld, match="withheld") as caught:
            gate.governed(ran.named("think"))("text")
        assert ran.calls == ["text"]
        assert caught.value.decision is not None
        assert caught.value.decision.reason == "POLICY_DENY"
        assert not gate.result(gate.propose("think").call_id or "", "text").released


def test_work_that_begins_after_the_call_cannot_be_governed(gate: Gate) -> None:
    def lines(first: int) -> Iterator[int]:
        yield first

    async def pages(first: int) -> AsyncIterator[int]:
        yield first

    async def later(turn: int) -> int:
        return turn

    def not_awaited() -> object:
        return later(1)

    for function in (lines, pages):
        with pytest.raises(TypeError, match="generator"):
            gate.governed(function)
    with pytest.raises(Withheld, match="not done yet"):
        gate.governed(name="think")(not_awaited)()
    with pytest.raises(Withheld, match="not done yet"):
        gate.governed(name="think")(lambda: lines(1))()


def test_a_function_needs_a_name_and_omits_only_what_it_has(gate: Gate) -> None:
    for nameless in (lambda: 1, functools.partial(int, "1")):
        with pytest.raises(TypeError, match="needs a name"):
            gate.governed(nameless)
    with pytest.raises(TypeError, match="no parameter 'self' to omit"):
        gate.governed(name="think", omit=("self",))(lambda: 1)


def test_an_object_that_is_called_asynchronously_is_awaited(gate: Gate) -> None:
    class Tool:
        async def __call__(self, turn: int) -> int:
            return turn

    assert asyncio.run(gate.governed(name="think")(Tool())(3)) == 3

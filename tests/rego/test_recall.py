"""What is recalled is what would be answered: an engine with nothing in between is the model."""

from collections.abc import Callable
from itertools import product

import pytest

from aegisd.core.capabilities import NONE, Capabilities
from aegisd.core.errors import EvaluatorFailed
from aegisd.core.log.canonical import encode
from aegisd.rego import bundle, recall
from aegisd.rego.check import check
from aegisd.rego.engines import choose
from aegisd.rego.recall import Answers, Recalling
from tests.core.gate import manifest
from tests.rego.evaluators import HEAD
from tests.rego.worlds import INPUT, base_files, bent

TOLD = HEAD + 'deny contains "third" if input.snapshot.steps_consumed == 2\n'
BODIES = [bundle.build(rules, base_files()) for rules in ({}, {"a.rego": TOLD})]
COUNTERS = ("steps_consumed", "tool_calls_consumed", "model_calls_consumed", "wall_time_ms")


class Counting:
    """A program where a child would have one, which counts what it is asked."""

    name = b""

    def __init__(self, evaluate: Callable[[bytes], bytes]) -> None:
        self.asked, self.resting, self._evaluate = 0, False, evaluate

    def refuse(self) -> None:
        if self.resting:
            raise EvaluatorFailed("rests")

    def evaluate(self, policy_input: bytes) -> bytes:
        self.asked += 1
        return self._evaluate(policy_input)


def recalling(program: Counting, *, told: bool, held: Capabilities = NONE) -> Recalling:
    facts = check(bundle.decode(BODIES[told]))
    return Recalling(program, facts, held, Answers())  # type: ignore[arg-type]  # a double


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("limit", [None, 1])
def test_an_answer_is_the_engines_whatever_was_asked_before(
    *, told: bool, limit: int | None
) -> None:
    budgets = ("steps", "tool_calls", "model_calls", "wall_time_ms")
    held = manifest(budgets=dict.fromkeys(budgets, limit))
    program = choose("auto").compile(BODIES[told], held.data)
    recalled = recalling(Counting(program.evaluate), told=told, held=held)
    for *counts, kind in product(*[range(3)] * 4, ["TOOL_CALL_PROPOSED", "MODEL_CALL_STARTED"]):
        snapshot = {**INPUT["snapshot"], **dict(zip(COUNTERS, counts, strict=True))}
        document = encode(bent(INPUT, snapshot=snapshot, event__type=kind))
        assert recalled.evaluate(document) == program.evaluate(document)


def test_what_no_rule_reads_and_what_is_left_of_budgets_ask_nothing_again() -> None:
    program = Counting(lambda _policy_input: b"{}")
    recalled = recalling(program, told=True)
    for session, calls_before, steps in (("s1", 0, 0), ("s2", 1, 0), ("s2", 1, 1)):
        changes = {"snapshot__tool_calls_consumed": calls_before, "snapshot__steps_consumed": steps}
        recalled.evaluate(encode(bent(INPUT, event__session_id=session, **changes)))
    assert program.asked == 2, "the operator's rule reads the steps"


def test_a_failure_is_asked_again_and_who_rests_is_told_nothing_that_is_known() -> None:
    program = Counting(dict[bytes, bytes]().__getitem__)
    recalled = recalling(program, told=False)
    for _ in range(2):
        with pytest.raises(KeyError):
            recalled.evaluate(encode(INPUT))
    assert program.asked == 2
    recalled = recalling(known := Counting(lambda _policy_input: b"{}"), told=False)
    recalled.evaluate(encode(INPUT))
    known.resting = True
    with pytest.raises(EvaluatorFailed, match="rests"):
        recalled.evaluate(encode(INPUT))


def test_no_more_answers_and_none_longer_are_kept_than_the_bounds_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recall, "ANSWERS_MAX", 1)
    monkeypatch.setattr(recall, "ANSWER_BYTES_MAX", 2)
    answers = {b"one": b"12", b"two": b"12", b"long": b"123"}

    def told(policy_input: bytes) -> bytes:
        return next(answer for name, answer in answers.items() if name in policy_input)

    program = Counting(told)
    recalled = recalling(program, told=False)
    for risk, asked in (("one", 1), ("one", 1), ("two", 2), ("one", 3), ("long", 4), ("long", 5)):
        recalled.evaluate(encode(bent(INPUT, call__risk=risk)))
        assert program.asked == asked

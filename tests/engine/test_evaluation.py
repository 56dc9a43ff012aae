"""One thread for everything that judges, and a watch that tells hanging from waiting in line."""

import asyncio
import threading
import time

import pytest

from aegisd.core.errors import EvaluatorStuck
from aegisd.engine import evaluation
from aegisd.engine.evaluation import Evaluation
from tests.engine.world import codes, run
from tests.patience import PATIENCE_S


def test_work_runs_one_at_a_time_in_order_and_gives_what_it_gives() -> None:
    seen: list[int] = []

    async def story() -> list[int]:
        line = Evaluation()
        try:
            return await asyncio.gather(*(line.run(lambda n=n: note(n)) for n in range(20)))  # type: ignore[misc]  # a bound n
        finally:
            line.close()

    def note(number: int) -> int:
        seen.append(number)
        return number * 2

    assert run(story()) == [number * 2 for number in range(20)]
    assert seen == list(range(20))


def test_an_error_reaches_the_one_who_asked() -> None:
    async def story() -> list[str]:
        line = Evaluation()
        try:
            asked = (line.run(lambda: 1 // 0), line.run(lambda: 1))
            return codes(await asyncio.gather(*asked, return_exceptions=True))
        finally:
            line.close()

    assert run(story()) == ["ZeroDivisionError", "ok"]


def test_what_hangs_is_told_to_everybody_in_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "EVALUATOR_STUCK_MS_MAX", 100)
    end = threading.Event()

    async def story() -> list[object]:
        line = Evaluation()
        try:
            asked = (line.run(lambda: end.wait(PATIENCE_S)) for _ in range(3))
            return await asyncio.gather(*asked, return_exceptions=True)
        finally:
            line.close()
            end.set()

    begun = time.monotonic()
    assert all(isinstance(told, EvaluatorStuck) for told in run(story()))
    assert time.monotonic() - begun < PATIENCE_S / 2


def test_time_spent_in_line_is_not_time_spent_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "EVALUATOR_STUCK_MS_MAX", 1000)

    async def story() -> list[str]:
        line = Evaluation()
        try:
            asked = (line.run(lambda: time.sleep(0.1)) for _ in range(12))
            return codes(await asyncio.gather(*asked, return_exceptions=True))
        finally:
            line.close()

    assert run(story()) == ["ok"] * 12

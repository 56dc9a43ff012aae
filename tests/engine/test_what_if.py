"""A what-if is judged as the gate would, and touches neither the log nor the judge of the gate."""

import pytest

from aegisd.core.capabilities import NONE, Capabilities
from aegisd.core.policy.input import Snapshot
from aegisd.store.memory import MemoryStore
from tests.core.gate import manifest, tool
from tests.engine.world import OPEN, run, running

STRICT = manifest(name="strict", tools={})


@pytest.mark.parametrize(
    ("counters", "held", "expected"),
    [
        (Snapshot(), OPEN, "OK"),
        (Snapshot(terminated=True), OPEN, "SESSION_TERMINATED"),
        (Snapshot(steps_consumed=1), manifest(budgets={"steps": 1}), "BUDGET_EXCEEDED"),
        (Snapshot(), STRICT, "PERMISSION_UNDECLARED"),
        (Snapshot(), NONE, "PERMISSION_UNDECLARED"),
    ],
)
def test_a_what_if_judges_what_it_was_given_and_touches_nothing(
    counters: Snapshot, held: Capabilities, expected: str
) -> None:
    async def story() -> str:
        store = MemoryStore()
        async with running(store) as engine:
            verdict = await engine.simulate(tool("read_file"), counters, held)
            assert store.tenants() == []
            assert engine._judge.judged == 0, "what the gate judges with was asked"  # type: ignore[attr-defined]  # a double
            return verdict.reason

    assert run(story()) == expected

"""What the tests of the engine share: the same log, opened again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from aegisd.ports import EventStore
from aegisd.store.memory import MemoryStore
from tests.core.gate import ScriptedJudge
from tests.engine.world import open_sqlite


@pytest.fixture(params=["memory", "sqlite"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], EventStore]:
    """Give the same log, as a process that starts again would find it."""
    if request.param == "sqlite":
        return lambda: open_sqlite(tmp_path)
    kept = MemoryStore()
    return lambda: kept


@pytest.fixture(autouse=True, params=["on a thread", "on the loop"])
def _judging(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every story is told twice: where batches are decided must not show."""
    monkeypatch.setattr(ScriptedJudge, "prompt", request.param == "on the loop")

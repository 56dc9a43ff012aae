"""What the tests of the engine share: the same log, opened again."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aegisd.ports import EventStore
from aegisd.store.memory import MemoryStore
from aegisd.store.postgres.store import PostgresStore
from tests import postgres
from tests.core.gate import ScriptedJudge
from tests.engine.world import open_sqlite


@pytest.fixture(params=["memory", "sqlite"])
def alone(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], EventStore]:
    """Give the same log, as a process that starts again would find it. Nobody else writes to it."""
    if request.param == "sqlite":
        return lambda: open_sqlite(tmp_path)
    kept = MemoryStore()
    return lambda: kept


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], EventStore]]:
    """Give the same log, as a process that starts again would find it, at whose time it may be."""
    if request.param == "sqlite":
        yield lambda: open_sqlite(tmp_path)
    elif request.param == "postgres":
        with postgres.database() as dsn:
            yield lambda: PostgresStore(dsn)
    else:
        kept = MemoryStore()
        yield lambda: kept


@pytest.fixture(autouse=True, params=["on a thread", "on the loop"])
def _judging(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every story is told twice: where batches are decided must not show."""
    monkeypatch.setattr(ScriptedJudge, "prompt", request.param == "on the loop")


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch takes what waits, however long a busy machine takes; a test of the time says so."""
    monkeypatch.setattr("aegisd.engine.batch.BATCH_MS_MAX", 60_000)

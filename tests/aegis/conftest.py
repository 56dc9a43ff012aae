"""A gate in memory and one in a file, over a manifest that has every outcome."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aegis import Gate
from tests.aegis.world import MANIFEST, Ran


@pytest.fixture(params=["memory", "sqlite"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return None if request.param == "memory" else tmp_path / "agent.db"


@pytest.fixture
def gate(log: Path | None) -> Iterator[Gate]:
    with Gate(log=log, manifest=MANIFEST, session_id="s1") as opened:
        yield opened


@pytest.fixture
def ran() -> Ran:
    return Ran()

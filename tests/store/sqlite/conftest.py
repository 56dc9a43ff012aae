"""A log in a file of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aegisd.ports import EventStore
from aegisd.store.memory import MemoryStore
from aegisd.store.sqlite.store import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aegis.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(str(path))
    yield opened
    opened.close()


@pytest.fixture(params=[SqliteStore, MemoryStore])
def either(request: pytest.FixtureRequest, path: Path) -> Iterator[EventStore]:
    """What holds of every log that one process appends to."""
    opened = SqliteStore(str(path)) if request.param is SqliteStore else MemoryStore()
    yield opened
    opened.close()

"""A library on its own thread, in memory and on a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aegisd.library import Library, LibraryThread
from tests.http.door import MANIFEST


@pytest.fixture(params=["memory", "sqlite"])
def dsn(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    return None if request.param == "memory" else str(tmp_path / "aegis.db")


@pytest.fixture
def gate(dsn: str | None) -> Iterator[LibraryThread]:
    opened = LibraryThread(Library(dsn, manifest=MANIFEST))
    yield opened
    opened.close()

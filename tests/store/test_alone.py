"""A log that one process appends to has no turns to take."""

from pathlib import Path

import pytest

from aegisd.core.errors import StoreFailed
from aegisd.store.memory import MemoryStore
from aegisd.store.sqlite.store import SqliteStore
from tests.store.contract import batch, event


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_log_that_is_not_shared_has_no_turns(kind: str, tmp_path: Path) -> None:
    store = MemoryStore() if kind == "memory" else SqliteStore(str(tmp_path / "a.db"))
    assert not store.shared
    with pytest.raises(StoreFailed, match="not shared"):
        store.begin("acme")
    store.abandon("acme")
    store.listen(lambda *_: None)()
    store.append(batch([event(0)]))
    store.close()

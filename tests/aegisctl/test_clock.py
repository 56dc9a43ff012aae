"""`clock correct` brings a tenant's time back through a server, or says that nothing is off."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from tests.aegisctl.conftest import Type
from tests.aegisctl.test_erase import Served
from tests.audit.recording import START_MS, SteadyClock

CORRECT = ("clock", "correct", "--tenant", "acme", "--author", "ann")


def test_time_is_brought_back_once(
    tmp_path: Path, type_: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Served(tmp_path / "aegis.db")) as served:
        monkeypatch.setattr("aegisd.remote.client.connect", lambda *_: served)
        looks = SteadyClock.now_ms
        monkeypatch.setattr(SteadyClock, "now_ms", lambda clock: looks(clock) + 86_400_000)
        typed = type_(*CORRECT, "--reason", "a day ahead", "--json")
        assert typed.code == 0
        told = json.loads(typed.out)
        assert 0 <= told["to_ms"] - START_MS - 86_400_000 < 1000
        again = type_(*CORRECT, "--reason", "again")
        assert (again.code, "nothing to correct" in again.err) == (2, True)

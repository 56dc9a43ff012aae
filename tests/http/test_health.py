"""Probes: alive while the process answers, ready while the gate can."""

import time

import pytest

from aegisd.core.errors import StoreBroken, StoreFailed
from aegisd.engine.rollout import RolloutProgress
from aegisd.http import health
from tests.http.door import Door, message


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_healthy_daemon_says_so(shared: Door, path: str) -> None:
    answer = shared.ask("GET", path)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_log_that_cannot_be_read_is_not_ready(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_tenant_id: str) -> int:
        raise StoreFailed("the file is gone")

    monkeypatch.setattr(door.store, "next_position", unreadable)
    answer = door.ask("GET", "/readyz")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert door.ask("GET", "/healthz").status_code == 200


def test_a_log_whose_last_write_failed_is_not_ready_until_one_holds(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door.store, "fault", "the disk is full", raising=False)
    answer = door.ask("GET", "/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "log_unavailable")
    assert "disk" not in answer.text
    monkeypatch.undo()
    assert door.ask("GET", "/readyz").status_code == 200


def test_a_log_that_does_not_answer_is_not_ready(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(_tenant_id: str) -> int:
        time.sleep(0.2)
        return 0

    monkeypatch.setattr(door.store, "next_position", slow)
    monkeypatch.setattr(health, "READY_SECONDS_MAX", 0.01)
    assert door.ask("GET", "/readyz").status_code == 503


def test_a_daemon_whose_disk_failed_is_not_ready(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_batch: object) -> None:
        raise StoreBroken("fsync failed")

    monkeypatch.setattr(door.store, "append", broken)
    assert door.post("/v1/events", message()).status_code == 503
    assert door.fatal
    assert door.ask("GET", "/readyz").status_code == 503
    assert door.post("/v1/events", message(tenant="other")).status_code == 503


def test_a_stopping_daemon_is_not_ready_and_takes_nothing(door: Door) -> None:
    door.runner.run(door.engine.stop())
    for answer in (
        door.ask("GET", "/readyz"),
        door.post("/v1/events", message()),
        door.get("/v1/events", tenant_id="acme"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "stopping")
    assert door.ask("GET", "/healthz").status_code == 200


def test_a_start_that_changes_what_is_in_force_tells_how_far_it_is(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = RolloutProgress(tenants=10_000, done=9)
    monkeypatch.setattr(door.engine, "progress", lambda: told)
    answer = door.ask("GET", "/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ok", "activations": {"tenants": 10_000, "done": 9}},
    )

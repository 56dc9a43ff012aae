"""`POST /v1/clock`: an operator's word that the clock is right, and `/readyz` while it is not."""

import pytest

from tests.http.door import Door, call

ASKED = {"tenant_id": "acme", "author": "ann", "reason": "came up a day ahead"}


def test_a_clock_that_is_off_shows_and_is_corrected_once(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    door.record(call("read_file"))
    last_ms = door.clock.now
    assert door.post("/v1/clock", ASKED).json()["code"] == "clock_not_off"
    door.clock.now += 86_400_000
    door.clock.jumped += 86_400_000
    assert door.get("/readyz").json() == {"status": "ok", "clock_off_ms": 86_400_000}
    answer = door.post("/v1/clock", ASKED)
    assert answer.status_code == 201
    told = answer.json()
    assert (told["from_ms"], told["to_ms"], told["author"]) == (last_ms, door.clock.now, "ann")
    event = door.get("/v1/events", tenant_id="acme").json()["events"][told["position"]]
    assert (event["event_type"], event["hash"]) == ("CLOCK_CORRECTED", told["hash"])
    assert event["payload"] == {
        "author": "ann",
        "from_ms": last_ms,
        "reason": ASKED["reason"],
        "to_ms": door.clock.now,
    }
    assert told["head"] == {"seq": told["seq"], "hash": told["hash"]}
    assert door.get("/readyz").json() == {"status": "ok"}
    assert door.post("/v1/clock", ASKED).status_code == 409
    assert "the clock jumped" in caplog.text


@pytest.mark.parametrize("field", ["tenant_id", "author", "reason"])
def test_who_and_why_are_asked_for(door: Door, field: str) -> None:
    answer = door.post("/v1/clock", {k: v for k, v in ASKED.items() if k != field})
    assert answer.status_code == 422

"""A stage on what a gate's log says, and what is read of what it staged."""

import json
from collections.abc import Sequence

from aegisd.core.log.envelope import StoredEvent, unseal
from aegisd.engine.commands.opening import OpenSession
from aegisd.engine.reckoning import Reading
from aegisd.engine.recorded import Recorded
from aegisd.engine.stage import Stage
from tests.core.builders import START_MS
from tests.core.gate import Gate, Json
from tests.engine.world import ManualClock


class Log:
    """What a gate's log says to whoever stages on it: no keys, and nothing kept beside events."""

    def __init__(self, gate: Gate) -> None:
        self.session = gate.session

    def recorded(self, key: str) -> Sequence[Recorded]:
        return ()


def stage(gate: Gate, now_ms: int = START_MS + 5) -> Stage:
    """A stage on what a gate's log says so far."""
    return Stage(gate.tenant, Log(gate), gate.judge, ManualClock(), reading(now_ms))


def reading(now_ms: int = START_MS) -> Reading:
    """A clock that is believed."""
    return Reading(now_ms=now_ms, wall_ms=now_ms)


def payload(event: StoredEvent | None) -> Json:
    assert event is not None
    stored: Json = json.loads(bytes(unseal(event.body).payload))
    return stored


def opened(session_id: str = "s9", **changes: object) -> OpenSession:
    """The command that opens a session, with any field changed."""
    fields: Json = {"named": True, "user_id": "u", "agent_id": "a", "meta": {"x": 1}}
    return OpenSession(session_id=session_id, **{**fields, "idempotency_key": "k", **changes})

"""What a session has used: steps, calls and time. Pure counting; policy compares with the limits.

The state judged is the state before the proposal, so a limit of N lets exactly N through.
"""

from msgspec import Struct
from msgspec.structs import replace

from aegisd.core.decision import DECISION
from aegisd.core.shapes.fact import Cause, Fact


class Counters(Struct, frozen=True, kw_only=True):
    """Counts since the session's first event.

    `steps` counts judged proposals whatever their outcome; `tool_calls` and `model_calls` count
    allowed ones. `started_ms` is the first time the daemon's clock was recorded in the session,
    milliseconds since the Unix epoch.
    """

    steps: int = 0
    tool_calls: int = 0
    model_calls: int = 0
    started_ms: int | None = None

    def fold(self, event: Fact, cause: Cause | None) -> "Counters":
        """One more event of the session."""
        counters = self
        if event.event_type == DECISION and cause is not None and cause.judged:
            counters = _charged(counters, cause, event)
        if counters.started_ms is None and event.now_ms is not None:
            counters = replace(counters, started_ms=event.now_ms)
        return counters

    def wall_time_ms(self, now_ms: int) -> int:
        """Milliseconds since the session started; 0 before its first recorded time."""
        return 0 if self.started_ms is None else now_ms - self.started_ms


def _charged(counters: Counters, cause: Cause, event: Fact) -> Counters:
    allowed = event.fields.get("outcome") == "allow"
    called = cause.event_type
    return replace(
        counters,
        steps=counters.steps + 1,
        tool_calls=counters.tool_calls + (allowed and called == "TOOL_CALL_PROPOSED"),
        model_calls=counters.model_calls + (allowed and called == "MODEL_CALL_STARTED"),
    )

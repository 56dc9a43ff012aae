"""What a session has used: steps, calls and time. Pure counting; policy compares with the limits.

The state judged is the state before the proposal, so a limit of N lets exactly N through.
"""

from msgspec import Struct

from aegisd.core.decision import DECISION
from aegisd.core.shapes.fact import Cause, Fact


class Counters(Struct, frozen=True, kw_only=True):
    """Counts since the session's first event.

    `steps` counts judged proposals whatever their outcome; `tool_calls` and `model_calls` count
    allowed ones. `started_ms` is the first time of the daemon's clock that was recorded in the
    session, milliseconds since the Unix epoch, and `stepped_ms` how far operators had put that
    clock back by then.
    """

    steps: int = 0
    tool_calls: int = 0
    model_calls: int = 0
    started_ms: int | None = None
    stepped_ms: int = 0

    def fold(self, event: Fact, cause: Cause | None) -> "Counters":
        """One more event of the session."""
        now_ms = event.now_ms
        if now_ms is None:
            return self
        tools, models, steps = self.tool_calls, self.model_calls, self.steps
        if event.event_type == DECISION and cause is not None and cause.judged:
            allowed, called = event.fields.get("outcome") == "allow", cause.event_type
            steps += 1
            tools += allowed and called == "TOOL_CALL_PROPOSED"
            models += allowed and called == "MODEL_CALL_STARTED"
        started_ms, stepped_ms = self.started_ms, self.stepped_ms
        if started_ms is None:
            started_ms, stepped_ms = now_ms, stepped(event)
        return Counters(
            steps=steps,
            tool_calls=tools,
            model_calls=models,
            started_ms=started_ms,
            stepped_ms=stepped_ms,
        )

    def wall_time_ms(self, now_ms: int, stepped_ms: int) -> int:
        """Milliseconds that passed since the session started; 0 before its first recorded time.

        `stepped_ms` is how far operators put the clock back by now. What a clock that was put back
        passes through again counts again, whether or not the session said anything meanwhile.
        """
        if self.started_ms is None:
            return 0
        return max(0, now_ms + stepped_ms - self.started_ms - self.stepped_ms)


def stepped(event: Fact) -> int:
    """How far operators had put the clock back when an event was recorded, as it tells."""
    told = event.fields.get("clock_stepped_ms")
    return told if isinstance(told, int) else 0

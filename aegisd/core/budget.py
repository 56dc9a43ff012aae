"""What a session has used: steps, calls and time. Pure counting; policy compares with the limits.

The state judged is the state before the proposal, so a limit of N lets exactly N through.
"""

from msgspec import Struct

from aegisd.core.decision import DECISION
from aegisd.core.shapes.fact import Cause, Fact


class Counters(Struct, frozen=True, kw_only=True):
    """Counts since the session's first event.

    `steps` counts judged proposals whatever their outcome; `tool_calls` and `model_calls` count
    allowed ones. `started_ms` and `last_ms` are the first and the newest time of the daemon's clock
    that was recorded in the session, milliseconds since the Unix epoch, and `stepped_ms` is how far
    it ran back in between, where an operator corrected it.
    """

    steps: int = 0
    tool_calls: int = 0
    model_calls: int = 0
    started_ms: int | None = None
    last_ms: int = 0
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
        started_ms = self.started_ms
        return Counters(
            steps=steps,
            tool_calls=tools,
            model_calls=models,
            started_ms=now_ms if started_ms is None else started_ms,
            last_ms=now_ms,
            stepped_ms=self.stepped_ms + max(0, self.last_ms - now_ms),
        )

    def wall_time_ms(self, now_ms: int) -> int:
        """Milliseconds that passed since the session started; 0 before its first recorded time.

        What a clock that ran back passes through again counts again, so that a correction gives no
        session time that it has used, and the step itself counts nothing.
        """
        if self.started_ms is None:
            return 0
        return max(now_ms, self.last_ms) - self.started_ms + self.stepped_ms

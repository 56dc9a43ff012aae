"""What a session has used: steps, calls and time. Pure counting; policy compares with the limits.

The state judged is the state before the proposal, so a limit of N lets exactly N through.
"""

from msgspec import Struct


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


def charge(counters: Counters, event_type: str, outcome: str) -> Counters:
    """Count one judged proposal of a step type."""
    allowed = outcome == "allow"
    return Counters(
        steps=counters.steps + 1,
        tool_calls=counters.tool_calls + (allowed and event_type == "TOOL_CALL_PROPOSED"),
        model_calls=counters.model_calls + (allowed and event_type == "MODEL_CALL_STARTED"),
        started_ms=counters.started_ms,
    )


def start(counters: Counters, now_ms: int) -> Counters:
    """Remember the first recorded time; later ones change nothing."""
    if counters.started_ms is not None:
        return counters
    return Counters(
        steps=counters.steps,
        tool_calls=counters.tool_calls,
        model_calls=counters.model_calls,
        started_ms=now_ms,
    )


def wall_time_ms(counters: Counters, now_ms: int) -> int:
    """Milliseconds since the session started; 0 before its first recorded time."""
    return 0 if counters.started_ms is None else now_ms - counters.started_ms

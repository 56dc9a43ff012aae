"""An answer says what the stored rows say."""

import pytest

from aegisd.core.log.envelope import StoredEvent
from aegisd.engine.work import Answer
from tests.core.builders import chain, envelope


def stored(event_type: str, payload: object) -> StoredEvent:
    return chain([envelope(0, "USER_MESSAGE", {"content": 1}), envelope(1, event_type, payload)])[1]


def test_the_head_after_an_event_is_its_decision_or_itself() -> None:
    event, decision = chain(
        [envelope(0, "USER_MESSAGE", {"content": 1}), envelope(1, "POLICY_DECISION", {})]
    )
    assert Answer(event=event).head == event
    assert Answer(event=event, decision=decision).head == decision


@pytest.mark.parametrize(
    ("event_type", "payload", "call_id"),
    [
        ("TOOL_CALL_PROPOSED", {"tool_name": "t", "call_id": "x"}, "x"),
        ("TOOL_CALL_PROPOSED", {"tool_name": "t"}, "c1"),
        ("MEMORY_WRITE", {"memory_key": "k"}, "c1"),
        ("TOOL_RESULT", {"call_id": "x", "result": 1}, "x"),
        ("ERROR_RAISED", {"code": "e", "message": "m"}, None),
        ("USER_MESSAGE", {"content": 1}, None),
        ("TERMINATION", None, None),
    ],
)
def test_the_call_of_an_event_is_the_callers_name_for_it_or_the_servers(
    event_type: str, payload: object, call_id: str | None
) -> None:
    assert Answer(event=stored(event_type, payload)).call_id == call_id

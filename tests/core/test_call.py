"""Calls: which of them an event settles, and whose answer an answer is."""

from aegisd.core.call import Call, Calls
from aegisd.core.events import DECLARATIONS
from aegisd.core.state.fold import fold_session
from aegisd.core.state.model import SessionState
from aegisd.core.state.snapshot import freeze, thaw
from tests.core.facts import seen


def test_only_an_open_allowed_call_of_the_right_kind_is_settled() -> None:
    known = Calls().known.put("t", Call("TOOL_CALL_PROPOSED", "allow"))
    known = known.put("m", Call("MODEL_CALL_STARTED", "allow"))
    for number, status in enumerate(("proposed", "deny", "require_approval", "settled")):
        known = known.put(str(number), Call("TOOL_CALL_PROPOSED", status))
    calls = Calls(known=known)
    settled = {
        (event_type, call_id)
        for event_type in ("TOOL_RESULT", "MODEL_CALL_FINISHED", "ERROR_RAISED", "USER_MESSAGE")
        for call_id in ("t", "m", "0", "1", "2", "3", "nobody")
        if calls.settled_by(DECLARATIONS[event_type], {"call_id": call_id})
    }
    assert settled == {
        ("TOOL_RESULT", "t"),
        ("MODEL_CALL_FINISHED", "m"),
        ("ERROR_RAISED", "t"),
        ("ERROR_RAISED", "m"),
    }
    assert calls.settled_by(DECLARATIONS["TOOL_RESULT"], {}) is None
    assert calls.settled_by(DECLARATIONS["TOOL_RESULT"], {"call_id": 7}) is None
    assert calls.settled_by(None, {"call_id": "t"}) is None
    assert [call_id for call_id, _call in calls.open()] == ["m", "t"]


def test_the_tool_of_a_call_is_known_while_the_call_is_open_and_no_longer() -> None:
    answer = {"call_id": "a"}

    def after(*told: tuple[str, object]) -> str | None:
        state = SessionState(tenant_id="acme", session_id="s")
        for seq, (event_type, payload) in enumerate(told):
            state = fold_session(state, seen(event_type, payload, seq=seq))
        assert thaw(freeze(state), SessionState) == state
        return state.calls.tool_of(answer)

    asked = ("TOOL_CALL_PROPOSED", {"tool_name": "crm", "call_id": "a"})
    allowed, denied = (("POLICY_DECISION", {"outcome": told}) for told in ("allow", "deny"))
    assert after(asked) == "crm"
    assert after(asked, allowed) == "crm"
    assert after(asked, allowed, ("TOOL_CALL_EXECUTED", answer)) == "crm"
    assert after(asked, allowed, ("TOOL_RESULT", answer)) is None
    assert after(asked, allowed, ("ERROR_RAISED", answer)) is None
    assert after(asked, denied) is None
    assert after(("MODEL_CALL_STARTED", {"call_id": "a", "tool_name": "crm"}), allowed) is None
    assert after(("TOOL_CALL_PROPOSED", {"tool_name": 7, "call_id": "a"}), allowed) is None
    assert after() is None
    assert Calls().tool_of({"call_id": 7}) is None

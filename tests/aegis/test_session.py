"""A session tells what happens, event by event, under its own ids."""

from aegis import Gate
from tests.aegis.world import MANIFEST, told


def test_a_session_tells_what_happens_event_by_event(gate: Gate) -> None:
    session = gate.session("s2", user_id="u1", agent_id="a1")
    session.message("hello")
    decision = session.propose("think", {"n": 1}, call_id="mine")
    session.executed("mine")
    assert session.result("mine", {"n": 2}).released
    session.result("mine", "late", is_error=True)
    session.error("E", "it broke", call_id="mine")
    assert session.record("MODEL_CALL_STARTED", {"model": "m"}).decision is not None
    snapshot = session.snapshot()
    assert (snapshot.tool_calls_consumed, decision.call_id) == (1, "mine")
    assert session.end("done").decision is None
    assert session.verify().valid
    assert [kind for kind, _ in told(gate.reader, "s2")] == [
        "USER_MESSAGE",
        "TOOL_CALL_PROPOSED",
        "POLICY_DECISION",
        "TOOL_CALL_EXECUTED",
        "TOOL_RESULT",
        "TOOL_RESULT",
        "ERROR_RAISED",
        "MODEL_CALL_STARTED",
        "POLICY_DECISION",
        "TERMINATION",
    ]
    rows = list(gate.reader.session_events("local", "s2"))
    assert {(row.user_id, row.agent_id) for row in rows} == {("u1", "a1")}


def test_a_session_is_new_unless_it_is_named_and_is_whose_its_gate_is() -> None:
    with Gate(manifest=MANIFEST, user_id="u", agent_id="a", tenant_id="acme") as gate:
        ids = {gate.session_id, gate.session().session_id, gate.session().session_id}
        assert len(ids) == 3
        gate.session("named").message("x")
        gate.session("named", user_id="", agent_id="b").message("y")
        rows = list(gate.reader.session_events("acme", "named"))
    assert [(row.user_id, row.agent_id) for row in rows] == [("u", "a"), ("", "b")]

package aegis.rules_test

import rego.v1

proposal(denied) := {"event": {"type": "TOOL_CALL_PROPOSED"}, "agent": {"denied": denied}}

test_the_ninth_denial_does_not_freeze if {
	count(data.aegis.rules.deny) == 0 with input as proposal(9)
}

test_the_tenth_does if {
	count(data.aegis.rules.deny) == 1 with input as proposal(10)
}

test_an_agent_is_warned if {
	data.aegis.rules.advise == {{"type": "denials", "denied": 3, "frozen_at": 10}} with input as proposal(3)
}

test_a_calm_agent_is_told_nothing if {
	count(data.aegis.rules.advise) == 0 with input as proposal(0)
}

# An agent that was denied ten times is held still until somebody looks; while it still may act, it
# is told how close it is.
package aegis.rules

import rego.v1

denials_max := 10

deny contains {"message": "frozen: the agent was denied ten times", "rule": "freeze"} if {
	input.event.type == "TOOL_CALL_PROPOSED"
	not calm
}

calm if {
	is_number(input.agent.denied)
	input.agent.denied < denials_max
}

advise contains {"type": "denials", "denied": input.agent.denied, "frozen_at": denials_max} if {
	input.event.type == "TOOL_CALL_PROPOSED"
	is_number(input.agent.denied)
	input.agent.denied > 0
}

# One rule for each thing that an operator's rule can say, and two that fail where they are provoked.
package aegis.rules

import rego.v1

# Fails on an amount that is text: POLICY_ERROR.
require_approval contains {"message": "a large amount", "rule": "large", "where": "/args/amount"} if {
	input.call.tool == "pay"
	abs(input.call.args.amount) > 100
}

# Contradicts the region below, and of two regions none is narrower: POLICY_ERROR too.
constrain contains {"name": "region", "value": "us"} if input.event.user_id == "eve"

# Counts what an agent was denied in all sessions.
deny contains {"message": "denied too often", "rule": "noisy"} if {
	input.event.type == "TOOL_CALL_PROPOSED"
	input.agent.id == "noisy"
	input.agent.denied >= 2
}

deny contains {"message": "not for the agent", "rule": "release.result", "where": "/content"} if {
	input.event.type == "TOOL_RESULT"
	input.event.payload.content == "for the desk only"
}

require_approval contains {"message": "somebody looks first", "rule": "release.message"} if {
	input.event.type == "USER_MESSAGE"
	input.event.payload.content == "wait"
}

deny contains {"message": "the model was cut off", "rule": "release.model"} if {
	input.event.type == "MODEL_CALL_FINISHED"
	input.event.payload.finish_reason == "length"
}

deny contains {"message": "an old memory", "rule": "release.memory"} if {
	input.event.type == "MEMORY_READ"
	input.event.payload.memory_key == "stale"
}

constrain contains {"name": "timeout_ms", "value": 500} if input.call.tool == "run"

constrain contains {"name": "region", "value": "eu"} if input.call.tool == "fetch"

oblige contains {"type": "tell", "whom": "desk"} if input.call.tool == "fetch"

advise contains {"type": "clock", "minute": input.time.minute_of_day, "day": input.time.date} if {
	input.event.type == "TOOL_CALL_PROPOSED"
}

advise contains {"type": "sessions", "count": input.tenant.sessions} if input.event.type == "HANDOFF_REQUESTED"

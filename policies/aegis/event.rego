# What kind of event is judged: a tool call, another step, or a text to be released.
package aegis.event

import rego.v1

# A type nobody named is held to everything a tool call is held to, never waved through.
call if {
	input.event.type == "TOOL_CALL_PROPOSED"
} else if {
	not input.event.type in [
		"MODEL_CALL_STARTED", "MEMORY_WRITE", "HANDOFF_REQUESTED",
		"USER_MESSAGE", "MODEL_CALL_FINISHED", "TOOL_RESULT", "MEMORY_READ",
	]
}

# No budget and no manifest speaks about these; operators' rules may.
release if input.event.type in ["USER_MESSAGE", "MODEL_CALL_FINISHED", "TOOL_RESULT", "MEMORY_READ"]

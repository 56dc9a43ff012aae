package aegis.limits_test

import rego.v1

manifest := {
	"constraints": {"timeout_ms": 30000, "max_output_bytes": null},
	"sandbox": {"required": true, "image": "runner", "mounts": []},
}

test_a_constraint_that_is_set_is_given if {
	data.aegis.limits.constraints == [{"name": "timeout_ms", "value": 30000}]
		with input as {"event": {"type": "TOOL_CALL_PROPOSED"}}
		with data.manifest as manifest
}

test_a_required_sandbox_is_an_obligation if {
	data.aegis.limits.obligations == [{"type": "sandbox", "image": "runner", "mounts": []}]
		with input as {"event": {"type": "TOOL_CALL_PROPOSED"}}
		with data.manifest as manifest
}

test_other_events_are_held_to_nothing if {
	data.aegis.limits.constraints == [] with input as {"event": {"type": "USER_MESSAGE"}}
		with data.manifest as manifest
}

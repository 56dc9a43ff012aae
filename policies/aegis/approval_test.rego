package aegis.approval_test

import rego.v1

test_a_tool_that_needs_no_approval_is_fine if {
	data.aegis.approval.fine with input as {"event": {"type": "TOOL_CALL_PROPOSED"}, "call": {"approval": false}}
}

test_a_tool_that_needs_one_asks if {
	count(data.aegis.approval.require_approval) == 1 with input as {
		"event": {"type": "TOOL_CALL_PROPOSED"},
		"call": {"approval": true},
	}
}

test_other_steps_ask_nobody if {
	data.aegis.approval.fine with input as {"event": {"type": "HANDOFF_REQUESTED"}}
}

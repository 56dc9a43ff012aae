package aegis.session_test

import rego.v1

test_a_running_session_is_fine if {
	data.aegis.session.fine with input as {"event": {"type": "MEMORY_WRITE"}, "snapshot": {"terminated": false}}
}

test_an_ended_session_takes_no_step if {
	not data.aegis.session.fine with input as {"event": {"type": "MEMORY_WRITE"}, "snapshot": {"terminated": true}}
}

test_a_session_that_may_have_ended_takes_no_step if {
	not data.aegis.session.fine with input as {"event": {"type": "MEMORY_WRITE"}, "snapshot": {}}
}

test_a_late_result_is_still_released if {
	data.aegis.session.fine with input as {"event": {"type": "TOOL_RESULT"}, "snapshot": {"terminated": true}}
}

test_an_ended_session_says_so if {
	some reason in data.aegis.session.deny with input as {"event": {"type": "MEMORY_WRITE"}, "snapshot": {"terminated": true}}
	reason.rule == "aegis.session.terminated"
}

package aegis.rules_test

import rego.v1

proposal(effects, weekday, minute) := {
	"event": {"type": "TOOL_CALL_PROPOSED"},
	"call": {"effects": effects},
	"time": {"weekday": weekday, "minute_of_day": minute},
}

test_the_first_minute_of_monday_is_open if {
	count(data.aegis.rules.deny) == 0 with input as proposal(["message"], 1, 540)
}

test_the_minute_before_is_not if {
	count(data.aegis.rules.deny) == 1 with input as proposal(["message"], 1, 539)
}

test_the_last_minute_of_friday_is_open if {
	count(data.aegis.rules.deny) == 0 with input as proposal(["spend"], 5, 1019)
}

test_the_minute_after_is_not if {
	count(data.aegis.rules.deny) == 1 with input as proposal(["spend"], 5, 1020)
}

test_saturday_is_closed if {
	count(data.aegis.rules.deny) == 1 with input as proposal(["spend"], 6, 600)
}

test_reading_is_always_open if {
	count(data.aegis.rules.deny) == 0 with input as proposal(["read"], 7, 0)
}

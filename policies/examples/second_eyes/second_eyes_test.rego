package aegis.rules_test

import rego.v1

proposal(effects, args) := {
	"event": {"type": "TOOL_CALL_PROPOSED", "payload": {}},
	"call": {"effects": effects, "args": args},
}

test_a_delete_waits if {
	count(data.aegis.rules.require_approval) == 1 with input as proposal(["delete"], {})
}

test_a_hundred_does_not_wait if {
	count(data.aegis.rules.require_approval) == 0 with input as proposal(["spend"], {"amount": 100})
}

test_a_hundred_and_one_waits if {
	count(data.aegis.rules.require_approval) == 1 with input as proposal(["spend"], {"amount": 101})
}

test_an_amount_in_words_waits if {
	count(data.aegis.rules.require_approval) == 1 with input as proposal(["spend"], {"amount": "ten"})
}

test_a_marked_result_is_withheld if {
	count(data.aegis.rules.deny) == 1
		with input as {"event": {"type": "TOOL_RESULT", "payload": {"result": {"marker": "vault"}}}}
}

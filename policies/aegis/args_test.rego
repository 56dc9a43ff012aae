package aegis.args_test

import rego.v1

call(risk, typed, errors) := {
	"event": {"type": "TOOL_CALL_PROPOSED"},
	"call": {"risk": risk, "args_typed": typed, "args_errors": errors},
}

test_arguments_that_fit_their_schema_are_fine if {
	data.aegis.args.fine with input as call("critical", true, [])
}

test_an_untyped_tool_of_medium_risk_is_fine if {
	data.aegis.args.fine with input as call("medium", false, [])
}

test_an_untyped_tool_of_high_risk_is_not if {
	not data.aegis.args.fine with input as call("high", false, [])
}

test_an_unknown_risk_is_a_high_one if {
	not data.aegis.args.fine with input as call("moderate", false, [])
}

test_every_breach_is_a_reason if {
	reasons := data.aegis.args.deny with input as call("low", true, [{"where": "/args/n", "rule": "type"}])
	{"code": "ARGS_INVALID", "rule": "aegis.args.schema", "where": "/args/n", "data": {"rule": "type"}} in reasons
}

test_a_breach_that_cannot_be_read_is_one_too if {
	reasons := data.aegis.args.deny with input as call("low", true, [{"where": 1, "rule": "type"}])
	reasons == {{"code": "ARGS_INVALID", "rule": "aegis.args.schema", "where": "/args", "data": {}}}
}

test_a_dangerous_tool_without_a_schema_says_so if {
	some reason in data.aegis.args.deny with input as call("critical", false, [])
	reason.rule == "aegis.args.untyped"
}

package aegis.budget_test

import rego.v1

limits := {"budgets": {"steps": 3, "tool_calls": 2, "model_calls": 1, "wall_time_ms": 1000}}

unlimited := {"budgets": {"steps": null, "tool_calls": null, "model_calls": null, "wall_time_ms": null}}

step(type, steps, tool_calls, model_calls, wall_time_ms) := {
	"event": {"type": type},
	"snapshot": {
		"steps_consumed": steps,
		"tool_calls_consumed": tool_calls,
		"model_calls_consumed": model_calls,
		"wall_time_ms": wall_time_ms,
	},
}

test_the_last_of_everything_is_allowed if {
	data.aegis.budget.fine with input as step("TOOL_CALL_PROPOSED", 2, 1, 1, 1000) with data.manifest as limits
}

test_one_step_too_many if {
	some reason in data.aegis.budget.deny with input as step("MEMORY_WRITE", 3, 0, 0, 0)
		with data.manifest as limits
	reason.data == {"budget": "steps", "limit": 3, "consumed": 3}
}

test_one_tool_call_too_many if {
	not data.aegis.budget.fine with input as step("TOOL_CALL_PROPOSED", 0, 2, 0, 0) with data.manifest as limits
}

test_tool_calls_do_not_count_for_other_steps if {
	data.aegis.budget.fine with input as step("MEMORY_WRITE", 0, 2, 0, 0) with data.manifest as limits
}

test_one_model_call_too_many if {
	not data.aegis.budget.fine with input as step("MODEL_CALL_STARTED", 0, 0, 1, 0) with data.manifest as limits
}

test_model_calls_do_not_count_for_tool_calls if {
	data.aegis.budget.fine with input as step("TOOL_CALL_PROPOSED", 0, 0, 1, 0) with data.manifest as limits
}

test_one_millisecond_too_late if {
	not data.aegis.budget.fine with input as step("MEMORY_WRITE", 0, 0, 0, 1001) with data.manifest as limits
}

test_null_is_no_limit if {
	data.aegis.budget.fine with input as step("TOOL_CALL_PROPOSED", 9, 9, 9, 9) with data.manifest as unlimited
}

test_a_missing_limit_allows_nothing if {
	not data.aegis.budget.fine with input as step("MEMORY_WRITE", 0, 0, 0, 0) with data.manifest as {"budgets": {}}
}

test_text_is_not_below_a_limit if {
	not data.aegis.budget.fine with input as step("MEMORY_WRITE", "0", 0, 0, 0) with data.manifest as limits
}

test_a_release_costs_nothing if {
	data.aegis.budget.fine with input as step("TOOL_RESULT", 9, 9, 9, 9999) with data.manifest as limits
}

test_every_budget_that_is_used_up_is_a_reason if {
	reasons := data.aegis.budget.deny with input as step("TOOL_CALL_PROPOSED", 3, 2, 0, 1001) with data.manifest as limits
	{reason.rule | some reason in reasons} == {
		"aegis.budget.steps",
		"aegis.budget.tool_calls",
		"aegis.budget.wall_time_ms",
	}
}

test_a_model_call_too_many_is_a_reason if {
	reasons := data.aegis.budget.deny with input as step("MODEL_CALL_STARTED", 0, 0, 1, 0) with data.manifest as limits
	{reason.rule | some reason in reasons} == {"aegis.budget.model_calls"}
}

test_what_is_no_count_is_a_reason_of_its_own if {
	reasons := data.aegis.budget.deny with input as step("MEMORY_WRITE", "0", 0, 0, 0) with data.manifest as limits
	{reason.rule | some reason in reasons} == {"aegis.budget.unreadable"}
}

# BUDGET_EXCEEDED: N means N. The state judged is the state before the proposal, so the proposal that
# finds N consumed is the first one refused. A limit of null is no limit; a missing limit allows nothing.
package aegis.budget

import rego.v1

fine if {
	steps_left
	time_left
	tool_calls_left
	model_calls_left
} else if {
	data.aegis.event.release
}

steps_left if {
	consumed := input.snapshot.steps_consumed
	limit := data.manifest.budgets.steps
	is_number(consumed)
	is_number(limit)
	floor(consumed) == consumed
	consumed < limit
} else if {
	data.manifest.budgets.steps == null
}

tool_calls_left if {
	consumed := input.snapshot.tool_calls_consumed
	limit := data.manifest.budgets.tool_calls
	is_number(consumed)
	is_number(limit)
	floor(consumed) == consumed
	consumed < limit
} else if {
	data.manifest.budgets.tool_calls == null
} else if {
	not data.aegis.event.call
}

model_calls_left if {
	input.event.type != "MODEL_CALL_STARTED"
} else if {
	data.manifest.budgets.model_calls == null
} else if {
	consumed := input.snapshot.model_calls_consumed
	limit := data.manifest.budgets.model_calls
	is_number(consumed)
	is_number(limit)
	floor(consumed) == consumed
	consumed < limit
}

# Time runs on while nothing is proposed, so the last millisecond may be used up.
time_left if {
	consumed := input.snapshot.wall_time_ms
	limit := data.manifest.budgets.wall_time_ms
	is_number(consumed)
	is_number(limit)
	floor(consumed) == consumed
	consumed <= limit
} else if {
	data.manifest.budgets.wall_time_ms == null
}

deny contains exceeded("steps", data.manifest.budgets.steps, input.snapshot.steps_consumed) if not steps_left

deny contains exceeded("tool_calls", data.manifest.budgets.tool_calls, input.snapshot.tool_calls_consumed) if {
	not tool_calls_left
}

deny contains exceeded("model_calls", data.manifest.budgets.model_calls, input.snapshot.model_calls_consumed) if {
	not model_calls_left
}

deny contains exceeded("wall_time_ms", data.manifest.budgets.wall_time_ms, input.snapshot.wall_time_ms) if {
	not time_left
}

exceeded(budget, limit, consumed) := {
	"code": "BUDGET_EXCEEDED",
	"rule": concat(".", ["aegis.budget", budget]),
	"where": "",
	"data": {"budget": budget, "limit": limit, "consumed": consumed},
} if {
	is_count(limit)
	is_count(consumed)
}

# Something that is no count, on either side: nothing to explain with.
deny contains {
	"code": "BUDGET_EXCEEDED",
	"rule": "aegis.budget.unreadable",
	"where": "",
	"data": {},
} if {
	not readable
}

readable if {
	every consumed in [
		input.snapshot.steps_consumed,
		input.snapshot.tool_calls_consumed,
		input.snapshot.model_calls_consumed,
		input.snapshot.wall_time_ms,
	] {
		is_count(consumed)
	}
	every limit in [
		data.manifest.budgets.steps,
		data.manifest.budgets.tool_calls,
		data.manifest.budgets.model_calls,
		data.manifest.budgets.wall_time_ms,
	] {
		is_limit(limit)
	}
}

is_limit(value) if value == null

is_limit(value) if is_count(value)

is_count(value) if {
	is_number(value)
	floor(value) == value
}

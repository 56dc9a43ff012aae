package aegis.decision_test

import rego.v1

manifest := {
	"registered": true,
	"budgets": {"steps": 9, "tool_calls": 9, "model_calls": 9, "wall_time_ms": 1000},
	"constraints": {"timeout_ms": 5, "max_output_bytes": null},
	"sandbox": {"required": true, "image": "runner", "mounts": []},
	"net": {"domains": ["api.example.com"]},
	"fs": {"read_roots": [], "write_roots": []},
	"exec": {"binaries": []},
}

# Everything a rule may read is there: an operator's rules are asked too, where there are some.
proposal(call, steps, terminated) := {
	"event": {
		"type": "TOOL_CALL_PROPOSED",
		"payload": {"tool_name": "fetch"},
		"tenant_id": "acme",
		"session_id": "s1",
		"user_id": "",
		"agent_id": "",
		"seq": 0,
	},
	"snapshot": {
		"terminated": terminated,
		"steps_consumed": steps,
		"tool_calls_consumed": 0,
		"model_calls_consumed": 0,
		"wall_time_ms": 0,
	},
	"agent": {"id": "", "allowed": 0, "denied": 0},
	"tenant": {"allowed": 0, "denied": 0, "sessions": 1},
	"time": {"now_ms": 1700000000000, "date": "2023-11-14", "weekday": 2, "minute_of_day": 600},
	"call": object.union(
		{
			"tool": "fetch",
			"server": "",
			"roles": {},
			"args": {},
			"declared": true,
			"approval": false,
			"effects": ["net"],
			"risk": "low",
			"args_typed": true,
			"args_errors": [],
			"hosts": [{"host": "api.example.com", "kind": "name", "port": 0, "scheme": "https", "plain": true, "where": "/args/url"}],
			"paths": [],
			"commands": [],
			"problems": [],
			"recipients": [],
		},
		call,
	),
}

test_what_is_fine_everywhere_is_fine if {
	data.aegis.decision.fine with input as proposal({}, 0, false) with data.manifest as manifest
}

test_what_is_fine_is_held_to_the_manifest if {
	result := data.aegis.decision.result with input as proposal({}, 0, false) with data.manifest as manifest
	{"name": "timeout_ms", "value": 5} in result.constraints
	{"type": "sandbox", "image": "runner", "mounts": []} in result.obligations
}

test_a_tool_that_asks_waits_and_is_not_denied if {
	result := data.aegis.decision.result with input as proposal({"approval": true}, 0, false) with data.manifest as manifest
	"aegis.approval.tool" in {reason.rule | some reason in result.require_approval}
	{"name": "timeout_ms", "value": 5} in result.constraints
	{"type": "sandbox", "image": "runner", "mounts": []} in result.obligations
	count(data.aegis.decision.explained) == 0
	count(data.aegis.decision.unexplained) == 0
}

test_every_family_that_is_not_fine_gives_its_reasons if {
	reasons := data.aegis.decision.explained with data.manifest as object.union(manifest, {"registered": false})
		with input as proposal(
			{
				"effects": ["net", "read", "exec"],
				"args_errors": [{"where": "/args/n", "rule": "type"}],
				"hosts": [{"host": "evil.example", "kind": "name", "scheme": "https", "plain": true, "where": "/args/url"}],
				"paths": [{"path": "/etc/hosts", "access": "read", "where": "/args/path"}],
				"commands": [{"binary": "curl", "args": [], "unmatched": [], "where": "/args/command"}],
			},
			9, true,
		)
	{reason.code | some reason in reasons} == {
		"SESSION_TERMINATED",
		"PERMISSION_UNDECLARED",
		"ARGS_INVALID",
		"EGRESS_DENY",
		"PATH_DENY",
		"EXEC_DENY",
		"BUDGET_EXCEEDED",
	}
	count(data.aegis.decision.unexplained) == 0
}

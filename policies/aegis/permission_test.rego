package aegis.permission_test

import rego.v1

manifest := {"registered": true}

call(declared) := {
	"event": {"type": "TOOL_CALL_PROPOSED"},
	"call": {"tool": "t", "server": "", "declared": declared, "approval": false, "effects": []},
}

test_a_declared_tool_is_fine if {
	data.aegis.permission.fine with input as call(true) with data.manifest as manifest
}

test_an_undeclared_tool_is_not if {
	not data.aegis.permission.fine with input as call(false) with data.manifest as manifest
}

test_only_true_is_declared if {
	not data.aegis.permission.fine with input as call("true") with data.manifest as manifest
}

test_nothing_is_declared_without_a_manifest if {
	not data.aegis.permission.fine with input as call(true)
		with data.manifest as object.union(manifest, {"registered": false})
}

test_other_steps_need_a_manifest_too if {
	some reason in data.aegis.permission.deny with input as {"event": {"type": "MODEL_CALL_STARTED"}}
		with data.manifest as {"registered": false, "tools": {}}
	reason.rule == "aegis.permission.manifest"
}

test_a_release_needs_none if {
	data.aegis.permission.fine with input as {"event": {"type": "USER_MESSAGE"}}
		with data.manifest as {"registered": false, "tools": {}}
}

test_effects_that_are_no_list_are_no_declaration if {
	not data.aegis.permission.fine with data.manifest as manifest
		with input as {
			"event": {"type": "TOOL_CALL_PROPOSED"},
			"call": {"tool": "anywhere", "server": "", "declared": true, "approval": false, "effects": "net"},
		}
}

test_an_undeclared_tool_is_named_as_one if {
	reasons := data.aegis.permission.deny with input as call(false) with data.manifest as manifest
	{reason.rule | some reason in reasons} == {"aegis.permission.tool"}
}

test_effects_that_are_no_list_are_named_too if {
	reasons := data.aegis.permission.deny with data.manifest as manifest
		with input as {
			"event": {"type": "TOOL_CALL_PROPOSED"},
			"call": {"declared": true, "approval": false, "effects": "net"},
		}
	{reason.rule | some reason in reasons} == {"aegis.permission.effects"}
}

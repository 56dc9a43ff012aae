package aegis.permission_test

import rego.v1

manifest := {"registered": true, "tools": {"anywhere": {"server": ""}, "bound": {"server": "files"}}}

call(tool, server) := {
	"event": {"type": "TOOL_CALL_PROPOSED"},
	"call": {"tool": tool, "server": server, "declared": true, "approval": false, "effects": []},
}

test_a_declared_tool_is_fine if {
	data.aegis.permission.fine with input as call("anywhere", "") with data.manifest as manifest
}

test_a_declaration_without_a_server_is_for_every_server if {
	data.aegis.permission.fine with input as call("anywhere", "mail") with data.manifest as manifest
}

test_a_declaration_with_a_server_is_for_that_one if {
	data.aegis.permission.fine with input as call("bound", "files") with data.manifest as manifest
}

test_another_servers_tool_of_the_same_name_is_undeclared if {
	not data.aegis.permission.fine with input as call("bound", "mail") with data.manifest as manifest
}

test_a_tool_is_spelled_exactly if {
	not data.aegis.permission.fine with input as call("Anywhere", "") with data.manifest as manifest
}

test_nothing_is_declared_without_a_manifest if {
	not data.aegis.permission.fine with input as call("anywhere", "")
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

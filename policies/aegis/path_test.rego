package aegis.path_test

import rego.v1

manifest := {"fs": {"read_roots": ["/workspace"], "write_roots": ["/workspace/out", "notes"]}}

call(access, path) := {
	"event": {"type": "TOOL_CALL_PROPOSED"},
	"call": {
		"effects": ["read", "write", "delete"],
		"paths": [{"path": path, "access": access, "where": "/args/path"}],
		"problems": [],
	},
}

test_a_root_may_be_read if {
	data.aegis.path.fine with input as call("read", "/workspace") with data.manifest as manifest
}

test_what_is_inside_a_root_may_be_read if {
	data.aegis.path.fine with input as call("read", "/workspace/a/b") with data.manifest as manifest
}

test_a_longer_segment_is_not_inside if {
	not data.aegis.path.fine with input as call("read", "/workspace2/a") with data.manifest as manifest
}

test_case_is_exact if {
	not data.aegis.path.fine with input as call("read", "/Workspace/a") with data.manifest as manifest
}

test_a_read_root_may_not_be_written if {
	not data.aegis.path.fine with input as call("write", "/workspace/a") with data.manifest as manifest
}

test_a_write_root_may_be_written_and_read if {
	data.aegis.path.fine with input as call("write", "/workspace/out/a") with data.manifest as manifest
}

test_a_write_root_may_be_deleted_from if {
	data.aegis.path.fine with input as call("delete", "notes/a") with data.manifest as manifest
}

test_code_is_loaded_from_a_read_root if {
	data.aegis.path.fine with input as call("load", "/workspace/a") with data.manifest as manifest
}

test_code_is_not_loaded_from_a_write_root if {
	not data.aegis.path.fine with input as call("load", "notes/a") with data.manifest as manifest
}

test_a_program_is_held_to_roots_whatever_else_its_tool_does if {
	not data.aegis.path.fine with input as object.union(
		call("read", "/etc/hosts"),
		{"call": {"effects": ["exec"]}},
	)
		with data.manifest as manifest
}

test_an_absolute_root_holds_no_relative_path if {
	not data.aegis.path.fine with input as call("read", "workspace/a") with data.manifest as manifest
}

test_the_working_folder_holds_relative_paths if {
	data.aegis.path.fine with input as call("read", "a/b")
		with data.manifest as {"fs": {"read_roots": ["."], "write_roots": []}}
}

test_the_working_folder_holds_nothing_above_it if {
	not data.aegis.path.fine with input as call("read", "../a")
		with data.manifest as {"fs": {"read_roots": ["."], "write_roots": []}}
}

test_the_top_holds_every_absolute_path if {
	data.aegis.path.fine with input as call("read", "/etc/hosts")
		with data.manifest as {"fs": {"read_roots": ["/"], "write_roots": []}}
}

test_no_roots_hold_nothing if {
	not data.aegis.path.fine with input as call("read", "/a")
		with data.manifest as {"fs": {"read_roots": [], "write_roots": []}}
}

test_an_empty_root_holds_nothing if {
	not data.aegis.path.fine with input as call("read", "/a")
		with data.manifest as {"fs": {"read_roots": [""], "write_roots": []}}
}

test_a_tool_that_touches_no_files_is_fine if {
	data.aegis.path.fine with input as {"event": {"type": "TOOL_CALL_PROPOSED"}, "call": {"effects": ["net"]}}
}

test_a_path_outside_the_roots_is_a_reason if {
	reasons := data.aegis.path.deny with input as call("read", "/etc/hosts") with data.manifest as manifest
	reasons == {{
		"code": "PATH_DENY",
		"rule": "aegis.path.root",
		"where": "/args/path",
		"data": {"path": "/etc/hosts", "access": "read"},
	}}
}

problem(target) := {
	"event": {"type": "TOOL_CALL_PROPOSED"},
	"call": {
		"effects": ["read"],
		"paths": [{"path": "/workspace/a", "access": "read", "where": "/args/path"}],
		"problems": [{"target": target, "code": "encoded_separator", "where": "/args/path"}],
	},
}

test_a_problem_with_a_path_is_a_reason if {
	reasons := data.aegis.path.deny with input as problem("path") with data.manifest as manifest
	{reason.rule | some reason in reasons} == {"aegis.path.problem"}
}

test_a_problem_with_a_path_is_not_fine if {
	not data.aegis.path.fine with input as problem("path") with data.manifest as manifest
}

test_a_problem_with_a_host_is_none_of_a_path if {
	data.aegis.path.fine with input as problem("host") with data.manifest as manifest
}

test_a_path_that_is_no_text_is_unreadable if {
	reasons := data.aegis.path.deny with input as call("read", 7) with data.manifest as manifest
	{reason.rule | some reason in reasons} == {"aegis.path.unreadable"}
}

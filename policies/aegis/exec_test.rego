package aegis.exec_test

import rego.v1

manifest := {"exec": {"binaries": ["git", "ls"]}}

call(commands) := {
	"event": {"type": "TOOL_CALL_PROPOSED"},
	"call": {"effects": ["exec"], "commands": commands, "problems": []},
}

git := {"binary": "git", "args": ["log"], "unmatched": [], "where": "/args/command"}

test_a_listed_binary_is_fine if {
	data.aegis.exec.fine with input as call([git]) with data.manifest as manifest
}

test_a_binary_is_spelled_exactly if {
	not data.aegis.exec.fine with data.manifest as manifest
		with input as call([object.union(git, {"binary": "/usr/bin/git"})])
}

test_a_wrapper_is_a_binary_of_its_own if {
	not data.aegis.exec.fine with data.manifest as manifest
		with input as call([git, object.union(git, {"binary": "bash"})])
}

test_an_argument_outside_the_patterns_is_denied if {
	some reason in data.aegis.exec.deny with data.manifest as manifest
		with input as call([object.union(git, {"unmatched": ["--exec-path"]})])
	reason.rule == "aegis.exec.argument"
}

test_a_call_without_a_command_is_denied if {
	some reason in data.aegis.exec.deny with input as call([]) with data.manifest as manifest
	reason.rule == "aegis.exec.no_command"
}

test_a_command_that_could_not_be_read_is_denied if {
	not data.aegis.exec.fine with data.manifest as manifest
		with input as {
			"event": {"type": "TOOL_CALL_PROPOSED"},
			"call": {
				"effects": ["exec"],
				"commands": [git],
				"problems": [{"target": "command", "code": "shell_syntax", "where": "/args/command"}],
			},
		}
}

test_a_tool_that_runs_nothing_is_fine if {
	data.aegis.exec.fine with input as {"event": {"type": "TOOL_CALL_PROPOSED"}, "call": {"effects": ["read"]}}
}

test_a_binary_that_is_not_listed_is_a_reason if {
	reasons := data.aegis.exec.deny with data.manifest as manifest
		with input as call([object.union(git, {"binary": "curl"})])
	reasons == {{
		"code": "EXEC_DENY",
		"rule": "aegis.exec.binary",
		"where": "/args/command",
		"data": {"binary": "curl"},
	}}
}

test_a_command_that_could_not_be_read_is_a_reason if {
	reasons := data.aegis.exec.deny with data.manifest as manifest
		with input as {
			"event": {"type": "TOOL_CALL_PROPOSED"},
			"call": {
				"effects": ["exec"],
				"commands": [git],
				"problems": [{"target": "command", "code": "shell_syntax", "where": "/args/command"}],
			},
		}
	{reason.rule | some reason in reasons} == {"aegis.exec.problem"}
}

test_a_command_without_a_place_is_unreadable if {
	reasons := data.aegis.exec.deny with data.manifest as manifest with input as call([{"binary": "git", "unmatched": []}])
	{reason.rule | some reason in reasons} == {"aegis.exec.unreadable"}
}

# EXEC_DENY: only the listed binaries run, spelled as listed, with arguments the manifest's patterns allow.
package aegis.exec

import rego.v1

fine if {
	not "exec" in input.call.effects
} else if {
	commands_allowed
	unproblematic
} else if {
	not data.aegis.event.call
}

commands_allowed if {
	is_array(input.call.commands)
	input.call.commands != []
	every command in input.call.commands {
		listed(command)
		command.unmatched == []
	}
}

unproblematic if {
	input.call.problems == []
} else if {
	is_array(input.call.problems)
	every problem in input.call.problems { problem.target in ["host", "path", "recipient"] }
}

listed(command) if {
	is_string(command.binary)
	command.binary in data.manifest.exec.binaries
}

deny contains {
	"code": "EXEC_DENY",
	"rule": "aegis.exec.binary",
	"where": command.where,
	"data": {"binary": command.binary},
} if {
	readable
	some command in input.call.commands
	not listed(command)
}

deny contains {
	"code": "EXEC_DENY",
	"rule": "aegis.exec.argument",
	"where": command.where,
	"data": {"binary": command.binary},
} if {
	readable
	some command in input.call.commands
	not command.unmatched == []
}

deny contains {
	"code": "EXEC_DENY",
	"rule": "aegis.exec.problem",
	"where": problem.where,
	"data": {"problem": problem.code},
} if {
	readable
	some problem in input.call.problems
	problem.target == "command"
}

deny contains {
	"code": "EXEC_DENY",
	"rule": "aegis.exec.no_command",
	"where": "/args",
	"data": {},
} if {
	input.call.commands == []
}

# Something that has not even the shape to be explained: `where` and the values may be missing.
deny contains {
	"code": "EXEC_DENY",
	"rule": "aegis.exec.unreadable",
	"where": "/args",
	"data": {},
} if {
	not readable
}

readable if {
	is_array(input.call.commands)
	is_array(input.call.problems)
	every command in input.call.commands {
		is_string(command.binary)
		is_string(command.where)
	}
	every problem in input.call.problems {
		problem.target in ["host", "path", "command", "recipient"]
		is_string(problem.code)
		is_string(problem.where)
	}
}

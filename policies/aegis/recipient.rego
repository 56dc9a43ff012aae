# RECIPIENT_DENY: messages and payments go only to those the manifest lists for the parameter. Core has
# read the addresses; where the manifest has no list at all it has looked for none.
package aegis.recipient

import rego.v1

fine if {
	not "message" in input.call.effects
	not "spend" in input.call.effects
} else if {
	recipients_allowed
	unproblematic
} else if {
	not data.aegis.event.call
}

recipients_allowed if {
	is_array(input.call.recipients)
	every found in input.call.recipients { allowed(found) }
}

unproblematic if {
	input.call.problems == []
} else if {
	is_array(input.call.problems)
	every problem in input.call.problems { problem.target in ["host", "path", "command"] }
}

# Listed as it stands, or by the domain of its address, or everybody by `*`.
allowed(found) if {
	is_string(found.recipient)
	found.recipient in data.manifest.recipients[found.field]
} else if {
	is_string(found.domain)
	found.domain in data.manifest.recipients[found.field]
} else if {
	is_string(found.recipient)
	"*" in data.manifest.recipients[found.field]
}

deny contains {
	"code": "RECIPIENT_DENY",
	"rule": "aegis.recipient.listed",
	"where": found.where,
	"data": {"recipient": found.recipient, "list": found.field},
} if {
	readable
	some found in input.call.recipients
	not allowed(found)
}

deny contains {
	"code": "RECIPIENT_DENY",
	"rule": "aegis.recipient.problem",
	"where": problem.where,
	"data": {"problem": problem.code},
} if {
	readable
	some problem in input.call.problems
	problem.target == "recipient"
}

# Something that has not even the shape to be explained: `where` and the values may be missing.
deny contains {
	"code": "RECIPIENT_DENY",
	"rule": "aegis.recipient.unreadable",
	"where": "/args",
	"data": {},
} if {
	not readable
}

readable if {
	is_array(input.call.recipients)
	is_array(input.call.problems)
	every found in input.call.recipients {
		is_string(found.recipient)
		is_string(found.field)
		is_string(found.where)
	}
	every problem in input.call.problems {
		problem.target in ["host", "path", "command", "recipient"]
		is_string(problem.code)
		is_string(problem.where)
	}
}

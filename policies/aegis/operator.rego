# What the operators' package `aegis.rules` says, brought to the shape of the base rules. A rule that
# says something nobody can read denies: it was meant to say something.
package aegis.operator

import rego.v1

silent if {
	data.aegis.rules.deny == set()
	data.aegis.rules.require_approval == set()
	data.aegis.rules.constrain == set()
	data.aegis.rules.oblige == set()
	data.aegis.rules.advise == set()
}

deny contains reason("POLICY_DENY", said) if {
	some said in data.aegis.rules.deny
	is_reason(said)
}

deny contains {
	"code": "POLICY_DENY",
	"rule": "aegis.operator.malformed",
	"where": "",
	"message": concat("", ["a rule of aegis.rules.", name, " gives something that cannot be read as one"]),
} if {
	some name in ["deny", "require_approval", "constrain", "oblige", "advise"]
	not readable(name)
}

require_approval contains reason("APPROVAL_REQUIRED", said) if {
	some said in data.aegis.rules.require_approval
	is_reason(said)
}

constraints contains said if {
	some said in data.aegis.rules.constrain
	is_constraint(said)
}

obligations contains said if {
	some said in data.aegis.rules.oblige
	is_string(said.type)
}

advice contains said if {
	some said in data.aegis.rules.advise
	is_string(said.type)
}

reason(code, said) := {"code": code, "rule": "aegis.rules", "where": "", "message": said} if is_string(said)

reason(code, said) := {
	"code": code,
	"rule": object.get(said, "rule", "aegis.rules"),
	"where": object.get(said, "where", ""),
	"message": said.message,
} if {
	is_object(said)
}

readable("deny") if {
	is_set(data.aegis.rules.deny)
	every said in data.aegis.rules.deny { is_reason(said) }
}

readable("require_approval") if {
	is_set(data.aegis.rules.require_approval)
	every said in data.aegis.rules.require_approval { is_reason(said) }
}

readable("constrain") if {
	is_set(data.aegis.rules.constrain)
	every said in data.aegis.rules.constrain { is_constraint(said) }
}

readable("oblige") if {
	is_set(data.aegis.rules.oblige)
	every said in data.aegis.rules.oblige { is_string(said.type) }
}

readable("advise") if {
	is_set(data.aegis.rules.advise)
	every said in data.aegis.rules.advise { is_string(said.type) }
}

is_reason(said) if is_string(said)

is_reason(said) if {
	is_object(said)
	is_string(said.message)
	is_string(object.get(said, "rule", ""))
	is_string(object.get(said, "where", ""))
	object.keys(said) - {"message", "rule", "where"} == set()
}

is_constraint(said) if {
	is_object(said)
	is_string(said.name)
	object.keys(said) == {"name", "value"}
}

# The entry point: `result` is what the gate reads.
#
# Each family of rules lives in its own package and says two things: `fine`, the proof that nothing is
# wrong, and `deny`, the reasons when there is no proof. A proof that cannot be finished, for a wrong
# type or a missing value, is no proof. A call that is fine everywhere never pays for the reasons.
#
# A reason is {code, rule, where, data}: `where` is a JSON pointer into the payload or "", `data` small
# values from which core makes the sentence. An operator's reason gives `message` instead of `data`.
# `clear` is the answer where everything is fine and nobody has more to say; an engine may look for it
# on a faster way, and must ask for `result` where it does not find it.
package aegis.decision

import rego.v1

result := clear if {
	clear
} else := {
	"deny": deny,
	"require_approval": require_approval,
	"constraints": constraints,
	"obligations": obligations,
	"advice": data.aegis.operator.advice,
}

clear := {
	"deny": [],
	"require_approval": [],
	"constraints": data.aegis.limits.constraints,
	"obligations": data.aegis.limits.obligations,
	"advice": [],
} if {
	fine
	data.aegis.approval.fine
	data.aegis.operator.silent
}

fine if {
	data.aegis.session.fine
	data.aegis.permission.fine
	data.aegis.args.fine
	data.aegis.egress.fine
	data.aegis.path.fine
	data.aegis.exec.fine
	data.aegis.recipient.fine
	data.aegis.budget.fine
}

deny := (explained | unexplained) | data.aegis.operator.deny

require_approval := data.aegis.approval.require_approval | data.aegis.operator.require_approval

constraints := array.concat(data.aegis.limits.constraints, [said | some said in data.aegis.operator.constraints])

obligations := array.concat(data.aegis.limits.obligations, [said | some said in data.aegis.operator.obligations])

explained contains reason if {
	not data.aegis.session.fine
	some reason in data.aegis.session.deny
}

explained contains reason if {
	not data.aegis.permission.fine
	some reason in data.aegis.permission.deny
}

explained contains reason if {
	not data.aegis.args.fine
	some reason in data.aegis.args.deny
}

explained contains reason if {
	not data.aegis.egress.fine
	some reason in data.aegis.egress.deny
}

explained contains reason if {
	not data.aegis.path.fine
	some reason in data.aegis.path.deny
}

explained contains reason if {
	not data.aegis.exec.fine
	some reason in data.aegis.exec.deny
}

explained contains reason if {
	not data.aegis.recipient.fine
	some reason in data.aegis.recipient.deny
}

explained contains reason if {
	not data.aegis.budget.fine
	some reason in data.aegis.budget.deny
}

# The net below the families: what is not proven fine is denied, even where nobody says why.
unexplained contains {"code": "POLICY_DENY", "rule": "aegis.decision.unexplained", "where": "", "data": {}} if {
	not fine
	explained == set()
}

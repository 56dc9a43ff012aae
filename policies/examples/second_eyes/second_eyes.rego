# A second pair of eyes: what deletes, or moves more than a hundred, waits for a human. A text that a
# tool gives back may not carry the marker of the vault.
package aegis.rules

import rego.v1

amount_max := 100

require_approval contains {"message": "this deletes something", "rule": "second_eyes.delete"} if {
	input.event.type == "TOOL_CALL_PROPOSED"
	"delete" in input.call.effects
}

require_approval contains {"message": "a large amount", "rule": "second_eyes.amount", "where": "/args/amount"} if {
	input.event.type == "TOOL_CALL_PROPOSED"
	"spend" in input.call.effects
	not small
}

# A missing amount, or one that is no number, is not small.
small if {
	is_number(input.call.args.amount)
	input.call.args.amount <= amount_max
}

deny contains {"message": "withheld: marked by the vault", "rule": "second_eyes.vault"} if {
	input.event.type == "TOOL_RESULT"
	input.event.payload.result.marker == "vault"
}

# Looks inside text. With a line break in it regorus answers, and regopy fails: POLICY_ERROR.
package aegis.rules

import rego.v1

deny contains {"message": "that is a secret", "rule": "secret", "where": "/args/text"} if {
	input.call.tool == "send"
	contains(input.call.args.text, "secret")
}

# APPROVAL_REQUIRED: the manifest sends this tool's calls to a human.
package aegis.approval

import rego.v1

fine if {
	input.call.approval == false
} else if {
	not data.aegis.event.call
}

require_approval contains {
	"code": "APPROVAL_REQUIRED",
	"rule": "aegis.approval.tool",
	"where": "/tool_name",
	"data": {},
} if {
	not fine
}

# PERMISSION_UNDECLARED: only what a registered manifest declares may be proposed.
package aegis.permission

import rego.v1

fine if {
	registered
	declared
	understood
} else if {
	registered
	not data.aegis.event.call
} else if {
	data.aegis.event.release
}

registered if data.manifest.registered == true

# Core compares the name with the manifest's tools, and the server where a declaration names one,
# exactly: it holds the manifest in the same normal form as `data.manifest`.
declared if input.call.declared == true

# That effects is a list is proven here, once: the families below ask what is in it.
understood if {
	is_boolean(input.call.approval)
	is_array(input.call.effects)
}

deny contains {
	"code": "PERMISSION_UNDECLARED",
	"rule": "aegis.permission.manifest",
	"where": "",
	"data": {"missing": "manifest"},
} if {
	not registered
}

deny contains {
	"code": "PERMISSION_UNDECLARED",
	"rule": "aegis.permission.tool",
	"where": "/tool_name",
	"data": {"missing": "tool"},
} if {
	data.aegis.event.call
	registered
	not declared
}

deny contains {
	"code": "PERMISSION_UNDECLARED",
	"rule": "aegis.permission.effects",
	"where": "/tool_name",
	"data": {"missing": "effects"},
} if {
	data.aegis.event.call
	not understood
}

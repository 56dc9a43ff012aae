# ARGS_INVALID: the arguments fit the tool's schema, and a dangerous tool has one.
package aegis.args

import rego.v1

fine if {
	input.call.args_errors == []
	typed
} else if {
	not data.aegis.event.call
}

typed if {
	input.call.args_typed == true
} else if {
	input.call.args_typed == false
	input.call.risk in ["low", "medium"]
} else if {
	# Nobody gave a schema for what nobody declared; that it is undeclared denies it.
	input.call.declared == false
}

deny contains {
	"code": "ARGS_INVALID",
	"rule": "aegis.args.schema",
	"where": error.where,
	"data": {"rule": error.rule},
} if {
	is_array(input.call.args_errors)
	some error in input.call.args_errors
	is_string(error.where)
	is_string(error.rule)
}

deny contains {
	"code": "ARGS_INVALID",
	"rule": "aegis.args.schema",
	"where": "/args",
	"data": {},
} if {
	not input.call.args_errors == []
	not explained
}

explained if {
	is_array(input.call.args_errors)
	some error in input.call.args_errors
	is_string(error.where)
	is_string(error.rule)
}

deny contains {
	"code": "ARGS_INVALID",
	"rule": "aegis.args.untyped",
	"where": "/args",
	"data": {},
} if {
	not typed
}

# EGRESS_DENY: a tool that reaches the network reaches only the domains the manifest lists.
package aegis.egress

import rego.v1

fine if {
	not "net" in input.call.effects
	not "exec" in input.call.effects
} else if {
	hosts_allowed
	unproblematic
	host_found
} else if {
	not data.aegis.event.call
}

hosts_allowed if {
	is_array(input.call.hosts)
	every found in input.call.hosts { allowed(found) }
}

unproblematic if {
	input.call.problems == []
} else if {
	is_array(input.call.problems)
	every problem in input.call.problems { problem.target in ["path", "command", "recipient"] }
}

host_found if {
	input.call.hosts != []
} else if {
	not "net" in input.call.effects
}

# By an entry of its host alone, where that is enough, or by one of its scheme and its host.
allowed(found) if {
	found.plain == true
	listed(found, "")
} else if {
	is_string(found.scheme)
	listed(found, concat("", [found.scheme, "://"]))
}

# A name or an address listed as it stands; by `*` every name and no address; by `*.example.com`
# every name below example.com, at any depth, and not example.com.
listed(found, before) if {
	is_string(found.host)
	concat("", [before, found.host]) in data.manifest.net.domains
} else if {
	found.kind == "name"
	is_string(found.host)
	concat("", [before, "*"]) in data.manifest.net.domains
} else if {
	found.kind == "name"
	is_string(found.host)
	not startswith(found.host, ".")
	some domain in data.manifest.net.domains
	startswith(domain, concat("", [before, "*."]))
	endswith(found.host, trim_prefix(domain, concat("", [before, "*"])))
}

deny contains {
	"code": "EGRESS_DENY",
	"rule": "aegis.egress.host",
	"where": found.where,
	"data": {"host": found.host},
} if {
	readable
	some found in input.call.hosts
	found.plain == true
	not allowed(found)
}

deny contains {
	"code": "EGRESS_DENY",
	"rule": "aegis.egress.scheme",
	"where": found.where,
	"data": {"entry": concat("://", [found.scheme, found.host])},
} if {
	readable
	some found in input.call.hosts
	found.plain == false
	not allowed(found)
}

deny contains {
	"code": "EGRESS_DENY",
	"rule": "aegis.egress.problem",
	"where": problem.where,
	"data": {"problem": problem.code},
} if {
	readable
	some problem in input.call.problems
	problem.target == "host"
}

deny contains {
	"code": "EGRESS_DENY",
	"rule": "aegis.egress.no_host",
	"where": "/args",
	"data": {},
} if {
	not host_found
}

# Something that has not even the shape to be explained: `where` and the values may be missing.
deny contains {
	"code": "EGRESS_DENY",
	"rule": "aegis.egress.unreadable",
	"where": "/args",
	"data": {},
} if {
	not readable
}

readable if {
	is_array(input.call.hosts)
	is_array(input.call.problems)
	every found in input.call.hosts {
		is_string(found.host)
		is_string(found.scheme)
		is_boolean(found.plain)
		is_string(found.where)
	}
	every problem in input.call.problems {
		problem.target in ["host", "path", "command", "recipient"]
		is_string(problem.code)
		is_string(problem.where)
	}
}

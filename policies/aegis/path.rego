# PATH_DENY: files are touched only inside the roots the manifest lists. Paths are compared as text,
# segment by segment, in exact case; core has normalised them.
package aegis.path

import rego.v1

fine if {
	paths_allowed
	unproblematic
} else if {
	not "read" in input.call.effects
	not "write" in input.call.effects
	not "delete" in input.call.effects
	not "exec" in input.call.effects
} else if {
	not data.aegis.event.call
}

paths_allowed if {
	is_array(input.call.paths)
	every found in input.call.paths { allowed(found) }
}

unproblematic if {
	is_array(input.call.problems)
	every problem in input.call.problems { problem.target in ["host", "command", "recipient"] }
}

# What is loaded as code comes from where an agent may read, and not from where it may only write.
allowed(found) if {
	found.access in ["read", "load"]
	some root in data.manifest.fs.read_roots
	inside(found.path, root)
} else if {
	found.access in ["read", "write", "delete"]
	some root in data.manifest.fs.write_roots
	inside(found.path, root)
}

# A root is a prefix of itself and of all that lies below it, once both end in a slash.
inside(path, root) if {
	is_string(path)
	root != ""
	startswith(concat("", [path, "/"]), concat("", [root, "/"]))
} else if {
	is_string(path)
	root == "/"
	startswith(path, "/")
} else if {
	# `.` is wherever the tool stands: every relative path that does not leave it.
	is_string(path)
	root == "."
	path != ""
	path != ".."
	not startswith(path, "/")
	not startswith(path, "../")
}

deny contains {
	"code": "PATH_DENY",
	"rule": "aegis.path.root",
	"where": found.where,
	"data": {"path": found.path, "access": found.access},
} if {
	readable
	some found in input.call.paths
	not allowed(found)
}

deny contains {
	"code": "PATH_DENY",
	"rule": "aegis.path.problem",
	"where": problem.where,
	"data": {"problem": problem.code},
} if {
	readable
	some problem in input.call.problems
	problem.target == "path"
}

# Something that has not even the shape to be explained: `where` and the values may be missing.
deny contains {
	"code": "PATH_DENY",
	"rule": "aegis.path.unreadable",
	"where": "/args",
	"data": {},
} if {
	not readable
}

readable if {
	is_array(input.call.paths)
	is_array(input.call.problems)
	every found in input.call.paths {
		is_string(found.path)
		is_string(found.access)
		is_string(found.where)
	}
	every problem in input.call.problems {
		problem.target in ["host", "path", "command", "recipient"]
		is_string(problem.code)
		is_string(problem.where)
	}
}
